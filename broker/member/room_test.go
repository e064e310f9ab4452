package member

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

func TestAdmit(t *testing.T) {
	table := New[string](1000)
	table.Consumer(1, Client[string]{Conn: "a", ID: "a"}, Announcement{Group: "c1"})
	table.Consumer(1, Client[string]{Conn: "a", ID: "a"}, Announcement{Group: "c2"})
	table.Producer(1, Client[string]{Conn: "a", ID: "a"}, "p1")
	f := func(conn string, l Limits, topics int, consumers, producers []string, want string) {
		t.Helper()
		var beat protocol.HeartbeatData
		for _, name := range consumers {
			beat.ConsumerDataSet = append(beat.ConsumerDataSet, protocol.ConsumerData{GroupName: name, SubscriptionData: make([]protocol.SubscriptionData, topics)})
		}
		for _, name := range producers {
			beat.ProducerDataSet = append(beat.ProducerDataSet, protocol.ProducerData{GroupName: name})
		}
		if got := fmt.Sprint(table.Admit(conn, &beat, l)); got != want {
			t.Errorf("%s, %v and %v: %s, want %s", conn, consumers, producers, got, want)
		}
	}
	type names = []string
	const ok = "<nil>"
	f("a", Limits{}, 1_000_000, names{"c1"}, nil, ok)
	f("a", Limits{Subscriptions: 2}, 2, names{"c1"}, nil, ok)
	f("a", Limits{Subscriptions: 2}, 3, names{"c1"}, nil, "group c1 subscribes to 3 topics, the limit is 2 (maxSubscriptionsPerGroup)")
	f("a", Limits{Groups: 3}, 1, names{"c1", "c2"}, names{"p1", "p1"}, ok)
	f("a", Limits{Groups: 3}, 1, names{"c1", "p1"}, nil, "the connection would be in 4 groups, the limit is 3 (maxGroupsPerConnection)")
	f("a", Limits{Groups: 3}, 1, nil, names{"p2", "p3", "p2"}, "the connection would be in 5 groups, the limit is 3 (maxGroupsPerConnection)")
	f("a", Limits{Groups: 2}, 1, names{"c1"}, names{"p1"}, ok) // the limit was higher before
	f("b", Limits{Groups: 3}, 1, names{"c1", "c2", "c3"}, nil, ok)
	f("b", Limits{Groups: 3}, 1, names{"c1", "c2", "c3"}, names{"c1"}, "the connection would be in 4 groups, the limit is 3 (maxGroupsPerConnection)")
}
