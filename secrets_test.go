package aerobee

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestPasswordsAreSealedOnTheDisk: a user is back after a restart, and no file holds the password.
func TestPasswordsAreSealedOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	const password = "correct horse battery"
	s := startAt(t, dir)
	if _, err := os.Stat(filepath.Join(dir, secretsFile)); !os.IsNotExist(err) {
		t.Errorf("there is a key before there is a secret: %v", err)
	}
	s.dial(t).wantCode(s.dial(t).call(protocol.ReqAuthCreateUser, `{"password":"`+password+`"}`, "username", "alice"), protocol.ResSuccess, "")
	stop(t, s)

	s = startAt(t, dir)
	got := s.dial(t).call(protocol.ReqAuthGetUser, "", "username", "alice")
	if want := `{"password":"` + password + `","userStatus":"enable","userType":"Normal","username":"alice"}`; string(got.Body) != want {
		t.Errorf("code %d %s: %s, want %s", got.Code, got.Remark, got.Body, want)
	}
	stop(t, s)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(password)) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, secretsFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	if err := os.Remove(filepath.Join(dir, secretsFile)); err != nil {
		t.Fatal(err)
	}
	s = startAt(t, dir)
	defer stop(t, s)
	got = s.dial(t).call(protocol.ReqAuthGetUser, "", "username", "alice")
	if want := `{"userStatus":"enable","userType":"Normal","username":"alice"}`; got.Code != protocol.ResSuccess || string(got.Body) != want {
		t.Errorf("without the key: code %d %s: %s, want %s", got.Code, got.Remark, got.Body, want)
	}
}
