package guard_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/auth/plain"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
)

// holds has a guard look at a request on a connection with a user's certificate, and wants a refusal's text, "" for none.
func (w *world) holds(g *guard.Guard, holder string, f *protocol.Frame, text string) {
	w.Helper()
	err := g.Admit(f, guard.Peer{From: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Holder: holder})
	if text == "" && err != nil || text != "" && (err == nil || err.Error() != text) {
		w.Errorf("with the certificate of %q: %v, want %q", holder, err, text)
	}
}

// TestCertificates stand for who they name where nothing is signed, and nowhere else.
func TestCertificates(t *testing.T) {
	w := newWorld(t)
	g := w.guard(guard.Options{Authenticate: true, Authorize: true})
	unsigned := func(topic string) *protocol.Frame {
		f := &protocol.Frame{Code: protocol.ReqSendMessageV2, Version: 513, Body: []byte("hello")}
		f.Fields.Add("b", topic)
		return f
	}
	const nobody = "username cannot be null."
	w.holds(g, "", unsigned("orders"), nobody)
	w.holds(g, "alice", unsigned("orders"), "")
	w.holds(g, "alice", unsigned("other"), "User:alice has no permission to access Topic:other from 10.0.0.1, no matched policies.")
	w.holds(g, "root", unsigned("other"), "")
	w.holds(g, "gone", unsigned("orders"), "User:gone is disabled.")
	w.holds(g, "bob", unsigned("orders"), nobody)
	w.holds(g, "Alice", unsigned("orders"), nobody)

	// What is signed, or claims to be, is judged by that.
	w.holds(g, "alice", send("other", "root", "r"), "")
	w.holds(g, "root", send("other", "alice", "a"), "User:alice has no permission to access Topic:other from 10.0.0.1, no matched policies.")
	w.holds(g, "alice", send("orders", "alice", "wrong"), "check signature failed.")
	w.holds(g, "alice", send("orders", "bob", "b"), "User:bob is not found.")
	for _, field := range []string{"AccessKey", "Signature"} {
		for value, text := range map[string]string{"": nobody, "alice": "check signature failed."} {
			if field == "Signature" {
				text = nobody
			}
			f := unsigned("orders")
			f.Fields.Add(field, value)
			w.holds(g, "root", f, text)
		}
	}

	// What is named by an offset is held to the same user.
	for topic, text := range map[string]string{"orders": "", "other": "User:alice has no permission to access Topic:other from 10.0.0.1, no matched policies."} {
		err := g.AdmitTo(unsigned("orders"), guard.Peer{From: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Holder: "alice"}, topic)
		if text == "" && err != nil || text != "" && (err == nil || err.Error() != text) {
			t.Errorf("a message of %s: %v, want %q", topic, err, text)
		}
	}
	if err := g.AdmitTo(unsigned("orders"), guard.Peer{}, "orders"); err == nil {
		t.Error("a message is anybody's")
	}

	// What changes counts for the next request.
	w.put("alice", "a", user.Normal, user.Disabled)
	w.holds(g, "alice", unsigned("orders"), "User:alice is disabled.")
	w.put("bob", "b", user.Super, user.Enabled)
	w.holds(g, "bob", unsigned("orders"), "")

	if name, vouched := g.Who(unsigned("x"), guard.Peer{Holder: "bob"}); name != "bob" || !vouched {
		t.Errorf("a request of bob's is %q's, %t", name, vouched)
	}
	if name, vouched := g.Who(send("x", "carol", "c"), guard.Peer{Holder: "bob"}); name != "carol" || vouched {
		t.Errorf("a request of carol's is %q's, %t", name, vouched)
	}
}

// TestCertificatesOfOthers: of users of a file of 4.x there are certificates too, each user's rate counts, and where nothing is to be signed a certificate says
// who asks.
func TestCertificatesOfOthers(t *testing.T) {
	w := newWorld(t)
	set := &plain.Set{}
	if err := set.Read([]byte("accounts:\n- accessKey: dave\n  secretKey: d\n  topicPerms:\n  - orders=PUB\n")); err != nil {
		t.Fatal(err)
	}
	g := w.guard(guard.Options{Authenticate: true, Authorize: true, Plain: func() *plain.Set { return set },
		Rates: ratelimit.New[ratelimit.User](4, "maxRequestsPerUser", func() time.Duration { return 0 })})
	f := send("orders", "", "")
	w.holds(g, "dave", f, "")
	err := g.Admit(f, guard.Peer{Holder: "dave"})
	if fast := ratelimit.Exceeded(""); !errors.As(err, &fast) {
		t.Errorf("asked too often: %v", err)
	}
	w.holds(g, "alice", f, "")

	anybody := w.guard(guard.Options{Authenticate: true})
	w.holds(anybody, "alice", send("other", "", ""), "")
	w.holds(anybody, "gone", f, "User:gone is disabled.")
	w.holds(anybody, "nobody", f, "username cannot be null.")
	believed := w.guard(guard.Options{Authorize: true})
	w.holds(believed, "alice", f, "")
	w.holds(believed, "alice", send("other", "root", ""), "")
	w.holds(believed, "gone", f, "User:gone is disabled.")
	w.holds(believed, "nobody", f, "Authorization failed. Please verify your access rights and try again. (the request names no user)")
}
