package store

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/store/standing"
	"github.com/aerobee-mq/aerobee/store/traffic"
)

// Progress appends where a group stands in each of the topic's queues from 0 to queues-1 that has ever held a message.
func (s *Store) Progress(dst []offset.Progress, groupName, topic string, queues int32) []offset.Progress {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.byName[topic]; t != nil {
		group, _ := s.names.ID(name.Group, groupName) // 0 is nobody's
		for _, q := range t.queues[:min(len(t.queues), int(queues))] {
			if q != nil {
				dst = append(dst, standing.Of(offset.Key{Group: group, Topic: t.id, Queue: q.id}, message.QueueOffset(q.next.Load()), &s.pops, &s.pending, &s.offsets))
			}
		}
	}
	return dst
}

// TimerTraffic counts what began to wait for its time, and what was delivered, since the store serves.
func (s *Store) TimerTraffic() []traffic.Count { return s.traffic.Load() }
