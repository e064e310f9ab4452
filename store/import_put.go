package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/lock"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/state"
)

// put writes what the tables say behind Apache's last record, and then the marker. The first change makes whoever reads
// the log forget what it knew: Apache's records tell nothing of deletions, and every delayed message looks pending.
func (a *adoption) put(s *Store) error {
	at := s.log.Published()
	pending, err := s.stillPending(a.dealtWith)
	if err != nil {
		return err
	}
	open, err := s.stillOpen(a)
	if err != nil {
		return err
	}
	in := &importer{s: s, merge: a.mark.Merge, at: at, moved: make(map[offset.Key]message.QueueOffset)}
	s.mu.Lock()
	err = in.all(a, pending, open)
	s.mu.Unlock()
	if err == nil {
		err = s.appendBodies(context.Background(), in.bodies.Close())
	}
	if err == nil {
		err = s.log.Sync(context.Background())
	}
	if err != nil {
		return fmt.Errorf("import Apache's tables: %w", err)
	}
	a.mark.ImportedAt, a.mark.Merge = at, false
	a.mark.Delayed = delayOffsets(a)
	s.opt.Logger.Info("a store of Apache RocketMQ is taken over", "dir", s.opt.Dir, "log end", int64(at),
		"topics", s.topics.Len(), "groups", s.groups.Len(), "offsets", s.offsets.Len(), "delayed messages", len(pending),
		"offsets of unknown topics", in.strays)
	return nil
}

func delayOffsets(a *adoption) map[int]message.QueueOffset {
	all := make(map[int]message.QueueOffset)
	for level, off := range a.mark.Delayed {
		all[level] = off
	}
	if a.tables.Delay != nil {
		for level, off := range a.tables.Delay.Offsets {
			all[level] = max(all[level], off)
		}
	}
	return all
}

// stillPending returns the pending entries that nobody has delivered, each at its queue offset.
func (s *Store) stillPending(delivered func(*message.Record) bool) ([]timer.Entry, error) {
	s.mu.Lock()
	all := s.timers.Before(1 << 62)
	s.mu.Unlock()
	var pending []timer.Entry
	for _, e := range all {
		b, err := s.View(nil, e.At)
		if err != nil {
			s.opt.Logger.Warn("a delayed message has gone with its segment", "log offset", int64(e.At), "cause", err)
			continue
		}
		r, err := message.ParseRecord(b)
		if err != nil {
			return nil, fmt.Errorf("delayed message at log offset %d: %w", e.At, err)
		}
		if !delivered(&r) {
			real, _ := r.Properties.Get(message.PropRealTopic)
			s.mu.RLock()
			e.Topic, _ = s.names.IDBytes(name.Topic, real) // it may have got its name later
			s.mu.RUnlock()
			pending = append(pending, e)
		}
	}
	return pending, nil
}

// stillOpen returns the half messages of ours that Apache has left alone, and those of its own, or its copies of ours, that it has
// not ended. A copy is known by the log offset by which Apache would ask about it.
func (s *Store) stillOpen(a *adoption) ([]transaction.Entry, error) {
	s.mu.Lock()
	all := s.halves.Before(math.MaxInt64)
	s.mu.Unlock()
	var open []transaction.Entry
	for _, e := range all {
		_, r, err := s.Half(e.Created)
		if err != nil {
			return nil, fmt.Errorf("half message at log offset %d: %w", e.At, err)
		}
		if e.Created < a.mark.End {
			if !a.survey.Ended(r.QueueID, r.QueueOffset) {
				open = append(open, e)
			}
			continue
		}
		if a.survey.Open(r.QueueID, r.QueueOffset) {
			e.Checks = apache.Checks(&r)
			open = append(open, e)
		}
	}
	return open, nil
}

// importer gathers the changes of one import. s.mu is held for writing.
type importer struct {
	s      *Store
	merge  bool
	at     message.LogOffset
	bodies state.Bodies
	names  name.Table                         // as it will be
	strays int                                // offsets in topics that do not exist
	moved  map[offset.Key]message.QueueOffset // where Apache's groups go on
}

func (in *importer) all(a *adoption, pending []timer.Entry, open []transaction.Entry) error {
	in.bodies.Limit = in.s.maxBody()
	in.forget(a)
	for _, id := range a.retired {
		in.bodies.Add(state.Forget, binary.AppendUvarint(nil, uint64(id)))
	}
	var err error
	in.s.names.Snapshot(func(change []byte) {
		err = errors.Join(err, in.names.Apply(change, in.at))
		in.bodies.Add(state.Name, change)
	})
	if err == nil {
		err = in.topics(a.tables.Topics)
	}
	if err == nil {
		err = in.groups(a.tables.Groups)
	}
	if err == nil {
		err = in.lights(a.ends)
	}
	if err == nil {
		err = in.offsets(a.tables.Offsets)
	}
	if err != nil {
		return err
	}
	for _, e := range pending {
		in.bodies.Add(state.Timer, timer.AppendAdd(nil, e))
	}
	for _, e := range open {
		in.bodies.Add(state.Transaction, transaction.AppendAdd(nil, e))
	}
	in.queues(a.ends)
	return in.pops(a)
}

// forget adds the change that empties what the tables replace.
func (in *importer) forget(a *adoption) {
	kinds := []byte{byte(state.Timer), byte(state.Lock), byte(state.Transaction)}
	t := a.tables
	for _, c := range []struct {
		kind  state.Kind
		there bool
	}{{state.Topic, t.Topics != nil}, {state.Group, t.Groups != nil}, {state.Offset, t.Offsets != nil}} {
		if c.there && !in.merge {
			kinds = append(kinds, byte(c.kind))
		}
	}
	in.bodies.Add(state.Import, kinds)
}

// id returns a name's id, with a change that gives it one if it has none.
func (in *importer) id(space name.Space, text string) (uint32, error) {
	if id, ok := in.names.ID(space, text); ok {
		return id, nil
	}
	id := in.names.Next(space)
	change := name.AppendAssign(nil, space, id, text)
	in.bodies.Add(state.Name, change)
	return id, in.names.Apply(change, in.at)
}

func (in *importer) topics(t *apache.TopicTable) error {
	if t == nil {
		return nil
	}
	var v topic.Version
	if err := decodeVersion(t.Version, &v); err != nil {
		return fmt.Errorf("topics' version: %w", err)
	}
	in.bodies.Add(state.Topic, topic.AppendVersion(nil, v))
	for text, raw := range t.Topics {
		var c topic.Config
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("topic %q: %w", text, err)
		}
		c.Name = text
		if _, err := in.id(name.Topic, text); err != nil {
			return err
		}
		in.bodies.Add(state.Topic, topic.AppendPut(nil, &c, v))
	}
	return nil
}

func (in *importer) groups(t *apache.GroupTable) error {
	if t == nil {
		return nil
	}
	var v group.Version
	if err := decodeVersion(t.Version, &v); err != nil {
		return fmt.Errorf("groups' version: %w", err)
	}
	in.bodies.Add(state.Group, group.AppendVersion(nil, v))
	for text, raw := range t.Groups {
		c := group.New(text)
		if err := json.Unmarshal(raw, &c); err != nil {
			return fmt.Errorf("group %q: %w", text, err)
		}
		c.Name = text
		if _, err := in.id(name.Group, text); err != nil {
			return err
		}
		put, err := group.AppendPut(nil, &c, v)
		if err != nil {
			return err
		}
		in.bodies.Add(state.Group, put)
	}
	for g, topics := range t.Forbidden {
		for text, bits := range topics {
			in.bodies.Add(state.Group, group.AppendForbid(nil, g, text, bits, v))
		}
	}
	return nil
}

func (in *importer) offsets(t *apache.OffsetTable) error {
	if t == nil {
		return nil
	}
	return t.Each(func(key string, q message.QueueID, off message.QueueOffset) error {
		topicName, groupName, split := apache.SplitOffsetKey(key)
		at, ok, err := in.key(topicName, groupName, q)
		if err != nil {
			return err
		}
		if !ok || !split {
			in.strays++
			return nil
		}
		k := offset.Key(at)
		if mine, ok := in.s.offsets.Get(k); ok && in.merge {
			off = max(off, mine)
		}
		in.moved[k] = max(off, 0)
		in.bodies.Add(state.Offset, offset.AppendCommit(nil, k, max(off, 0)))
		return nil
	})
}

// key finds the queue of a group; ok is false if there is no such topic.
func (in *importer) key(topicName, groupName string, q message.QueueID) (k pop.Key, ok bool, err error) {
	topicID, known := in.names.ID(name.Topic, topicName)
	if !known || groupName == "" {
		return k, false, nil
	}
	groupID, err := in.id(name.Group, groupName)
	return pop.Key{Group: groupID, Topic: topicID, Queue: q}, err == nil, err
}

// queues adds where the numbers of those queues go on in which the log holds nothing any more.
func (in *importer) queues(ends []apache.QueueEnd) {
	for _, e := range ends {
		id, ok := in.names.ID(name.Topic, e.Queue.Topic)
		if !ok || e.Next == 0 || e.Queue.ID >= state.MaxQueueID {
			continue
		}
		if in.end(e.Queue) > 0 {
			continue
		}
		in.bodies.Add(state.Queue, state.AppendBounds(nil, state.Bounds{Topic: id, Queue: e.Queue.ID, Min: e.Next, Next: e.Next}))
	}
}

// lights names the light queues in which the log holds nothing any more: no table does.
func (in *importer) lights(ends []apache.QueueEnd) error {
	for _, e := range ends {
		if light.Is(e.Queue.Topic) && e.Queue.ID == 0 && e.Next > 0 {
			if _, err := in.id(name.Topic, e.Queue.Topic); err != nil {
				return err
			}
		}
	}
	return nil
}

// end is where a queue's numbers go on by the log, 0 if nothing of it is there.
func (in *importer) end(q message.Queue) message.QueueOffset {
	t := in.s.topicLocked([]byte(q.Topic))
	if t == nil || q.ID < 0 || int(q.ID) >= len(t.queues) || t.queues[q.ID] == nil {
		return 0
	}
	return message.QueueOffset(t.queues[q.ID].next.Load())
}

func decodeVersion(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// applyImport forgets the kinds that an import replaces. s.mu is held.
func (s *Store) applyImport(p []byte, at message.LogOffset) error {
	for _, k := range p {
		switch state.Kind(k) {
		case state.Topic:
			s.topics, s.topicsChanged = topic.Table{}, true
		case state.Group:
			s.groups = group.Table{}
		case state.Offset:
			s.offsets = offset.Table{}
			if err := s.pops.Apply(pop.AppendForget(nil, 0, 0), at); err != nil { // a popped queue's offset is the pops'
				return err
			}
			s.touch(state.Pop)
		case state.Timer:
			s.timers = timer.Table{}
		case state.Lock:
			s.locks = lock.Table{}
		case state.Transaction:
			s.halves = transaction.Table{}
		default:
			return fmt.Errorf("an import cannot replace %v", state.Kind(k))
		}
		s.touch(state.Kind(k))
	}
	return nil
}
