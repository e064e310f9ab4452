package store

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// A light queue is queue 0 of a topic that has a name and nothing else. Its name gets its id in a state record that reaches the log together with the
// first message, in one piece; so nobody waits, and a replay finds the name before the message. Until that record is
// applied, each further message brings an id along too, since the first one may fail; a newer one, since ids ascend in the log. The first that is
// applied counts, see package name. All else — bounds, cuts, checkpoints, offsets, deletion —
// is as with any queue. Where a message stands in light queues is read from the message itself.

// ErrTooManyLights refuses a message that would begin a light queue beyond Options.MaxLights.
var ErrTooManyLights = errors.New("too many light queues")

// lightNames returns the light queues of a message that is to be put. What is wrong with names is the broker's business: such
// a message stands in its own queue alone.
func (s *Store) lightNames(r *message.Record) [][]byte {
	if s.opt.NoLights {
		return nil
	}
	names, err := light.Names(r.Topic, r.Properties)
	if err != nil {
		return nil
	}
	return names
}

// putLight appends a message that goes to light queues too.
func (s *Store) putLight(r *message.Record, names [][]byte, sink Sink, token uint64, internal bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putLightLocked(r, names, sink, token, internal)
}

func (s *Store) putLightLocked(r *message.Record, names [][]byte, sink Sink, token uint64, internal bool) error {
	q, err := s.queueLocked(r.Topic, r.QueueID)
	if err != nil {
		return err
	}
	more := commitlog.Light{Queues: make([]*commitlog.Queue, len(names))}
	var body []byte
	for i, text := range names {
		lq, change, err := s.lightLocked(text, internal)
		if err != nil {
			return err
		}
		more.Queues[i], body = lq.log, append(body, change...)
	}
	if body != nil {
		before := s.stateRecord(body)
		more.Before, more.BeforeQueue = &before, s.state.log
	}
	r.Properties = light.Bare(r.Properties)
	return s.log.AppendLight(q.log, r, more, sink, token, internal)
}

// lightLocked finds or makes a light queue, and what the log must be told of it first. s.mu is held.
func (s *Store) lightLocked(text []byte, internal bool) (q *queueState, change []byte, err error) {
	if _, known := s.names.IDBytes(name.Topic, text); known {
		q, err = s.queueLocked(text, 0)
		return q, nil, err
	}
	t := s.promised[string(text)]
	if t == nil {
		if n := s.lights + len(s.promised); n >= s.opt.MaxLights && !internal {
			return nil, nil, fmt.Errorf("%w: there are %d, the limit is %d (maxLmqConsumeQueueNum)", ErrTooManyLights, n, s.opt.MaxLights)
		}
		t = &topicState{name: string(text)} // its id is known when it is applied
		t.queues = []*queueState{newQueueState(t, 0, 0)}
		if s.promised == nil {
			s.promised = make(map[string]*topicState)
		}
		s.promised[t.name] = t
	}
	s.promisedID = s.nextTopicID()
	ch := changes{s: s}
	ch.assign(name.Topic, s.promisedID, t.name)
	return t.queues[0], ch.body, nil
}

// nextTopicID is an id that nobody has, nor will have by what is on its way to the log. s.mu is held.
func (s *Store) nextTopicID() uint32 {
	id := max(s.names.Next(name.Topic), s.promisedID+1)
	for other, taken := range s.reserved {
		if other.space == name.Topic {
			id = max(id, taken+1)
		}
	}
	return id
}

// keepPromise takes a light queue into the tables whose name has just been applied. s.mu is held.
func (s *Store) keepPromise(text string) {
	if !light.Is(text) {
		return
	}
	if t := s.promised[text]; t != nil {
		delete(s.promised, text)
		t.id, _ = s.names.ID(name.Topic, text)
		s.byName[text] = t
		s.lights++
		s.queues = append(s.queues, t.queues[0])
	}
}

// applyLights makes a message visible in its light queues, after its own.
func (s *Store) applyLights(a *commitlog.Appended, r *message.Record, tagsCode int64) {
	if a.Lights == nil && !s.serving {
		a.Lights = s.replayLights(r)
	}
	for _, p := range a.Lights {
		q := p.Queue.Owner().(*queueState)
		s.ix.Add(q.key(), index.Entry{
			QueueOffset: p.Offset, LogOffset: a.LogOffset, Size: int32(len(a.Record)), TagsCode: tagsCode, StoreTime: a.StoreTime,
		}, nil)
		q.next.Store(int64(p.Offset) + 1)
		if s.serving && s.opt.OnArrive != nil {
			s.arrivals = append(s.arrivals, Arrival{Topic: q.topic.name, Queue: 0, QueueOffset: p.Offset, TagsCode: tagsCode, Record: a.Record})
		}
	}
}

// replayLights finds the light queues of a replayed message and moves their counters on. In a log that another broker wrote a light queue begins with
// its first message.
func (s *Store) replayLights(r *message.Record) []commitlog.Place {
	places := light.Places(r)
	if places == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]commitlog.Place, 0, len(places))
	for _, p := range places {
		if err := s.nameForeign(p.Name); err != nil {
			continue
		}
		q, err := s.queueLocked(p.Name, 0)
		if err != nil {
			continue // it has been deleted since: its id is gone
		}
		if p.Offset >= q.log.Next() {
			q.log.Restore(p.Offset + 1)
		}
		out = append(out, commitlog.Place{Queue: q.log, Offset: p.Offset})
	}
	return out
}

// nameForeign names a topic that another broker's log does not name. s.mu is held.
func (s *Store) nameForeign(text []byte) error {
	if _, ok := s.names.IDBytes(name.Topic, text); ok || !s.imported.Foreign {
		return nil
	}
	next := s.names.Next(name.Topic)
	if err := s.applyName(name.AppendAssign(nil, name.Topic, next, string(text)), 0); err != nil {
		return err
	}
	s.touch(state.Name)
	return nil
}

// applyName applies a change of names. s.mu is held.
func (s *Store) applyName(p []byte, at message.LogOffset) error {
	if err := s.names.Apply(p, at); err != nil {
		return err
	}
	if text, ok := name.Assigned(p); ok {
		s.keepPromise(text)
	}
	return nil
}

// Lights counts the light queues.
func (s *Store) Lights() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lights + len(s.promised)
}

// lightTopic is the configuration that every light queue has, whether anything was ever put there.
func lightTopic(name string) topic.Config {
	return topic.Config{Name: name, ReadQueues: 1, WriteQueues: 1, Perm: topic.PermRead | topic.PermWrite}
}

// lightGroup is the configuration of a group with the name of a light queue, which nobody makes either.
func lightGroup(name string) group.Config { return group.New(name) }
