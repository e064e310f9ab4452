// Package seal keeps secrets unreadable where they are stored: they are encrypted with a key that lies in a file of its own, which
// is not copied with what is stored. Sealing and opening are safe to call at once.
//
// A sealed secret:
//
//	 0   1  version, 1
//	 1   8  which key: the first bytes of SHA-256 over it
//	 9  12  nonce
//	21   n  AES-256-GCM of the secret, with what it belongs to as additional data
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	version  = 1
	keyBytes = 32
	idBytes  = 8
)

// Keeper seals with one key.
type Keeper struct {
	path string // of the key's file; "" keeps the key in memory

	mu  sync.Mutex // guards key
	key *key
}

type key struct {
	id   [idBytes]byte
	aead cipher.AEAD
}

// File returns a Keeper whose key is the one line of hexadecimal digits in a file. It is read when it is needed, and made, readable
// to its owner alone, with the first secret that is sealed.
func File(path string) *Keeper { return &Keeper{path: path} }

// Memory returns a Keeper whose key lives as long as the process.
func Memory() *Keeper { return &Keeper{} }

// Seal encrypts a secret that belongs to something, such as a user's name: sealed for one it opens for no other.
func (k *Keeper) Seal(secret []byte, of string) ([]byte, error) {
	key, err := k.load(true)
	if err != nil {
		return nil, err
	}
	out := append([]byte{version}, key.id[:]...)
	nonce := make([]byte, key.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	out = append(out, nonce...)
	return key.aead.Seal(out, nonce, secret, []byte(of)), nil
}

// Open decrypts what Seal has made. Errors name the key's file, never the secret.
func (k *Keeper) Open(sealed []byte, of string) ([]byte, error) {
	key, err := k.load(false)
	if err != nil {
		return nil, err
	}
	head := 1 + idBytes + key.aead.NonceSize()
	switch {
	case len(sealed) < head:
		return nil, fmt.Errorf("the sealed secret of %q has %d bytes, one has at least %d", of, len(sealed), head)
	case sealed[0] != version:
		return nil, fmt.Errorf("the sealed secret of %q has version %d, this version knows %d", of, sealed[0], version)
	case !bytes.Equal(sealed[1:1+idBytes], key.id[:]):
		return nil, fmt.Errorf("the secret of %q was sealed with the key %x, %s is %x", of, sealed[1:1+idBytes], k.name(), key.id)
	}
	secret, err := key.aead.Open(nil, sealed[1+idBytes:head], sealed[head:], []byte(of))
	if err != nil {
		return nil, fmt.Errorf("the sealed secret of %q is damaged, or another's", of)
	}
	return secret, nil
}

func (k *Keeper) name() string {
	if k.path == "" {
		return "the one in memory"
	}
	return "that of " + k.path
}

func (k *Keeper) load(create bool) (*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	raw, err := k.read()
	if errors.Is(err, fs.ErrNotExist) && create {
		raw, err = k.make()
	}
	if err != nil {
		return nil, err
	}
	k.key, err = newKey(raw)
	return k.key, err
}

func (k *Keeper) read() ([]byte, error) {
	if k.path == "" {
		return nil, fmt.Errorf("the key in memory: %w", fs.ErrNotExist)
	}
	text, err := os.ReadFile(k.path)
	if err != nil {
		return nil, fmt.Errorf("the key that secrets are sealed with: %w", err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(raw) != keyBytes {
		return nil, fmt.Errorf("%s holds no key: %d bytes, not %d hexadecimal digits", k.path, len(text), 2*keyBytes)
	}
	return raw, nil
}

func (k *Keeper) make() ([]byte, error) {
	raw := make([]byte, keyBytes)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if k.path == "" {
		return raw, nil
	}
	if err := write(k.path, []byte(hex.EncodeToString(raw)+"\n")); err != nil {
		return nil, fmt.Errorf("make the key that secrets are sealed with: %w", err)
	}
	return raw, nil
}

// write makes a file that its owner alone may read, whole or not at all.
func write(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir) // #nosec G304 -- where the key itself lies
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func newKey(raw []byte) (*key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	k := &key{aead: aead}
	sum := sha256.Sum256(raw)
	copy(k.id[:], sum[:])
	return k, nil
}
