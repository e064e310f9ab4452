package acl_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/google/go-cmp/cmp"
)

func TestResources(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"*", "*"}, {"Topic:*", "Topic:*"}, {"topic:orders", "Topic:orders"}, {"GROUP:g*", "Group:g*"}, {"Cluster:c", "Cluster:c"},
		{"Namespace:n", "Namespace:n"}, {"Topic:a*b*", "Topic:a*"}, {"Topic:a*b", "Topic:a*b"}, {"Topic", "Topic:"}, {"Any:x", "*"},
		{"", ""}, {"orders", ""}, {"Queue:1", ""}, {":x", ""},
	} {
		r, ok := acl.ParseResource(c.text)
		if got := r.String(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%q: %q, %t; want %q", c.text, got, ok, c.want)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		text, want string
		ok         bool
	}{{"User:alice", "alice", true}, {"user:a:b", "a:b", true}, {"User", "", true}, {"alice", "", false}, {"", "", false}} {
		if got, ok := acl.Subject(c.text); got != c.want || ok != c.ok {
			t.Errorf("%q: %q, %t", c.text, got, ok)
		}
	}
}

func entry(resource, decision string, actions ...string) acl.Entry {
	r, _ := acl.ParseResource(resource)
	return acl.Entry{Resource: r, Actions: actions, Decision: decision}
}

func TestListsAreJoinedByKindAndResource(t *testing.T) {
	var l acl.List
	l.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{entry("Topic:a", acl.Allow, "Pub"), entry("Topic:b", acl.Allow, "Sub")}}})
	before := l.Clone()
	l.Update([]acl.Policy{{Kind: acl.Custom, Entries: []acl.Entry{entry("Topic:a", acl.Deny, "Sub")}}, {Kind: acl.Default, Entries: []acl.Entry{entry("Topic:a", acl.Allow, "All")}}})
	want := []acl.Policy{
		{Kind: acl.Custom, Entries: []acl.Entry{entry("Topic:a", acl.Deny, "Sub"), entry("Topic:b", acl.Allow, "Sub")}},
		{Kind: acl.Default, Entries: []acl.Entry{entry("Topic:a", acl.Allow, "All")}},
	}
	if diff := cmp.Diff(want, l.Policies); diff != "" {
		t.Error(diff)
	}
	if l.Len() != 3 || before.Policies[0].Entries[0].Decision != acl.Allow {
		t.Errorf("%d entries, and a copy says %v", l.Len(), before.Policies)
	}
	a, _ := acl.ParseResource("Topic:a")
	l.Delete(acl.Default, a)
	l.Delete(acl.Default, a)
	if len(l.Policies) != 1 || l.Len() != 2 {
		t.Errorf("after the deletion: %v", l.Policies)
	}
}

func TestWhatIsWrongWithPolicies(t *testing.T) {
	from := func(ips ...string) acl.Entry {
		e := entry("Topic:a", acl.Allow, "Pub")
		e.SourceIPs = ips
		return e
	}
	f := func(want string, entries ...acl.Entry) {
		t.Helper()
		got := ""
		if err := acl.Check([]acl.Policy{{Kind: acl.Custom, Entries: entries}}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: %q, want %q", entries, got, want)
		}
	}
	f("", from())
	f("", from("10.0.0.1", "10.0.0.1/8", "::1", "fe80::/10", "0.0.0.0/0"))
	f("The policy entries is empty.")
	f("The resource is null.", entry("orders", acl.Allow, "Pub"))
	f("The actions is empty.", entry("Topic:a", acl.Allow))
	f("The actions can not be Any.", entry("Topic:a", acl.Allow, "Pub", "Any"))
	f("The decision is null or illegal.", entry("Topic:a", "", "Pub"))
	f("The source ip is empty.", from(" "))
	for _, ip := range []string{"localhost", "10.0.0", "10.0.0.1/33", "10.0.0.1/-1", "::1/129", "10.0.0.0/8/8", "fe80::1%eth0", "1.2.3.4/"} {
		f("The source ip is invalid.", from(ip))
	}
	if err := acl.Check(nil); err == nil || err.Error() != "The policies is empty." {
		t.Errorf("no policies: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		find       func(string) (string, bool)
		text, want string
	}{{acl.Action, "PUB", "Pub"}, {acl.Action, "all", "All"}, {acl.Action, "fly", ""}, {acl.Decision, "deny", "Deny"}, {acl.Decision, "", ""}, {acl.Kind, "default", "Default"}, {acl.Kind, "x", ""}} {
		if got, ok := c.find(c.text); got != c.want || ok != (c.want != "") {
			t.Errorf("%q: %q, %t, want %q", c.text, got, ok, c.want)
		}
	}
}

// FuzzResource: what is read is written so that it reads the same.
func FuzzResource(f *testing.F) {
	for _, s := range []string{"Topic:**", "*", "Topic:*", "Group:g*", "Topic:a*b*", "Any:", "Topic"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := acl.ParseResource(text)
		if !ok {
			return
		}
		again, ok := acl.ParseResource(r.String())
		if !ok || again != r {
			t.Fatalf("%q reads as %v, which is written %q and reads as %v", text, r, r.String(), again)
		}
	})
}
