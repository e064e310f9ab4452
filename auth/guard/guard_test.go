package guard_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/auth/plain"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/internal/seal"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
)

// world is a table of users and who guards it.
type world struct {
	*testing.T
	user.Table
	seal   *seal.Keeper
	opened int
}

func (w *world) put(name, password string, kind user.Kind, status user.Status) {
	w.Helper()
	sealed, err := w.seal.Seal([]byte(password), name)
	if err == nil {
		err = w.Apply(user.AppendPut(nil, &user.User{Name: name, Password: sealed, Kind: kind, Status: status}), 1)
	}
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) allow(name, resource string, actions ...string) {
	w.Helper()
	r, _ := acl.ParseResource(resource)
	l := &acl.List{Subject: acl.User(name)}
	if old, ok := w.List(l.Subject); ok {
		l = old.Clone()
	}
	l.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{{Resource: r, Actions: actions, Decision: acl.Allow}}}})
	if err := w.Apply(user.AppendPutList(nil, l), 1); err != nil {
		w.Fatal(err)
	}
}

func (w *world) guard(o guard.Options) *guard.Guard {
	o.Cluster = "c"
	o.Users = func(read func(t *user.Table)) { read(&w.Table) }
	o.Open = func(sealed []byte, of string) ([]byte, error) {
		w.opened++
		return w.seal.Open(sealed, of)
	}
	return guard.New(o)
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, seal: seal.Memory()}
	w.put("root", "r", user.Super, user.Enabled)
	w.put("alice", "a", user.Normal, user.Enabled)
	w.put("gone", "g", user.Normal, user.Disabled)
	w.allow("alice", "Topic:orders", "Pub")
	return w
}

// send is a send to a topic, signed.
func send(topic, name, password string) *protocol.Frame {
	f := &protocol.Frame{Code: protocol.ReqSendMessageV2, Version: 513, Body: []byte("hello")}
	f.Fields.Add("b", topic)
	(&sign.Credentials{User: name, Password: password}).Frame(f)
	return f
}

// want has a guard look at a request, and wants a refusal's text, "" for none.
func (w *world) want(g *guard.Guard, f *protocol.Frame, text string, unknown bool) {
	w.Helper()
	err := g.Admit(f, guard.Peer{From: []netip.Addr{netip.MustParseAddr("10.0.0.1")}})
	var no *guard.Refusal
	switch {
	case text == "" && err == nil:
	case !errors.As(err, &no) || no.Text != text || no.Unknown != unknown:
		w.Errorf("%v, want %q", err, text)
	}
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t)
	g := w.guard(guard.Options{Authenticate: true, Unsigned: []string{"12", "26"}})
	w.want(g, send("any", "alice", "a"), "", false)
	w.want(g, send("any", "alice", "b"), "check signature failed.", true)
	w.want(g, send("any", "", ""), "username cannot be null.", true)
	w.want(g, send("any", "bob", "a"), "User:bob is not found.", true)
	w.want(g, send("any", "gone", "g"), "User:gone is disabled.", true)
	changed := send("any", "alice", "a")
	changed.Body = []byte("other")
	w.want(g, changed, "check signature failed.", true)
	w.want(g, &protocol.Frame{Code: protocol.ReqQueryMessage}, "", false)
	w.want(g, &protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic}, "", false)

	// A password is opened once for each state of its user.
	before := w.opened
	w.want(g, send("any", "alice", "a"), "", false)
	if w.opened != before {
		t.Error("the password was opened again")
	}
	w.put("alice", "new", user.Normal, user.Enabled)
	w.want(g, send("any", "alice", "a"), "check signature failed.", true)
	w.want(g, send("any", "alice", "new"), "", false)
	w.put("alice", "new", user.Normal, user.Disabled)
	w.want(g, send("any", "alice", "new"), "User:alice is disabled.", true)

	// The key is another.
	w.put("alice", "new", user.Normal, user.Enabled)
	other := seal.Memory()
	if _, err := other.Seal(nil, "x"); err != nil {
		t.Fatal(err)
	}
	w.seal = other
	if err := g.Admit(send("any", "alice", "new"), guard.Peer{}); err == nil {
		t.Error("a password that cannot be opened holds")
	}
}

func TestAuthorization(t *testing.T) {
	w := newWorld(t)
	g := w.guard(guard.Options{Authenticate: true, Authorize: true, Unasked: []string{"12"}})
	w.want(g, send("orders", "alice", "a"), "", false)
	w.want(g, send("other", "alice", "a"), "User:alice has no permission to access Topic:other from 10.0.0.1, no matched policies.", false)
	w.want(g, send("other", "root", "r"), "", false)
	w.want(g, send("RMQ_SYS_TRACE_TOPIC", "alice", "a"), "", false)
	w.allow("alice", "Topic:oth*", "Pub")
	w.want(g, send("other", "alice", "a"), "", false)

	query := &protocol.Frame{Code: protocol.ReqQueryMessage, Version: 513}
	query.Fields.Add("topic", "secret")
	(&sign.Credentials{User: "alice", Password: "a"}).Frame(query)
	w.want(g, query, "", false)
	twice := send("orders", "alice", "a")
	twice.Fields.Add("b", "secret")
	(&sign.Credentials{User: "alice", Password: "a"}).Frame(twice)
	w.want(g, twice, "parse authorization context error. (the request has the field \"b\" twice)", false)

	believed := w.guard(guard.Options{Authorize: true})
	w.want(believed, send("orders", "alice", "wrong"), "", false)
	w.want(believed, send("orders", "bob", "b"), "User:bob not found.", false)
	w.want(believed, send("orders", "", ""), "Authorization failed. Please verify your access rights and try again. (the request names no user)", false)
}

// TestFilesOf4: users of a file sign and have rights like others; those of the table go first, and white addresses are asked for nothing.
func TestFilesOf4(t *testing.T) {
	w := newWorld(t)
	var set *plain.Set
	g := w.guard(guard.Options{Authenticate: true, Authorize: true, Plain: func() *plain.Set { return set }})
	w.want(g, send("orders", "dave", "d"), "User:dave is not found.", true)
	set = &plain.Set{}
	if err := set.Read([]byte("globalWhiteRemoteAddresses:\n- 10.9.*.*\naccounts:\n- accessKey: dave\n  secretKey: d\n  topicPerms:\n  - orders=PUB\n- accessKey: alice\n  secretKey: x\n  admin: true\n")); err != nil {
		t.Fatal(err)
	}
	w.want(g, send("orders", "dave", "d"), "", false)
	w.want(g, send("orders", "dave", "e"), "check signature failed.", true)
	w.want(g, send("other", "dave", "d"), "User:dave has no permission to access Topic:other from 10.0.0.1, no matched policies.", false)
	w.want(g, send("other", "alice", "x"), "check signature failed.", true)
	w.want(g, send("other", "alice", "a"), "User:alice has no permission to access Topic:other from 10.0.0.1, no matched policies.", false)
	if err := g.Admit(send("other", "", ""), guard.Peer{From: []netip.Addr{netip.MustParseAddr("10.9.8.7")}}); err != nil {
		t.Errorf("from a white address: %v", err)
	}
	set = nil
	w.want(g, send("orders", "dave", "d"), "User:dave is not found.", true)
}

func TestExplain(t *testing.T) {
	w := newWorld(t)
	g := w.guard(guard.Options{})
	f := func(name, resource, action, want string) {
		t.Helper()
		r, _ := acl.ParseResource(resource)
		v, err := g.Explain(name, netip.Addr{}, decide.Need{Resource: r, Actions: []string{action}})
		if err != nil || v.Reason() != want {
			t.Errorf("%s %s %s: %s, %v", name, action, resource, v.Reason(), err)
		}
	}
	f("root", "Topic:x", "Delete", "a super user may do everything")
	f("alice", "Topic:orders", "Pub", "Custom: Allow Pub on Topic:orders")
	f("alice", "Topic:orders", "Sub", "no entry fits")
	if _, err := g.Explain("bob", netip.Addr{}, decide.Need{}); !errors.Is(err, guard.ErrNoUser) {
		t.Error(err)
	}
	if g.Signs("x") || g.Asks("x") {
		t.Error("nothing is switched on")
	}
}

// BenchmarkAdmit is what a send of 1 KiB costs by a user with ten entries.
func BenchmarkAdmit(b *testing.B) {
	w := newWorld(&testing.T{})
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		w.allow("alice", "Topic:"+name+"*", "Pub")
	}
	g := w.guard(guard.Options{Authenticate: true, Authorize: true})
	f := send("orders", "alice", "a")
	f.Body = make([]byte, 1024)
	(&sign.Credentials{User: "alice", Password: "a"}).Frame(f)
	from := guard.Peer{From: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Admit(f, from); err != nil {
			b.Fatal(err)
		}
	}
}
