package member

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Limits bound what clients may announce, since all of it is kept as long as they are connected. 0 is no bound.
type Limits struct {
	Subscriptions int // topics that one group subscribes to
	Groups        int // groups that one connection is in, of consumers and producers together
}

// Admit returns nil if a heartbeat stays within the limits, else an error that says which one it would break.
func (t *Table[C]) Admit(conn C, beat *protocol.HeartbeatData, l Limits) error {
	for i := range beat.ConsumerDataSet {
		d := &beat.ConsumerDataSet[i]
		if n := len(d.SubscriptionData); l.Subscriptions > 0 && n > l.Subscriptions {
			return fmt.Errorf("group %.300s subscribes to %d topics, the limit is %d (maxSubscriptionsPerGroup)", d.GroupName, n, l.Subscriptions)
		}
	}
	m := t.byConn[conn]
	if m == nil {
		m = &memberships{}
	}
	have := len(m.consumers) + len(m.producers)
	if l.Groups <= 0 || have+len(beat.ConsumerDataSet)+len(beat.ProducerDataSet) <= l.Groups {
		return nil
	}
	consumers, producers := map[string]struct{}{}, map[string]struct{}{}
	for i := range beat.ConsumerDataSet {
		if name := beat.ConsumerDataSet[i].GroupName; !has(m.consumers, name) {
			consumers[name] = struct{}{}
		}
	}
	for i := range beat.ProducerDataSet {
		if name := beat.ProducerDataSet[i].GroupName; !has(m.producers, name) {
			producers[name] = struct{}{}
		}
	}
	if n := have + len(consumers) + len(producers); n > l.Groups && n > have {
		return fmt.Errorf("the connection would be in %d groups, the limit is %d (maxGroupsPerConnection)", n, l.Groups)
	}
	return nil
}

func has(groups map[string]struct{}, name string) bool {
	_, ok := groups[name]
	return ok
}
