package seal_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/seal"
)

func mustSeal(t *testing.T, k *seal.Keeper, secret, of string) []byte {
	t.Helper()
	out, err := k.Seal([]byte(secret), of)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestASecretOpensWithItsKeyForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	sealed := mustSeal(t, seal.File(path), "12345678", "alice")
	if bytes.Contains(sealed, []byte("12345678")) {
		t.Fatalf("the secret stands in %q", sealed)
	}
	if again := mustSeal(t, seal.File(path), "12345678", "alice"); bytes.Equal(sealed, again) {
		t.Error("two seals of a secret are equal")
	}
	open := func(k *seal.Keeper, sealed []byte, of, want string) {
		t.Helper()
		secret, err := k.Open(sealed, of)
		if err != nil {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			return
		}
		if string(secret) != want {
			t.Errorf("opened %q, want %q", secret, want)
		}
	}
	open(seal.File(path), sealed, "alice", "12345678")
	open(seal.File(path), sealed, "bob", "damaged, or another's")
	open(seal.File(path), sealed[:20], "alice", "has 20 bytes")
	open(seal.File(path), append([]byte{2}, sealed[1:]...), "alice", "version 2")
	open(seal.File(path), append(bytes.Clone(sealed[:30]), 0), "alice", "damaged")
	other := filepath.Join(t.TempDir(), "secrets.key")
	open(seal.File(other), sealed, "alice", "no such file")
	mustSeal(t, seal.File(other), "x", "y")
	open(seal.File(other), sealed, "alice", "was sealed with the key")
	inMemory := seal.Memory()
	open(inMemory, mustSeal(t, inMemory, "s", "u"), "u", "s")
	open(seal.Memory(), sealed, "alice", "the key in memory")
}

func TestTheKeysFileIsItsOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	if _, err := seal.File(path).Open(nil, "u"); err == nil {
		t.Error("a key that is not there opens")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("opening has made a key: %v", err)
	}
	mustSeal(t, seal.File(path), "s", "u")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%v, %v", info, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("beside the key there is %v", entries)
	}
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.File(path).Seal([]byte("s"), "u"); err == nil || !strings.Contains(err.Error(), "holds no key: 3 bytes") {
		t.Errorf("a file without a key: %v", err)
	}
}

// FuzzOpen: nothing opens but what was sealed.
func FuzzOpen(f *testing.F) {
	k := seal.Memory()
	good, err := k.Seal([]byte("secret"), "u")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:21])
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if secret, err := k.Open(sealed, "u"); err == nil && !bytes.Equal(sealed, good) {
			t.Fatalf("%x opens as %q", sealed, secret)
		}
	})
}
