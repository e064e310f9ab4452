package store

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/reserve"
	"github.com/aerobee-mq/aerobee/store/retention"
	"github.com/aerobee-mq/aerobee/store/state"
)

// A topic may ask to be kept for less long than the store keeps its log, see package reserve. At each look the keeper finds from where on each
// of its queues is kept, and writes the new bounds as a state record; when that is applied, the queue's minimum offset has moved. The record is
// durable before anybody sees the new minimum, so a crash takes none of it back. What lies below stays in its segment until that goes, and is
// still found by its key or its id.

// reserveBatch is how many bounds one record says.
const reserveBatch = 256

// reserved is what the keeper knows of one topic between two looks.
type reserved struct {
	id     uint32 // of the topic: one that is deleted and made again begins anew
	rules  reserve.Rules
	sizes  *reserve.Sizes
	queues map[message.QueueID]*reservedQueue
}

type reservedQueue struct {
	counted message.QueueOffset // up to here its records are in sizes
	due     int64               // ms since 1970: before then nothing of it is too old
}

// reserves is what the keeper remembers; nobody else touches it.
type reserves struct {
	version topic.Version // of the table that topics is taken from
	known   bool
	topics  map[string]*reserved
	litesAt int64            // ms since 1970: the next look for lite topics that expire
	liteDue map[uint32]int64 // by the id of a light queue: before then it does not
}

// reservedTopics brings what is remembered in line with the table of topics, and returns the topics with rules and their queues.
func (s *Store) reservedTopics() map[*topicState][]*queueState {
	r := &s.reserves
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !r.known || r.version != s.topics.Version() {
		topics := make(map[string]*reserved)
		s.topics.Each(func(c *topic.Config) {
			rules := reserve.Of(c.Attributes)
			if old := r.topics[c.Name]; old != nil && old.rules == rules {
				topics[c.Name] = old
			} else if rules.Any() {
				topics[c.Name] = &reserved{rules: rules}
			}
		})
		r.topics, r.version, r.known = topics, s.topics.Version(), true
	}
	out := make(map[*topicState][]*queueState)
	for text, known := range r.topics {
		t := s.byName[text]
		if t == nil || t.dying {
			continue // nothing was ever put there
		}
		if known.id != t.id {
			*known = reserved{id: t.id, rules: known.rules, sizes: reserve.NewSizes(known.rules.Bytes), queues: make(map[message.QueueID]*reservedQueue)}
		}
		for _, q := range t.queues {
			if q != nil {
				out[t] = append(out[t], q)
			}
		}
	}
	return out
}

// retainTopics moves the minimum offsets of topics that ask for it.
func (s *Store) retainTopics(ctx context.Context, l *retention.Look) error {
	moved := 0
	for t, queues := range s.reservedTopics() {
		bounds, err := s.excess(s.reserves.topics[t.name], queues, l)
		if err != nil {
			return fmt.Errorf("retention of topic %s: %w", t.name, err)
		}
		for from := 0; from < len(bounds); from += reserveBatch {
			if err := s.raiseMinimums(ctx, t, bounds[from:min(from+reserveBatch, len(bounds))]); err != nil {
				return fmt.Errorf("retention of topic %s: %w", t.name, err)
			}
		}
		if len(bounds) > 0 {
			s.opt.Logger.Debug("the topic's minimum offsets have moved", "topic", t.name, "queues", len(bounds))
		}
		moved += len(bounds)
	}
	if moved == 0 {
		return nil
	}
	return s.retirePops()
}

// excess finds the queues whose minimum offset is to move, and where to.
func (s *Store) excess(r *reserved, queues []*queueState, l *retention.Look) (out []state.Bounds, err error) {
	from := make(map[*queueState]message.QueueOffset, len(queues))
	now := l.Now.UnixMilli()
	for _, q := range queues {
		if from[q], err = s.tooOld(r, q, now, l.Unsure); err != nil {
			return nil, err
		}
	}
	kept, over, err := s.tooMuch(r, queues)
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		least, next := s.bounds(q)
		to := from[q]
		if over {
			if to, err = s.behind(q, max(to, least), next, kept); err != nil {
				return nil, err
			}
		}
		if to > least {
			out = append(out, state.Bounds{Topic: q.topic.id, Queue: q.id, Min: to, Next: next})
		}
	}
	return out, nil
}

// tooOld returns from where on a queue is kept by age.
func (s *Store) tooOld(r *reserved, q *queueState, now int64, unsure bool) (message.QueueOffset, error) {
	known := r.queues[q.id]
	if known == nil {
		known = &reservedQueue{}
		r.queues[q.id] = known
	}
	if r.rules.Age == 0 || unsure || now < known.due {
		return 0, nil
	}
	least, next := s.bounds(q)
	if least == next {
		return 0, nil
	}
	age := r.rules.Age.Milliseconds()
	to, err := s.ix.ByTime(q.key(), message.StoreTime(now-age), false)
	if err != nil {
		return 0, s.noteDamage(err)
	}
	err = s.ix.Scan(q.key(), to, func(e index.Entry) bool {
		known.due = int64(e.StoreTime) + age
		return false
	})
	return min(to, next), s.noteDamage(err)
}

// tooMuch counts what has come since the last look, and returns from which log offset on the topic is kept if it is too much.
func (s *Store) tooMuch(r *reserved, queues []*queueState) (from message.LogOffset, over bool, err error) {
	if r.rules.Bytes == 0 {
		return 0, false, nil
	}
	for _, q := range queues {
		known := r.queues[q.id]
		least, next := s.bounds(q)
		at := max(known.counted, least)
		err := s.ix.Scan(q.key(), at, func(e index.Entry) bool {
			if e.QueueOffset >= next {
				return false
			}
			r.sizes.Add(e.LogOffset, e.Size)
			known.counted = e.QueueOffset + 1
			return true
		})
		if err != nil {
			return 0, false, s.noteDamage(err)
		}
	}
	r.sizes.Drop(s.log.Start())
	from, over = r.sizes.Excess()
	return from, over, nil
}

// behind returns the offset of a queue's first message at a log offset or behind it, from an offset on.
func (s *Store) behind(q *queueState, from, next message.QueueOffset, at message.LogOffset) (message.QueueOffset, error) {
	to := next
	err := s.ix.Scan(q.key(), from, func(e index.Entry) bool {
		if e.LogOffset >= at {
			to = min(e.QueueOffset, next)
			return false
		}
		return e.QueueOffset < next
	})
	return to, s.noteDamage(err)
}

// raiseMinimums writes new bounds; they count when the record is durable.
func (s *Store) raiseMinimums(ctx context.Context, t *topicState, bounds []state.Bounds) error {
	return s.change(ctx, func(ch *changes) error {
		if s.byName[t.name] != t || t.dying {
			return nil // deleted meanwhile
		}
		for _, b := range bounds {
			ch.add(state.Queue, state.AppendBounds(nil, b))
		}
		return nil
	})
}
