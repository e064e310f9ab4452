package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/reserve"
	"github.com/aerobee-mq/aerobee/store/retention"
	"github.com/aerobee-mq/aerobee/store/state"
)

// liteInterval is how often the keeper looks for lite topics that nobody sends to any more. Source: liteTtlCheckInterval of RocketMQ 5.5.
const liteInterval = 2 * time.Minute

// liteBatch is how many light queues one record deletes.
const liteBatch = 128

// expireLites deletes the queues of lite topics to which nothing was sent for as long as their parent topic says (lite.topic.expiration), with all offsets in
// them, as RocketMQ does: whether everything was consumed does not count.
func (s *Store) expireLites(ctx context.Context, l *retention.Look) error {
	now := l.Now.UnixMilli()
	if l.Unsure || now < s.reserves.litesAt {
		return nil
	}
	s.reserves.litesAt = now + liteInterval.Milliseconds()
	var silent []*topicState
	for t, after := range s.liteQueues() {
		if now < s.reserves.liteDue[t.id] {
			continue
		}
		last := int64(0) // of a queue whose messages have all gone
		q := message.Queue{Topic: t.name}
		if stored, ok := s.StoreTimeAt(q, s.MaxOffset(q)-1); ok {
			last = int64(stored)
		}
		if due := last + after.Milliseconds(); now <= due {
			s.reserves.liteDue[t.id] = due
			continue
		}
		delete(s.reserves.liteDue, t.id)
		silent = append(silent, t)
	}
	for from := 0; from < len(silent); from += liteBatch {
		if err := s.forgetLights(ctx, silent[from:min(from+liteBatch, len(silent))]); err != nil {
			return fmt.Errorf("expiration of lite topics: %w", err)
		}
	}
	if len(silent) > 0 {
		s.opt.Logger.Info("lite topics have expired", "topics", len(silent))
	}
	return nil
}

// liteQueues are the light queues that may expire, and after how long.
func (s *Store) liteQueues() map[*topicState]time.Duration {
	parents := make(map[string]time.Duration)
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.topics.Each(func(c *topic.Config) {
		if after := reserve.LiteExpiration(c.Attributes); after > 0 && kind.OfTopic(c.Attributes) == kind.Lite {
			parents[c.Name] = after
		}
	})
	if len(parents) == 0 {
		return nil
	}
	if s.reserves.liteDue == nil {
		s.reserves.liteDue = make(map[uint32]int64)
	}
	out := make(map[*topicState]time.Duration)
	for text, t := range s.byName {
		if parent, _, ok := light.LiteTopic(text); ok && parents[parent] > 0 && !t.dying {
			out[t] = parents[parent]
		}
	}
	return out
}

// forgetLights deletes light queues, durably.
func (s *Store) forgetLights(ctx context.Context, queues []*topicState) error {
	return s.change(ctx, func(ch *changes) error {
		for _, t := range queues {
			if s.byName[t.name] != t || t.dying {
				continue
			}
			t.dying = true
			s.pending.Drop(func(k offset.Key) bool { return k.Topic == t.id })
			ch.add(state.Forget, binary.AppendUvarint(nil, uint64(t.id)))
		}
		return nil
	})
}
