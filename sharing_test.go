package aerobee

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/projection/topic"
)

// TestQueuesOfAllBrokersAreShared finds the queues of a topic that lies on two brokers, by the own NameServer and by another one.
func TestQueuesOfAllBrokersAreShared(t *testing.T) {
	first := start(t, "brokerName", "a")
	second := start(t, "brokerName", "b", "roles", "broker", "namesrvAddr", first.Addr())
	for _, s := range []*Server{first, second} {
		if err := s.store.PutTopic(t.Context(), topic.Config{Name: "T", ReadQueues: 2, WriteQueues: 2, Perm: topic.PermRead | topic.PermWrite}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*Server{first, second} {
		want := []string{"a 0", "a 1", "b 0", "b 1"}
		var got []string
		for end := time.Now().Add(10 * time.Second); len(got) < len(want) && time.Now().Before(end); {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			list, err := s.sharing.queues(ctx, "T")
			cancel()
			if err != nil {
				t.Log(err)
			}
			got = nil
			for _, q := range list {
				got = append(got, fmt.Sprint(q.BrokerName, " ", q.QueueID))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("broker %s (-want +got):\n%s", s.cfg.BrokerName, diff)
		}
	}
	if list, err := first.sharing.queues(t.Context(), "none"); err != nil || len(list) > 0 {
		t.Errorf("of a topic that is not there: %v, %v", list, err)
	}
}
