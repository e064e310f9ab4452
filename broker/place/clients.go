package place

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// Propose works out where the members of a group are to go on that reset their offsets themselves (220): all queues that can
// be written, to the header's time, but without Force never forth. Nothing is moved.
func (m *Mover) Propose(h *protocol.ResetOffsetHeader) (map[message.Queue]message.QueueOffset, error) {
	t, ok := m.store.Topic(h.Topic)
	if !ok {
		return nil, apart.Refuse(protocol.ResTopicNotExist, "[reset-offset] reset offset failed, no topic in this broker. topic=%.300s", h.Topic)
	}
	to := make(map[message.Queue]message.QueueOffset, t.WriteQueues)
	for id := range t.WriteQueues {
		q := message.Queue{Topic: t.Name, ID: message.QueueID(id)}
		now, ok := m.store.Offset(h.Group, q)
		if !ok {
			return nil, apart.Refuse(protocol.ResSystemError, "THe consumer group <%.300s> not exist: it has no offset in queue %d of topic %s", h.Group, id, t.Name)
		}
		off := max(m.store.MaxOffset(q), 0)
		if h.Timestamp != -1 {
			var err error
			if off, err = m.store.OffsetByTime(q, message.StoreTime(h.Timestamp), false); err != nil {
				return nil, err
			}
		}
		if off = max(off, 0); !h.Force {
			off = min(off, now)
		}
		to[q] = off
	}
	return to, nil
}

// Proposed logs where members of a group have been told to go on.
func (m *Mover) Proposed(groupName string, to map[message.Queue]message.QueueOffset, who string) {
	for q, off := range to {
		from, _ := m.store.Offset(groupName, q)
		m.Log(groupName, q, from, off, who, "members were told to reset")
	}
}
