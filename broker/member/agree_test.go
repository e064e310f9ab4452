package member_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/protocol"
)

// says is a member's announcement: topics and expressions by turns.
func says(model string, subs ...string) member.Announcement {
	a := member.Announcement{Group: "g", Type: protocol.ConsumePassively, Model: model}
	for i := 0; i < len(subs); i += 2 {
		a.Subs = append(a.Subs, &member.Subscription{Topic: subs[i], Expression: subs[i+1], Version: 1})
	}
	a.Subs = append(a.Subs, &member.Subscription{Topic: "%RETRY%g", Expression: "*", Version: 1})
	return a
}

func TestDisagreements(t *testing.T) {
	table := member.New[string](1000)
	turned := func(want ...string) {
		t.Helper()
		var got []string
		for _, turn := range table.Turns() {
			if len(turn.Disagreements) == 0 {
				got = append(got, turn.Group+" agrees")
			}
			for _, d := range turn.Disagreements {
				got = append(got, d.String())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(want) > 0 && want[0] != "g agrees" != slices.Equal(table.Disagreeing(), []string{"g"}) {
			t.Errorf("disagreeing: %v", table.Disagreeing())
		}
	}
	announce := func(client string, a member.Announcement) {
		table.Consumer(1, member.Client[string]{Conn: "conn of " + client, ID: client}, a)
	}
	announce("a", says("CLUSTERING", "t", "x || y"))
	announce("b", says("CLUSTERING", "t", "y||x"))
	turned()
	announce("c", says("CLUSTERING", "t", "x"))
	turned("topic t: a, b: TAG x || y; c: TAG x")
	announce("c", says("CLUSTERING", "t", "x"))
	announce("d", says("CLUSTERING", "t", "z"))
	turned()
	table.LeaveConsumer("conn of d", "g")
	announce("c", says("CLUSTERING", "t", "x||y"))
	turned("g agrees")
	announce("c", says("CLUSTERING", "t", "x||y", "u", "*"))
	turned("topic u: a, b: no subscription; c: TAG *")
	table.Closed("conn of c")
	turned("g agrees")
	announce("e", says("CLUSTERING"))
	announce("f", member.Announcement{Group: "g", Model: "CLUSTERING", KeepSubs: true})
	turned()
	announce("e", says("BROADCASTING", "t", "x || y"))
	turned("message model: a, b: CLUSTERING; e: BROADCASTING")
	table.Expire(5000)
	turned("g agrees")
}

func TestProducerConn(t *testing.T) {
	table := member.New[string](1000)
	f := func(want string) {
		t.Helper()
		if got, ok := table.ProducerConn("id"); got != want || ok != (want != "") {
			t.Errorf("replies go to %q, want %q", got, want)
		}
	}
	f("")
	one, two := member.Client[string]{Conn: "one", ID: "id"}, member.Client[string]{Conn: "two", ID: "id"}
	table.Producer(1, one, "p")
	table.Producer(1, one, "q")
	f("one")
	table.LeaveProducer("one", "p")
	f("one")
	table.Producer(2, two, "p")
	f("two")
	table.Closed("one")
	f("two")
	table.LeaveProducer("two", "p")
	f("")
}
