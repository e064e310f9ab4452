// Package standing says where a group stands in a queue, of what several machines know of it. Package store calls it with its machines, under
// its lock.
package standing

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// Of is where a group stands in a queue that ends at end: what it pops counts before what it has committed, and a commit that the log does
// not hold yet before one that it does.
func Of(k offset.Key, end message.QueueOffset, pops *pop.Table, pending *offset.Pending, offsets *offset.Table) offset.Progress {
	p := offset.Progress{Queue: k.Queue, End: end}
	if p.Committed, p.Read, p.InFlight, p.Known = pops.Place(pop.Key(k)); p.Known {
		return p
	}
	if p.Committed, p.Known = pending.Get(k); !p.Known {
		p.Committed, p.Known = offsets.Get(k)
	}
	p.Read = p.Committed
	return p
}
