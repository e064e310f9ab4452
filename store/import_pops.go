package store

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/popped"
	"github.com/aerobee-mq/aerobee/store/state"
)

// pops takes over what groups have popped from Apache and not acknowledged: it stays out of sight until its time has passed, and
// the receipt handles that clients hold of it stay good. The group goes on behind what it has popped.
func (in *importer) pops(a *adoption) error {
	from := popped.Sources{CheckPoints: a.survey.CheckPoints(), At: in.at, End: in.end, Key: in.key,
		Stands: func(k pop.Key) (message.QueueOffset, bool) { off, ok := in.moved[offset.Key(k)]; return off, ok }}
	if !in.merge || !a.tables.SameOrders {
		from.Orders = a.tables.Orders
	}
	all, err := popped.Take(from)
	if err != nil {
		return err
	}
	for _, q := range all {
		if _, ours := in.s.pops.Base(q.Key); ours && in.merge {
			return fmt.Errorf("queue %d of topic id %d has messages in flight of both brokers, for Aerobee was not stopped before Apache "+
				"had the directory: let Apache finish its own first", q.Key.Queue, q.Key.Topic)
		}
		pop.Restore(q.Key, in.at, q.Next, q.Attempt, q.Held, func(change []byte) { in.bodies.Add(state.Pop, change) })
	}
	return nil
}
