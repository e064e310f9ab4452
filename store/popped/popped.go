// Package popped carries what groups have popped and not acknowledged from Apache RocketMQ to a store of ours and back. Apache keeps notes in its log of
// what was popped without order, and a table of what was popped in order. The store calls it when it takes a directory over, and at each clean stop;
// it is pure, and its functions are safe to call at once on different tables.
package popped

import (
	"cmp"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/order"
)

// Queue is what a group has popped from one queue: the messages that wait, and where it goes on. Attempt is that of the last pop if that was
// in order, else nil.
type Queue struct {
	Key     pop.Key
	Held    []pop.Held
	Next    message.QueueOffset
	Attempt *string

	latest int64 // pop time in ms
}

// Sources are what Apache has left, and what the store knows of queues.
type Sources struct {
	CheckPoints []apache.CheckPoint
	Orders      *order.Table
	// At is where the log goes on.
	At message.LogOffset
	// Key finds the queue of a group; ok is false if there is no such topic.
	Key func(topic, group string, q message.QueueID) (k pop.Key, ok bool, err error)
	// Stands is the group's offset, End the queue's end by the log.
	Stands func(k pop.Key) (off message.QueueOffset, ok bool)
	End    func(q message.Queue) message.QueueOffset
}

// Take lists what is to be taken over. Handles of entries are places in Apache's notes of the pops, which are longer than a pop has messages, or,
// where there is none, in the records behind At that will say so, which have more bytes than entries.
func Take(s Sources) ([]*Queue, error) {
	all := make(map[pop.Key]*Queue)
	at := func(k pop.Key) *Queue {
		if all[k] == nil {
			all[k] = &Queue{Key: k}
		}
		return all[k]
	}
	for _, p := range s.CheckPoints {
		k, ok, err := s.Key(p.Queue.Topic, p.Group, p.Queue.ID)
		if err != nil {
			return nil, err
		}
		if !ok || p.Queue.ID < 0 {
			continue // its topic was deleted
		}
		q := at(k)
		stands, _ := s.Stands(k)
		q.Next, q.latest = max(q.Next, p.Next, stands), max(q.latest, p.PopTime)
		for i, off := range p.Offsets {
			q.Held = append(q.Held, pop.Held{Offset: off, PopTime: p.PopTime, Due: p.Due, Handle: p.At + 1 + message.LogOffset(i)})
		}
	}
	if s.Orders != nil {
		if err := s.orders(at); err != nil {
			return nil, err
		}
	}
	var out []*Queue
	for _, q := range all {
		// Of a message that was popped twice, the later pop holds.
		slices.SortStableFunc(q.Held, func(a, b pop.Held) int {
			return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.PopTime, a.PopTime))
		})
		q.Held = slices.CompactFunc(q.Held, func(a, b pop.Held) bool { return a.Offset == b.Offset })
		out = append(out, q)
	}
	return out, nil
}

// orders adds what was popped in order.
func (s *Sources) orders(at func(pop.Key) *Queue) error {
	handle := s.At
	for text, queues := range s.Orders.Orders {
		topic, group, ok := apache.SplitOffsetKey(text)
		if !ok {
			continue
		}
		for id, o := range queues {
			if o == nil || len(o.Offsets) == 0 || id < 0 {
				continue
			}
			k, ok, err := s.Key(topic, group, id)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			base, stands := s.Stands(k)
			if !stands {
				base = max(o.Offsets[0], 0)
			}
			held, next := o.Open(base, s.End(message.Queue{Topic: topic, ID: id}))
			if len(held) == 0 {
				continue
			}
			q := at(k)
			q.Next = max(q.Next, next)
			if o.PopTime >= q.latest {
				q.Attempt = &o.Attempt
			}
			for _, h := range held {
				handle++
				q.Held = append(q.Held, pop.Held{Offset: h.Offset, PopTime: h.PopTime, Due: h.Due, Handle: handle, Count: h.Count})
			}
		}
	}
	return nil
}

// Orders says what was popped in order and waits: Apache keeps it out of sight until its time, and takes acknowledgements by handles of ours. Of light
// queues it remembers nothing across a restart: their messages come again at once.
func Orders(t *pop.Table, names *name.Table, nowMillis int64) *order.Table {
	out := &order.Table{Orders: make(map[string]map[message.QueueID]*order.Order)}
	t.Ordered(func(k pop.Key, attempt string, held []pop.Held, next message.QueueOffset) {
		topic, known := names.Name(name.Topic, k.Topic)
		group, ok := names.Name(name.Group, k.Group)
		if !known || !ok || light.Is(topic) {
			return
		}
		some := make([]order.Held, len(held))
		for i, h := range held {
			some[i] = order.Held{Offset: h.Offset, PopTime: h.PopTime, Due: h.Due, Count: h.Count}
		}
		key := apache.OffsetKey(topic, group)
		if out.Orders[key] == nil {
			out.Orders[key] = make(map[message.QueueID]*order.Order)
		}
		out.Orders[key][k.Queue] = order.Of(attempt, some, next, nowMillis)
	})
	return out
}
