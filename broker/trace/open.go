package trace

import (
	"cmp"
	"slices"
	"sync"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
)

// place is a group's place in a queue.
type place struct {
	group string
	queue message.Queue
}

// delivered is a traced message that a group has got and not settled.
type delivered struct {
	place             place
	offset            message.QueueOffset
	creation, receive tracecontext.Context
	topic, id         string
	attempt           int32
}

// deliveries remembers the latest deliveries until they are settled. A settlement brings nothing but a place in a queue, and the message may have left
// the memory by then. Those of one place stand in the order of their offsets, and mostly come and go in it.
type deliveries struct {
	mu      sync.Mutex // guards what follows
	byPlace map[place][]*delivered
	ring    []*delivered // in turn, settled ones among them
	next    int
}

func (o *deliveries) init(most int) {
	o.byPlace, o.ring = map[place][]*delivered{}, make([]*delivered, most)
}

// find is where a delivery is in its place, or would be.
func (o *deliveries) find(p place, off message.QueueOffset) (all []*delivered, at int, ok bool) {
	all = o.byPlace[p]
	if n := len(all); n == 0 || all[n-1].offset < off {
		return all, n, false
	}
	at, ok = slices.BinarySearchFunc(all, off, func(d *delivered, off message.QueueOffset) int { return cmp.Compare(d.offset, off) })
	return all, at, ok
}

// add remembers a delivery, in the place of the oldest one if there is no room, and of an earlier one of the same message.
func (o *deliveries) add(d *delivered) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if oldest := o.ring[o.next]; oldest != nil {
		if all, at, ok := o.find(oldest.place, oldest.offset); ok && all[at] == oldest {
			o.remove(oldest.place, all, at, at+1)
		}
	}
	o.ring[o.next] = d
	o.next = (o.next + 1) % len(o.ring)
	if all, at, ok := o.find(d.place, d.offset); ok {
		all[at] = d
	} else {
		o.byPlace[d.place] = slices.Insert(all, at, d)
	}
}

// remove takes deliveries out of all those of a place.
func (o *deliveries) remove(p place, all []*delivered, from, to int) {
	if from == 0 {
		clear(all[:to])
		all = all[to:]
	} else {
		all = slices.Delete(all, from, to)
	}
	if len(all) == 0 {
		delete(o.byPlace, p)
	} else {
		o.byPlace[p] = all
	}
}

// take forgets the delivery of a message, and returns it, nil if there is none.
func (o *deliveries) take(p place, off message.QueueOffset) *delivered {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, at, ok := o.find(p, off)
	if !ok {
		return nil
	}
	d := all[at]
	o.remove(p, all, at, at+1)
	return d
}

// look returns the delivery of a message, nil if there is none.
func (o *deliveries) look(p place, off message.QueueOffset) *delivered {
	o.mu.Lock()
	defer o.mu.Unlock()
	if all, at, ok := o.find(p, off); ok {
		return all[at]
	}
	return nil
}

// takeBelow forgets the deliveries of all messages before an offset, and returns them.
func (o *deliveries) takeBelow(p place, next message.QueueOffset) []*delivered {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, at, _ := o.find(p, next)
	if at == 0 {
		return nil
	}
	done := slices.Clone(all[:at])
	o.remove(p, all, 0, at)
	return done
}
