// Package place moves the offsets of consumer groups on behalf of somebody else than their members: resets (222), clones
// (314) and commits of strangers. It works out where each queue goes, makes the move durable, remembers what members have to be told at their next
// pull, and logs every move: who, from, to, why. Package broker calls it; a [Mover] is safe to use at once.
package place

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/aerobee-mq/aerobee/internal/quietlog"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// Store is what a mover needs of the store.
type Store interface {
	Topic(name string) (topic.Config, bool)
	Group(name string) (group.Config, bool)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	OffsetByTime(q message.Queue, t message.StoreTime, upper bool) (message.QueueOffset, error)
	Offset(group string, q message.Queue) (message.QueueOffset, bool)
	Offsets(group string) map[message.Queue]message.QueueOffset
	EachOffset(visit func(group string, q message.Queue, off message.QueueOffset))
	CommitOffset(group string, q message.Queue, off message.QueueOffset) error
	ResetOffset(ctx context.Context, group string, q message.Queue, off message.QueueOffset) error
}

// key is a group's place in a queue.
type key struct {
	group string
	queue message.Queue
}

// Mover moves offsets of groups.
type Mover struct {
	store Store
	log   *slog.Logger
	quiet *quietlog.Repeats // of log, for what strangers can do as often as they like

	mu   sync.Mutex // guards what follows
	next map[key]message.QueueOffset
}

// New returns a mover. Moves are logged to log.
func New(s Store, log *slog.Logger) *Mover {
	return &Mover{store: s, log: log, quiet: quietlog.NewRepeats(log), next: map[key]message.QueueOffset{}}
}

// Reset sets a group's offsets as the header asks, on behalf of who, and returns where each queue went. Until a queue's next
// pull the group's own commits there do not count, see [Mover.Pending].
func (m *Mover) Reset(ctx context.Context, who string, h *protocol.ResetOffsetHeader) (map[message.Queue]message.QueueOffset, error) {
	t, ok := m.store.Topic(h.Topic)
	if !ok {
		return nil, apart.Refuse(protocol.ResTopicNotExist, "Topic %.300s does not exist", h.Topic)
	}
	if message.Hidden(h.Topic) {
		return nil, apart.Refuse(protocol.ResNoPermission, "the topic[%s] is not for consumers", h.Topic)
	}
	if _, ok := m.store.Group(h.Group); !ok {
		return nil, apart.Refuse(protocol.ResSubscriptionGroupNotExist, "Group %.300s does not exist", h.Group)
	}
	queues, err := queuesOf(h, &t)
	if err != nil {
		return nil, err
	}
	to := make(map[message.Queue]message.QueueOffset, len(queues))
	for _, q := range queues {
		if to[q], err = m.target(h, q); err != nil {
			return nil, err
		}
	}
	return to, m.move(ctx, h.Group, to, true, who, reason(h))
}

func reason(h *protocol.ResetOffsetHeader) string {
	switch {
	case h.Offset >= 0:
		return fmt.Sprintf("reset to offset %d", h.Offset)
	case h.Timestamp < 0:
		return "reset to the end"
	}
	return fmt.Sprintf("reset to time %d", h.Timestamp)
}

// queuesOf are the queues that a reset is about.
func queuesOf(h *protocol.ResetOffsetHeader, t *topic.Config) ([]message.Queue, error) {
	switch {
	case h.QueueID >= t.ReadQueues:
		return nil, apart.Refuse(protocol.ResSystemError, "queue %d is out of range: topic %s has %d readable queues", h.QueueID, t.Name, t.ReadQueues)
	case h.QueueID >= 0:
		return []message.Queue{{Topic: t.Name, ID: message.QueueID(h.QueueID)}}, nil
	case t.ReadQueues == 0:
		return nil, apart.Refuse(protocol.ResSystemError, "No queues to reset: topic %s has no readable queue", t.Name)
	}
	var out []message.Queue
	for id := range t.ReadQueues {
		out = append(out, message.Queue{Topic: t.Name, ID: message.QueueID(id)})
	}
	return out, nil
}

// target is where a queue's offset goes. An offset counts with a queue only, as with RocketMQ.
func (m *Mover) target(h *protocol.ResetOffsetHeader, q message.Queue) (message.QueueOffset, error) {
	least, end := max(m.store.MinOffset(q), 0), max(m.store.MaxOffset(q), 0)
	switch off := message.QueueOffset(h.Offset); {
	case h.QueueID >= 0 && off >= 0 && (off < least || off > end):
		return 0, apart.Refuse(protocol.ResSystemError, "Target offset %d not in consume queue range [%d-%d]: queue %d of topic %s", off, least, end, q.ID, q.Topic)
	case h.QueueID >= 0 && off >= 0:
		return off, nil
	case h.Timestamp < 0:
		return end, nil
	}
	return m.store.OffsetByTime(q, message.StoreTime(h.Timestamp), false)
}

// Clone gives group to the offsets that group from has in a topic, in all topics that wanted allows when the name is empty.
// told says that to has members, which must hear of it.
func (m *Mover) Clone(ctx context.Context, who, from, to, topicName string, told bool, wanted func(topic string) bool) (map[message.Queue]message.QueueOffset, error) {
	moves := map[message.Queue]message.QueueOffset{}
	for q, off := range m.store.Offsets(from) {
		if _, known := m.store.Topic(q.Topic); known && (topicName == "" || q.Topic == topicName) && wanted(q.Topic) {
			moves[q] = off
		}
	}
	if len(moves) == 0 {
		return moves, nil
	}
	return moves, m.move(ctx, to, moves, told, who, "cloned from group "+from)
}

// move makes offsets durable and logs them. With told, members hear of it at their next pull.
func (m *Mover) move(ctx context.Context, groupName string, to map[message.Queue]message.QueueOffset, told bool, who, why string) error {
	for _, q := range slices.SortedFunc(maps.Keys(to), compareQueues) {
		from := message.QueueOffset(-1)
		if off, ok := m.store.Offset(groupName, q); ok {
			from = off
		}
		if told {
			m.mu.Lock()
			m.next[key{groupName, q}] = to[q]
			m.mu.Unlock()
		}
		if err := m.store.ResetOffset(ctx, groupName, q, to[q]); err != nil {
			m.Forget(func(g string, other message.Queue) bool { return g == groupName && other == q })
			return err
		}
		m.Log(groupName, q, from, to[q], who, why)
	}
	return nil
}

func compareQueues(a, b message.Queue) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// Commit commits a group's offset for a client at the address who. One that is no member of the group moves what is not its own, which is logged: once a minute
// for a queue and an IP address, with how often it was left out since. how is the reason's beginning.
func (m *Mover) Commit(groupName string, q message.Queue, to message.QueueOffset, member bool, who netip.AddrPort, how string) error {
	if member {
		return m.store.CommitOffset(groupName, q, to)
	}
	from, known := m.store.Offset(groupName, q)
	if !known {
		from = -1
	}
	err := m.store.CommitOffset(groupName, q, to)
	if err == nil && from != to {
		m.quiet.Note(slog.LevelInfo, moved, fmt.Sprint(who.Addr(), " ", how, " ", q.ID, " ", q.Topic, " ", groupName), attributes(groupName, q, from, to, who.String(), how+" by a client that is no member of the group")...)
	}
	return err
}

// Log says that a group's offset has been moved by somebody else than the group's members. from is -1 where there was none.
func (m *Mover) Log(groupName string, q message.Queue, from, to message.QueueOffset, who, why string) {
	m.log.Info(moved, attributes(groupName, q, from, to, who, why)...)
}

const moved = "offset moved"

func attributes(groupName string, q message.Queue, from, to message.QueueOffset, who, why string) []any {
	return []any{"group", groupName, "topic", q.Topic, "queue", q.ID, "from", from, "to", to, "who", who, "why", why}
}

// Leaving are offsets that go with the topics, or the groups, that are about to be deleted: by the one's name, and by group.
type Leaving map[string]map[string]map[message.Queue]message.QueueOffset

// InTopics are the offsets of all groups in topics, found in one pass over all that there are.
func (m *Mover) InTopics(topics ...string) Leaving {
	return m.leaving(topics, func(_ string, q message.Queue) string { return q.Topic })
}

// OfGroups are the offsets of groups in all topics, found as those of InTopics.
func (m *Mover) OfGroups(groups ...string) Leaving {
	return m.leaving(groups, func(groupName string, _ message.Queue) string { return groupName })
}

func (m *Mover) leaving(names []string, nameOf func(groupName string, q message.Queue) string) Leaving {
	all := make(Leaving, len(names))
	for _, name := range names {
		all[name] = map[string]map[message.Queue]message.QueueOffset{}
	}
	m.store.EachOffset(func(groupName string, q message.Queue, off message.QueueOffset) {
		of, leaves := all[nameOf(groupName, q)]
		if !leaves {
			return
		}
		if of[groupName] == nil {
			of[groupName] = map[message.Queue]message.QueueOffset{}
		}
		of[groupName][q] = off
	})
	return all
}

// Gone says that offsets are no more, since the topic or group is deleted; to then is -1.
func (m *Mover) Gone(all Leaving, name, who, why string) {
	for groupName, offsets := range all[name] {
		for _, q := range slices.SortedFunc(maps.Keys(offsets), compareQueues) {
			m.Log(groupName, q, offsets[q], -1, who, why)
		}
	}
	delete(all, name) // a list may name it twice
}

// Pending reports whether a group's place in a queue has been moved since its members pulled there last.
func (m *Mover) Pending(groupName string, q message.Queue) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.next[key{groupName, q}]
	return ok
}

// Take returns where a pull must be sent, once; false if it may go where it wants.
func (m *Mover) Take(groupName string, q message.Queue) (message.QueueOffset, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{groupName, q}
	off, ok := m.next[k]
	delete(m.next, k)
	return off, ok
}

// Forget drops what members have not been told yet, where topic or group is gone.
func (m *Mover) Forget(gone func(groupName string, q message.Queue) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.next, func(k key, _ message.QueueOffset) bool { return gone(k.group, k.queue) })
}
