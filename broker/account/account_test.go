package account

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/internal/seal"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// table is a store of users alone.
type table struct{ user.Table }

func (t *table) Users(read func(t *user.Table)) { read(&t.Table) }

func (t *table) ChangeUsers(_ context.Context, build func(t *user.Table) ([][]byte, error)) error {
	changes, err := build(&t.Table)
	for i := 0; i < len(changes) && err == nil; i++ {
		err = t.Apply(changes[i], 1)
	}
	return err
}

type serve func(context.Context, *protocol.Frame, string) (apart.Answer, error)

// ask sends a request with one header field, and wants an error, "" for none.
func ask(t *testing.T, to serve, field, value, body, problem string) string {
	t.Helper()
	f := protocol.Frame{Body: []byte(body)}
	f.Fields.Add(field, value)
	a, err := to(t.Context(), &f, "10.0.0.1:5")
	if (err == nil) != (problem == "") || err != nil && !strings.Contains(err.Error(), problem) {
		t.Errorf("%s=%s: %v, want %q", field, value, err, problem)
	}
	return string(a.Body)
}

// TestAnotherKey: passwords that were sealed with another key are left out and written of, and so is that new ones get this key.
func TestAnotherKey(t *testing.T) {
	var s table
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	before := New(&s, seal.Memory(), logger)
	ask(t, before.CreateUser, "username", "alice", `{"password":"secret-1"}`, "")
	if strings.Contains(log.String(), "cannot be opened") {
		t.Errorf("logged: %s", log.String())
	}
	after := New(&s, seal.Memory(), logger)
	const alice = `{"userStatus":"enable","userType":"Normal","username":"alice"}`
	if got := ask(t, after.GetUser, "username", "alice", "", ""); got != alice {
		t.Errorf("told %s", got)
	}
	if !strings.Contains(log.String(), "users are told without their passwords") {
		t.Errorf("logged: %s", log.String())
	}
	ask(t, after.CreateUser, "username", "bob", `{"password":"secret-2"}`, "")
	if !strings.Contains(log.String(), "new ones are sealed with another key") || strings.Contains(log.String(), "secret-") {
		t.Errorf("logged: %s", log.String())
	}
	const bob = `{"password":"secret-2","userStatus":"enable","userType":"Normal","username":"bob"}`
	if got := ask(t, after.ListUsers, "filter", "", "", ""); got != "["+alice+","+bob+"]" {
		t.Errorf("told %s", got)
	}
}

// entries are n entries for resources whose names have so many letters.
func entries(n, from, letters int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"actions":["Pub","pub","PUB"],"decision":"Allow","resource":"Topic:%0*d"}`, letters, from+i))
	}
	return `{"policies":[{"policyType":"Custom","entries":[` + strings.Join(list, ",") + `]}]}`
}

func TestListsAreBounded(t *testing.T) {
	var s table
	a := New(&s, seal.Memory(), slog.New(slog.DiscardHandler))
	ask(t, a.CreateUser, "username", "alice", `{"password":"x"}`, "")
	put := func(body, problem string) {
		t.Helper()
		ask(t, a.PutACL, "subject", "User:alice", body, problem)
	}
	put(entries(1001, 0, 5), "the request has 1001 entries, the limit is 1000")
	put(entries(900, 0, 5), "")
	put(entries(101, 900, 5), "the list of User:alice would have 1001 entries, the limit is 1000")
	put(entries(100, 800, 500), "bytes, the limit is 65536")
	put(entries(100, 0, 5), "") // in the place of those that are there
	list, _ := s.List("User:alice")
	if actions := list.Policies[0].Entries[0].Actions; list.Len() != 900 || len(actions) != 1 {
		t.Errorf("%d entries, the actions of the first are %v", list.Len(), actions)
	}
	// Others have nearly all the room that there is.
	wide := &acl.List{Subject: "User:other"}
	wide.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{{Resource: acl.Resource{Kind: "Topic", Name: strings.Repeat("x", maxLists-s.ListsBytes()-1000)}, Actions: []string{"Pub"}, Decision: acl.Allow}}}})
	if err := s.Apply(user.AppendPutList(nil, wide), 1); err != nil {
		t.Fatal(err)
	}
	put(entries(50, 900, 5), "all lists would have")
	put(entries(10, 0, 5), "")
	if s.ListsBytes() > maxLists {
		t.Errorf("%d bytes", s.ListsBytes())
	}
}
