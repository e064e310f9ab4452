package broker

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func beatOf(group string, subs ...*subscription) announcement {
	return announcement{Group: group, Type: consumePassively, Model: modelClustering, Subs: subs, Notify: true}
}

func sub(topic string, version int64) *subscription {
	return &subscription{Topic: topic, Version: version}
}

// told lists whom a notice is for, by the names that the test gives the connections.
func told(n notice, names map[*session]string) []string {
	var out []string
	for _, c := range n.Conns {
		out = append(out, names[c])
	}
	slices.Sort(out)
	return out
}

func TestMembersHearOfEveryChange(t *testing.T) {
	table := newClientTable(120_000)
	a, b := &session{}, &session{}
	names := map[*session]string{a: "a", b: "b"}
	f := func(what string, n notice, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, told(n, names)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	n, _, _ := table.consumer(0, client{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	f("the first member", n, "a")
	n, _, _ = table.consumer(0, client{Conn: b, ID: "b"}, beatOf("g", sub("t", 1)))
	f("the second member", n, "a", "b")
	n, _, _ = table.consumer(10, client{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	f("nothing new", n)
	n, _, _ = table.consumer(20, client{Conn: a, ID: "a"}, beatOf("g", sub("t", 2)))
	f("a newer subscription to the same topic", n)
	if got := table.group("g").subs["t"].Version; got != 2 {
		t.Errorf("subscription version %d, want 2", got)
	}
	n, _, _ = table.consumer(30, client{Conn: a, ID: "a"}, beatOf("g", sub("t", 1), sub("u", 1)))
	f("another topic", n, "a", "b")
	if got := table.group("g").subs["t"].Version; got != 2 {
		t.Errorf("an older heartbeat put the subscription back to version %d", got)
	}
	n, _, _ = table.consumer(40, client{Conn: b, ID: "b"}, beatOf("g", sub("u", 1)))
	f("a topic less", n, "a", "b")
	f("unregister", table.leaveConsumer(a, "g"), "b")
	f("unregister twice", table.leaveConsumer(a, "g"))
	f("the last one leaves", table.leaveConsumer(b, "g"))
	if table.group("g") != nil || len(table.byConn) != 0 {
		t.Errorf("left over: %v, %v", table.consumers, table.byConn)
	}
}

func TestBroadcastAndQuietGroupsHearNothing(t *testing.T) {
	table := newClientTable(120_000)
	a, b := &session{}, &session{}
	broadcast := beatOf("g", sub("t", 1))
	broadcast.Model = modelBroadcast
	quiet := beatOf("q", sub("t", 1))
	quiet.Notify = false
	for _, who := range []*session{a, b} {
		for _, ann := range []announcement{broadcast, quiet} {
			if n, changed, _ := table.consumer(0, client{Conn: who}, ann); !changed || len(n.Conns) > 0 {
				t.Errorf("group %s: changed %v, told %d", ann.Group, changed, len(n.Conns))
			}
		}
	}
	if got := table.closed(a); len(got) != 0 {
		t.Errorf("told on close: %v", got)
	}
	if got := table.groupsOf("t"); !slices.Equal(got, []string{"g", "q"}) {
		t.Errorf("groups of t: %v", got)
	}
}

func TestFingerprintAsksForSubscriptions(t *testing.T) {
	table := newClientTable(120_000)
	a, b := &session{}, &session{}
	beat := func(who *session, print int32, keep bool) bool {
		ann := beatOf("g", sub("t", 1))
		ann.Fingerprint, ann.KeepSubs = print, keep
		if keep {
			ann.Subs = nil
		}
		_, _, again := table.consumer(0, client{Conn: who}, ann)
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
	if table.group("g").subs["t"] == nil {
		t.Error("the short heartbeat lost the subscription")
	}
	f("another client of the same kind", beat(b, 7, true), false)
	f("a client with other subscriptions", beat(b, 8, true), true)
	f("the first client after it", beat(a, 7, true), true)
}

func TestSilentClientsExpire(t *testing.T) {
	table := newClientTable(120_000)
	a, b, p := &session{}, &session{}, &session{}
	names := map[*session]string{a: "a", b: "b"}
	table.consumer(0, client{Conn: a, ID: "a"}, beatOf("g", sub("t", 1)))
	table.consumer(60_000, client{Conn: b, ID: "b"}, beatOf("g", sub("t", 1)))
	table.producer(0, client{Conn: p, ID: "p"}, "pg")
	table.producer(130_000, client{Conn: a, ID: "a"}, "pg")
	if n, silent := table.expire(120_000); len(n)+len(silent) != 0 {
		t.Errorf("expired at the limit: %v, %v", n, silent)
	}
	n, silent := table.expire(120_001)
	if len(n) != 1 || !slices.Equal(told(n[0], names), []string{"b"}) {
		t.Errorf("told %v", n)
	}
	if len(silent) != 1 || silent[0] != p {
		t.Errorf("silent connections: %d; a is still a producer and stays", len(silent))
	}
	if got := table.producerClients("pg"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("producers left: %+v", got)
	}
}

func TestClosedConnectionLeavesAllGroups(t *testing.T) {
	table := newClientTable(120_000)
	a, b := &session{}, &session{}
	for _, g := range []string{"g1", "g2"} {
		table.consumer(0, client{Conn: a, ID: "a"}, beatOf(g, sub("t", 1)))
		table.consumer(0, client{Conn: b, ID: "b"}, beatOf(g, sub("t", 1)))
	}
	table.producer(0, client{Conn: a, ID: "a"}, "pg")
	n := table.closed(a)
	if len(n) != 2 || n[0].Group != "g1" || n[1].Group != "g2" {
		t.Errorf("told %+v", n)
	}
	if table.producerClients("pg") != nil && len(table.producerClients("pg")) != 0 {
		t.Error("the producer is still there")
	}
	if again := table.closed(a); again != nil {
		t.Errorf("closed twice tells %v", again)
	}
	if table.group("g1").find("b") == nil || table.group("g1").find("a") != nil {
		t.Error("the wrong member left")
	}
}
