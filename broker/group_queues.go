package broker

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/message"
)

// lastPull is how far a group has read a queue, when, and from where.
type lastPull struct {
	next   message.QueueOffset
	millis int64
	remote netip.AddrPort
}

// GroupQueues is what the broker knows of the queues that a group has offsets in, has pulled, or subscribes to, sorted.
func (b *Broker) GroupQueues(group string) []v1.GroupQueue {
	queues := map[message.Queue]bool{}
	for q := range b.store.Offsets(group) {
		queues[q] = true
	}
	b.clientMu.Lock()
	var topics []string
	names := map[netip.AddrPort]string{}
	if g := b.clients.Group(group); g != nil {
		for _, s := range g.Subscriptions() {
			topics = append(topics, s.Topic)
		}
		for _, c := range g.Clients() {
			names[c.Conn.remote] = c.ID
		}
	}
	pulled := map[message.Queue]lastPull{}
	for k, p := range b.pulled {
		if k.group == group {
			queues[k.queue], pulled[k.queue] = true, p
		}
	}
	b.clientMu.Unlock()
	for _, name := range topics {
		t, _ := b.store.Topic(name)
		for id := range t.ReadQueues {
			queues[message.Queue{Topic: name, ID: message.QueueID(id)}] = true
		}
	}
	out := []v1.GroupQueue{}
	for _, q := range slices.SortedFunc(maps.Keys(queues), func(x, y message.Queue) int {
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.ID, y.ID))
	}) {
		line := b.groupQueue(group, q)
		if p, ok := pulled[q]; ok {
			at := time.UnixMilli(p.millis).UTC()
			line.PulledTo, line.PulledAt, line.PulledBy = int64(p.next), &at, cmp.Or(names[p.remote], p.remote.String())
		}
		out = append(out, line)
	}
	return out
}

func (b *Broker) groupQueue(group string, q message.Queue) v1.GroupQueue {
	line := v1.GroupQueue{Topic: q.Topic, Queue: int32(q.ID), First: max(int64(b.store.MinOffset(q)), 0), End: max(int64(b.store.MaxOffset(q)), 0), Committed: -1, PulledTo: -1}
	if off, ok := b.store.Offset(group, q); ok {
		line.Committed = int64(off)
	}
	if client, age, ok := b.store.LockHolder(group, q); ok {
		line.LockedBy, line.LockSeconds = client, age/int64(time.Second/time.Millisecond)
	}
	if c, ok := b.store.PopCounts(group, q); ok {
		line.Popped, line.InFlight, line.Late = true, c.InFlight, c.Deliverable
		line.Committed = max(line.Committed, int64(c.Base))
	}
	return line
}
