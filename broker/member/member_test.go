package member

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

// conn stands for a connection; it is not empty, so that two have two addresses.
type conn struct{ _ int }

func beatOf(group string, subs ...*Subscription) Announcement {
	return Announcement{Group: group, Type: protocol.ConsumePassively, Model: protocol.ModelClustering, Subs: subs, Notify: true}
}

func sub(topic string, version int64) *Subscription {
	return &Subscription{Topic: topic, Version: version}
}

// told lists whom a notice is for, by the names that the test gives the connections.
func told(n Notice[*conn], names map[*conn]string) []string {
	var out []string
	for _, c := range n.Conns {
		out = append(out, names[c])
	}
	slices.Sort(out)
	return out
}

func TestMembersHearOfEveryChange(t *testing.T) {
	table := New[*conn](120_000)
	a, b := &conn{}, &conn{}
	names := map[*conn]string{a: "a", b: "b"}
	f := func(what string, n Notice[*conn], want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, told(n, names)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	n, _, _ := table.Consumer(0, Client[*conn]{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	f("the first member", n, "a")
	n, _, _ = table.Consumer(0, Client[*conn]{Conn: b, ID: "b"}, beatOf("g", sub("t", 1)))
	f("the second member", n, "a", "b")
	n, _, _ = table.Consumer(10, Client[*conn]{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	f("nothing new", n)
	n, _, _ = table.Consumer(20, Client[*conn]{Conn: a, ID: "a"}, beatOf("g", sub("t", 2)))
	f("a newer subscription to the same topic", n)
	if got := table.Group("g").subs["t"].Version; got != 2 {
		t.Errorf("subscription version %d, want 2", got)
	}
	n, _, _ = table.Consumer(30, Client[*conn]{Conn: a, ID: "a"}, beatOf("g", sub("t", 1), sub("u", 1)))
	f("another topic", n, "a", "b")
	if got := table.Group("g").subs["t"].Version; got != 2 {
		t.Errorf("an older heartbeat put the subscription back to version %d", got)
	}
	n, _, _ = table.Consumer(40, Client[*conn]{Conn: b, ID: "b"}, beatOf("g", sub("u", 1)))
	f("a topic less", n, "a", "b")
	f("unregister", table.LeaveConsumer(a, "g"), "b")
	f("unregister twice", table.LeaveConsumer(a, "g"))
	f("the last one leaves", table.LeaveConsumer(b, "g"))
	if table.Group("g") != nil || len(table.byConn) != 0 {
		t.Errorf("left over: %v, %v", table.consumers, table.byConn)
	}
}

func TestBroadcastAndQuietGroupsHearNothing(t *testing.T) {
	table := New[*conn](120_000)
	a, b := &conn{}, &conn{}
	broadcast := beatOf("g", sub("t", 1))
	broadcast.Model = protocol.ModelBroadcasting
	quiet := beatOf("q", sub("t", 1))
	quiet.Notify = false
	for _, who := range []*conn{a, b} {
		for _, ann := range []Announcement{broadcast, quiet} {
			if n, changed, _ := table.Consumer(0, Client[*conn]{Conn: who}, ann); !changed || len(n.Conns) > 0 {
				t.Errorf("group %s: changed %v, told %d", ann.Group, changed, len(n.Conns))
			}
		}
	}
	if got := table.Closed(a); len(got) != 0 {
		t.Errorf("told on close: %v", got)
	}
	if got := table.GroupsOf("t"); !slices.Equal(got, []string{"g", "q"}) {
		t.Errorf("groups of t: %v", got)
	}
}

func TestFingerprintAsksForSubscriptions(t *testing.T) {
	table := New[*conn](120_000)
	a, b := &conn{}, &conn{}
	beat := func(who *conn, print int32, keep bool) bool {
		ann := beatOf("g", sub("t", 1))
		ann.Fingerprint, ann.KeepSubs = print, keep
		if keep {
			ann.Subs = nil
		}
		_, _, again := table.Consumer(0, Client[*conn]{Conn: who}, ann)
		return again
	}
	f := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: asks again is %v", what, got)
		}
	}
	f("an unknown group without subscriptions", beat(a, 7, true), true)
	f("the full heartbeat", beat(a, 7, false), false)
	f("the short heartbeat", beat(a, 7, true), false)
	if table.Group("g").subs["t"] == nil {
		t.Error("the short heartbeat lost the subscription")
	}
	f("another client of the same kind", beat(b, 7, true), false)
	f("a client with other subscriptions", beat(b, 8, true), true)
	f("the first client after it", beat(a, 7, true), true)
}

func TestSilentClientsExpire(t *testing.T) {
	table := New[*conn](120_000)
	a, b, p := &conn{}, &conn{}, &conn{}
	names := map[*conn]string{a: "a", b: "b"}
	table.Consumer(0, Client[*conn]{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	table.Consumer(60_000, Client[*conn]{Conn: b, ID: "b"}, beatOf("g", sub("t", 1)))
	table.Producer(0, Client[*conn]{Conn: p, ID: "p"}, "pg")
	table.Producer(130_000, Client[*conn]{Conn: a, ID: "a"}, "pg")
	if n, silent := table.Expire(120_000); len(n)+len(silent) != 0 {
		t.Errorf("expired at the limit: %v, %v", n, silent)
	}
	n, silent := table.Expire(120_001)
	if len(n) != 1 || !slices.Equal(told(n[0], names), []string{"b"}) {
		t.Errorf("told %v", n)
	}
	if len(silent) != 1 || silent[0] != p {
		t.Errorf("silent connections: %d; a is still a producer and stays", len(silent))
	}
	if got := table.Producers("pg"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("producers left: %+v", got)
	}
}

func TestClosedConnectionLeavesAllGroups(t *testing.T) {
	table := New[*conn](120_000)
	a, b := &conn{}, &conn{}
	for _, g := range []string{"g1", "g2"} {
		table.Consumer(0, Client[*conn]{Conn: a, ID: "a"}, beatOf(g, sub("t", 1)))
		table.Consumer(0, Client[*conn]{Conn: b, ID: "b"}, beatOf(g, sub("t", 1)))
	}
	table.Producer(0, Client[*conn]{Conn: a, ID: "a"}, "pg")
	n := table.Closed(a)
	if len(n) != 2 || n[0].Group != "g1" || n[1].Group != "g2" {
		t.Errorf("told %+v", n)
	}
	if table.Producers("pg") != nil && len(table.Producers("pg")) != 0 {
		t.Error("the producer is still there")
	}
	if again := table.Closed(a); again != nil {
		t.Errorf("closed twice tells %v", again)
	}
	if table.Group("g1").Find("b") == nil || table.Group("g1").Find("a") != nil {
		t.Error("the wrong member left")
	}
}
