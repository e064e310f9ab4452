package decide_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
)

// entry reads "Deny Pub,Sub on Topic:a* from 10.0.0.0/8".
func entry(t *testing.T, text string) acl.Entry {
	t.Helper()
	rule, from, _ := strings.Cut(text, " from ")
	words := strings.Fields(rule)
	if len(words) != 4 || words[2] != "on" {
		t.Fatalf("%q is no entry", text)
	}
	r, ok := acl.ParseResource(words[3])
	if !ok {
		t.Fatalf("%q is no resource", words[3])
	}
	e := acl.Entry{Resource: r, Actions: strings.Split(words[1], ","), Decision: words[0]}
	if from != "" {
		e.SourceIPs = strings.Split(from, ",")
	}
	return e
}

// list reads lines of entries; those that begin with "Default:" are of that kind, the others custom.
func list(t *testing.T, lines ...string) *acl.List {
	t.Helper()
	l := &acl.List{Subject: "User:alice"}
	for _, line := range lines {
		kind := acl.Custom
		if rest, ok := strings.CutPrefix(line, "Default:"); ok {
			kind, line = acl.Default, rest
		}
		l.Update([]acl.Policy{{Kind: kind, Entries: []acl.Entry{entry(t, line)}}})
	}
	return l
}

// question reads "Sub,Get on Topic:a from 10.0.0.1".
func question(t *testing.T, text string) *decide.Question {
	t.Helper()
	e := entry(t, "Ask "+text)
	q := &decide.Question{Subject: "User:alice", Actions: e.Actions, Resource: e.Resource}
	if len(e.SourceIPs) > 0 {
		q.Source = netip.MustParseAddr(e.SourceIPs[0])
	}
	return q
}

// TestPrecedence has each rule of the order decide alone. What is asked, what decides, and what there is.
func TestPrecedence(t *testing.T) {
	f := func(asked, want string, lines ...string) {
		t.Helper()
		q := question(t, asked)
		l := list(t, lines...)
		v := decide.By(l, decide.System("c"), q)
		if got := v.Reason(); got != want || v.Allowed != strings.Contains(want, "Allow ") {
			t.Errorf("%s of %q\n got %s (%t)\nwant %s", asked, lines, got, v.Allowed, want)
		}
		// The order in which entries were stored decides nothing.
		back := &acl.List{}
		for p := len(l.Policies) - 1; p >= 0; p-- {
			from := l.Policies[p]
			turned := acl.Policy{Kind: from.Kind}
			for i := len(from.Entries) - 1; i >= 0; i-- {
				turned.Entries = append(turned.Entries, from.Entries[i])
			}
			back.Policies = append(back.Policies, turned)
		}
		if again := decide.By(back, decide.System("c"), q); again.Reason() != want {
			t.Errorf("%s of %q turned round: %s", asked, lines, again.Reason())
		}
	}
	const none = "no entry fits"
	f("Pub on Topic:a", none)
	// Which resources an entry is about.
	f("Pub on Topic:a", "Custom: Allow Pub on Topic:a", "Allow Pub on Topic:a")
	f("Pub on Topic:ab", none, "Allow Pub on Topic:a")
	f("Pub on Topic:ab", "Custom: Allow Pub on Topic:a*", "Allow Pub on Topic:a*")
	f("Pub on Topic:b", none, "Allow Pub on Topic:a*")
	f("Pub on Topic:b", "Custom: Allow Pub on Topic:*", "Allow Pub on Topic:*")
	f("Pub on Topic:b", "Custom: Allow Pub on *", "Allow Pub on *")
	f("Sub on Group:b", none, "Allow Sub on Topic:*")
	f("Get on Cluster:c", "Custom: Allow Get on Cluster:c", "Allow Get on Cluster:c", "Deny Get on Topic:c", "Deny Get on Group:c")
	// Which actions: one of those wanted is enough.
	f("Sub on Topic:a", none, "Allow Pub on Topic:a")
	f("Sub on Topic:a", "Custom: Allow All on Topic:a", "Allow All on Topic:a")
	f("Sub,Get on Topic:a", "Custom: Allow Get on Topic:a", "Allow Get on Topic:a")
	f("Any on Topic:a", "Custom: Allow Delete on Topic:a", "Allow Delete on Topic:a")
	f("Pub on Topic:a", "Custom: Allow All on Topic:*", "Deny Sub on Topic:a", "Allow All on Topic:*")
	// Which one goes first.
	f("Pub on Topic:abc", "Custom: Deny Pub on Topic:abc", "Allow Pub on Topic:a*", "Deny Pub on Topic:abc", "Allow Pub on *", "Allow Pub on Topic:*")
	f("Pub on Topic:abc", "Custom: Allow Pub on Topic:abc", "Deny Pub on Topic:a*", "Allow Pub on Topic:abc", "Deny Pub on *", "Deny Pub on Topic:*")
	f("Pub on Topic:abc", "Custom: Allow Pub on Topic:ab*", "Deny Pub on Topic:a*", "Allow Pub on Topic:ab*", "Deny Pub on Topic:*")
	f("Pub on Topic:abc", "Custom: Deny Pub on Topic:a*", "Allow Pub on Topic:*", "Deny Pub on Topic:a*", "Allow Pub on *")
	f("Pub on Topic:abc", "Custom: Deny Pub on Topic:*", "Allow Pub on *", "Deny Pub on Topic:*")
	f("Pub on Topic:a", "Custom: Allow Pub on *", "Default:Deny Pub on Topic:a", "Allow Pub on *")
	f("Pub on Topic:a", "Default: Deny Pub on Topic:a", "Default:Deny Pub on Topic:a", "Allow Sub on Topic:a")
	// From where.
	f("Pub on Topic:a from 10.1.2.3", "Custom: Allow Pub on Topic:a from 10.1.2.3", "Allow Pub on Topic:a from 10.1.2.3")
	f("Pub on Topic:a from 10.1.2.4", none, "Allow Pub on Topic:a from 10.1.2.3")
	f("Pub on Topic:a from 10.1.2.4", "Custom: Allow Pub on Topic:a from 10.1.2.3,10.1.0.9/16", "Allow Pub on Topic:a from 10.1.2.3,10.1.0.9/16")
	f("Pub on Topic:a from 10.2.2.4", none, "Allow Pub on Topic:a from 10.1.0.0/16")
	f("Pub on Topic:a from 10.2.2.4", "Custom: Allow Pub on Topic:a from 0.0.0.0/0", "Allow Pub on Topic:a from 0.0.0.0/0")
	f("Pub on Topic:a from 10.2.2.4", "Custom: Allow Pub on Topic:a from ::/0", "Allow Pub on Topic:a from ::/0")
	f("Pub on Topic:a from 2001:db8::1", none, "Allow Pub on Topic:a from 0.0.0.0/0")
	f("Pub on Topic:a from 2001:db8::1", "Custom: Allow Pub on Topic:a from 2001:db8::/32", "Allow Pub on Topic:a from 2001:db8::/32")
	f("Pub on Topic:a from ::ffff:10.1.2.3", "Custom: Allow Pub on Topic:a from 10.1.2.3", "Allow Pub on Topic:a from 10.1.2.3")
	f("Pub on Topic:a from fe80::1%eth0", "Custom: Allow Pub on Topic:a from fe80::/10", "Allow Pub on Topic:a from fe80::/10")
	f("Pub on Topic:a from ::1", "Custom: Allow Pub on Topic:a from 0:0:0:0:0:0:0:1", "Allow Pub on Topic:a from 0:0:0:0:0:0:0:1")
	f("Pub on Topic:a", none, "Allow Pub on Topic:a from 0.0.0.0/0")
	f("Pub on Topic:a from 10.0.0.1", none, "Allow Pub on Topic:a from 10.0.0.0/33,here,10.0.0.0/x")
	f("Pub on Topic:a from 10.0.0.1", "Custom: Allow Pub on Topic:*", "Deny Pub on Topic:a from 10.0.0.2", "Allow Pub on Topic:*")
	// What every user may, unless somebody says otherwise.
	f("Pub on Topic:RMQ_SYS_TRACE_TOPIC", "every user may: Allow Pub on Topic:RMQ_SYS_TRACE_TOPIC", "Deny Pub on Topic:a")
	f("Pub on Topic:RMQ_SYS_TRACE_TOPIC", "Custom: Deny Pub on Topic:*", "Deny Pub on Topic:*")
	f("Sub on Topic:RMQ_SYS_TRACE_TOPIC", none)
	f("Pub,Sub,Get on Topic:TBW102", "every user may: Allow Get on Topic:TBW102")
	f("Pub on Topic:TBW102", none)
	f("Pub on Topic:c_REPLY_TOPIC", "every user may: Allow Pub on Topic:c_REPLY_TOPIC")
	f("Pub on Topic:d_REPLY_TOPIC", none)
}

func TestWords(t *testing.T) {
	q := question(t, "Pub on Topic:a from 10.0.0.1")
	f := func(want string, lines ...string) {
		t.Helper()
		v := decide.By(list(t, lines...), nil, q)
		if got := v.Refusal(q); got != want || v.Allowed {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	f("User:alice has no permission to access Topic:a from 10.0.0.1, no matched policies.")
	f("User:alice has no permission to access Topic:a from 10.0.0.1, the decision is deny.", "Deny All on *")
	if got := q.String(); got != "User:alice, Pub on Topic:a from 10.0.0.1" {
		t.Error(got)
	}
	if v := decide.Super(); !v.Allowed || v.Reason() != "a super user may do everything" {
		t.Error(v.Reason())
	}
	if v := decide.By(nil, nil, q); v.Allowed {
		t.Error("without a list everything is allowed")
	}
}
