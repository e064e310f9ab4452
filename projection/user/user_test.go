package user_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/google/go-cmp/cmp"
)

func list(subject string, resources ...string) *acl.List {
	l := &acl.List{Subject: subject}
	for _, text := range resources {
		r, ok := acl.ParseResource(text)
		if !ok {
			panic("no resource: " + text)
		}
		l.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{{Resource: r, Actions: []string{"Pub", "Sub"}, SourceIPs: []string{"10.0.0.0/8"}, Decision: acl.Allow}}}})
	}
	return l
}

func apply(t *testing.T, table *user.Table, changes ...[]byte) {
	t.Helper()
	for _, c := range changes {
		if err := table.Apply(c, 7); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t *user.Table) string {
	var b strings.Builder
	t.Snapshot(func(change []byte) { b.WriteString(hex.EncodeToString(change) + "\n") })
	return b.String()
}

func TestUsersAndTheirLists(t *testing.T) {
	var table user.Table
	alice := &user.User{Name: "alice", Password: []byte("sealed"), Kind: user.Normal, Status: user.Enabled}
	apply(t, &table, user.AppendPut(nil, alice), user.AppendPut(nil, &user.User{Name: "root", Password: []byte("x"), Kind: user.Super, Status: user.Disabled}),
		user.AppendPutList(nil, list("User:alice", "Topic:a", "Group:g*", "*")), user.AppendPutList(nil, list("User:bob", "Topic:b")))
	if got, ok := table.Get("alice"); !ok || !cmp.Equal(got, alice) {
		t.Errorf("alice is %v", got)
	}
	if l, ok := table.List(alice.Subject()); !ok || !cmp.Equal(l, list("User:alice", "Topic:a", "Group:g*", "*")) {
		t.Errorf("alice's list is %v", l)
	}
	var again user.Table
	table.Snapshot(func(change []byte) { apply(t, &again, bytes.Clone(change)) })
	if diff := cmp.Diff(contents(&table), contents(&again)); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		if got, want := table.ListsBytes(), user.ListBytes(list("User:alice", "Topic:a", "Group:g*", "*"))+user.ListBytes(list("User:bob", "Topic:b")); table.Len() == 2 && got != want {
			t.Errorf("%d bytes of lists, want %d", got, want)
		}
		apply(t, &table, user.AppendPutList(nil, list("User:bob", "Topic:b", "Topic:c")), user.AppendDelete(nil, "alice"), user.AppendDeleteList(nil, "User:bob"))
	}
	if n := table.ListsBytes(); n != 0 {
		t.Errorf("no lists have %d bytes", n)
	}
	if _, ok := table.List("User:alice"); ok || table.Len() != 1 || len(table.Lists()) != 0 {
		t.Errorf("left over:\n%s", contents(&table))
	}
}

// TestBytes pins the bytes of the changes down: stores in the field hold them.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{user.AppendPut(nil, &user.User{Name: "u", Password: []byte{0xFF}, Kind: user.Normal, Status: user.Enabled}), "01017501ff0201"},
		{user.AppendDelete(nil, "u"), "020175"},
		{user.AppendDeleteList(nil, "User:u"), "0406557365723a75"},
		{user.AppendPutList(nil, list("User:u", "Topic:a")), "0306557365723a7501" + "06437573746f6d01" + "07546f7069633a61" + "05416c6c6f77" + "020350756203537562" + "010a31302e302e302e302f38"},
	} {
		if got := hex.EncodeToString(c.change); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestDamagedChanges(t *testing.T) {
	put := user.AppendPut(nil, &user.User{Name: "u", Kind: user.Normal, Status: user.Enabled})
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "kind 0"},
		{[]byte{9}, "unknown kind 9"},
		{put[:len(put)-1], "cut short"},
		{append(bytes.Clone(put), 0), "1 bytes too many"},
		{user.AppendDelete(nil, ""), "no name"},
		{user.AppendPut(nil, &user.User{Name: "u", Kind: 3, Status: user.Enabled}), "kind 3 and status 1"},
		{bytes.Replace(user.AppendPutList(nil, list("User:u", "Topic:a")), []byte("Topic"), []byte("Tipoc"), 1), `"Tipoc:a", which is no resource`},
	} {
		var table user.Table
		if err := table.Apply(c.change, 7); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "log offset 7") {
			t.Errorf("%x: %v, want %q", c.change, err, c.want)
		}
		if contents(&table) != "" {
			t.Errorf("%x has changed the table", c.change)
		}
	}
}

// FuzzApply: no change does harm, and what a table holds makes an equal one.
func FuzzApply(f *testing.F) {
	f.Add(user.AppendPut(nil, &user.User{Name: "u", Password: []byte("x"), Kind: user.Super, Status: user.Enabled}))
	f.Add(user.AppendPutList(nil, list("User:u", "Topic:a", "Group:*")))
	f.Add(user.AppendDelete(nil, "u"))
	f.Add(user.AppendDeleteList(nil, "User:u"))
	f.Fuzz(func(t *testing.T, change []byte) {
		var table, again user.Table
		if table.Apply(change, 1) != nil {
			return
		}
		table.Snapshot(func(c []byte) {
			if err := again.Apply(c, 2); err != nil {
				t.Fatalf("%x makes a table that cannot be made again: %v", change, err)
			}
		})
		if a, b := contents(&table), contents(&again); a != b {
			t.Fatalf("%x: %s and %s", change, a, b)
		}
	})
}
