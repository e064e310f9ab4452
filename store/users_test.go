package store

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/projection/user"
)

// TestUsersSurvive: they are back after a crash, after a clean stop, and without the cache.
func TestUsersSurvive(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := testOptions(fs)
	s := openTest(t, o)
	change := func(changes ...[]byte) {
		t.Helper()
		if err := s.ChangeUsers(t.Context(), func(*user.Table) ([][]byte, error) { return changes, nil }); err != nil {
			t.Fatal(err)
		}
	}
	list := &acl.List{Subject: "User:alice", Policies: []acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{{Resource: acl.Resource{Kind: "Topic", Name: "a"}, Actions: []string{"Pub"}, Decision: acl.Allow}}}}}
	change(user.AppendPut(nil, &user.User{Name: "alice", Password: []byte("sealed"), Kind: user.Normal, Status: user.Enabled}), user.AppendPutList(nil, list))
	change(user.AppendPut(nil, &user.User{Name: "bob", Kind: user.Super, Status: user.Enabled}))
	change(user.AppendDelete(nil, "bob"))
	refused := errors.New("refused")
	if err := s.ChangeUsers(t.Context(), func(*user.Table) ([][]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("a refused change: %v", err)
	}
	check := func(s *Store, what string) {
		t.Helper()
		s.Users(func(table *user.Table) {
			u, ok := table.Get("alice")
			if !ok || !bytes.Equal(u.Password, []byte("sealed")) || table.Len() != 1 {
				t.Errorf("%s: alice is %v of %d", what, u, table.Len())
			}
			if l, ok := table.List("User:alice"); !ok || l.Len() != 1 {
				t.Errorf("%s: her list is %v", what, l)
			}
		})
	}
	check(s, "at once")
	crashed := synced(fs)
	closeTest(t, s)
	for what, fs := range map[string]vfs.FS{"after a crash": crashed, "after a stop": fs} {
		o.FS = fs
		s := openTest(t, o)
		check(s, what)
		closeTest(t, s)
		if err := fs.RemoveAll("store/cache"); err != nil {
			t.Fatal(err)
		}
		s = openTest(t, o)
		check(s, what+", without the cache")
		closeTest(t, s)
	}
}
