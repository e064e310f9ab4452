package store

import (
	"bytes"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// Arrival tells of a message that has become visible.
type Arrival struct {
	Topic       string
	Queue       message.QueueID
	QueueOffset message.QueueOffset
	TagsCode    int64
	// Record holds the message's bytes; they are valid until OnArrive returns.
	Record []byte
}

// follower is the store as its commit log sees it: the one way by which anything in the store changes.
type follower struct{ s *Store }

// Apply derives everything from what was just published, on the committing goroutine and, during Open, from what is
// replayed. Index first, then the queue's visible end, then the arrivals: whoever is told of a message finds it.
func (f follower) Apply(group []commitlog.Appended) {
	s := f.s
	s.arrivals = s.arrivals[:0]
	for i := range group {
		s.applyOne(&group[i])
	}
	last := &group[len(group)-1]
	if s.newest != 0 {
		s.lastTime.Store(int64(s.newest))
		s.newest = 0
	}
	s.applied, s.prev = last.LogOffset+message.LogOffset(len(last.Record)), last.LogOffset
	if s.topicsChanged {
		s.topicsChanged = false
		if s.serving && s.opt.OnTopics != nil {
			s.opt.OnTopics()
		}
	}
	if len(s.arrivals) > 0 {
		s.opt.OnArrive(s.arrivals)
	}
	s.wantCut()
}

func (s *Store) applyOne(a *commitlog.Appended) {
	if a.Note.Known {
		s.applyEntry(a, a.Queue.Owner().(*queueState), a.Note.TagsCode, a.Note.Hashes[:a.Note.Keys])
		return
	}
	r, err := message.ParseRecord(a.Record)
	if err == nil {
		switch {
		case state.IsRecord(&r):
			err = s.applyState(a, &r)
		case a.Queue == nil:
			s.orphans++
		default:
			s.applyMessage(a, &r, a.Queue.Owner().(*queueState))
		}
	}
	if err != nil && s.applyErr == nil {
		s.applyErr = fmt.Errorf("apply record at log offset %d: %w", a.LogOffset, err)
		if s.serving {
			s.opt.Logger.Error("the store stops taking messages: its own log contradicts it", "error", s.applyErr)
			s.log.SetWritable(s.applyErr)
		}
	}
}

func (s *Store) applyMessage(a *commitlog.Appended, r *message.Record, q *queueState) {
	var tags []byte
	var code int64
	tags, s.keys = s.indexed(s.keys[:0], r)
	if q.topic.delay {
		code = s.applyDelayed(a, r)
	} else {
		code = message.TagsCode(tags)
		if r.PreparedOffset != 0 {
			s.complete(r.PreparedOffset)
		}
	}
	s.applyEntry(a, q, code, s.keys)
}

// note works out what applyMessage will need of a message, unless the message changes more than the index. When it is
// applied, its bytes have long left the processor's caches: to fetch them again costs more than the rest of Apply.
func (s *Store) note(r *message.Record) {
	r.Note = message.Note{}
	if r.PreparedOffset != 0 || string(r.Topic) == message.TopicSchedule || string(r.Topic) == message.TopicState {
		return
	}
	var room [16]uint64
	tags, hashes := s.indexed(room[:0], r)
	if n := copy(r.Note.Hashes[:], hashes); n == len(hashes) {
		r.Note.Known, r.Note.Keys, r.Note.TagsCode = true, uint8(n), message.TagsCode(tags)
	}
}

// applyEntry indexes a message and makes it visible.
func (s *Store) applyEntry(a *commitlog.Appended, q *queueState, tagsCode int64, keys []uint64) {
	s.ix.Add(q.key(), index.Entry{
		QueueOffset: a.QueueOffset, LogOffset: a.LogOffset, Size: int32(len(a.Record)), TagsCode: tagsCode, StoreTime: a.StoreTime,
	}, keys)
	q.next.Store(int64(a.QueueOffset) + 1)
	s.newest, s.queuesDirty = a.StoreTime, true
	if s.serving && s.opt.OnArrive != nil && !q.topic.delay {
		s.arrivals = append(s.arrivals, Arrival{
			Topic: q.topic.name, Queue: q.id, QueueOffset: a.QueueOffset, TagsCode: tagsCode, Record: a.Record,
		})
	}
}

// applyDelayed makes a pending entry of a delayed record and returns its due time in milliseconds, which is its tags
// code in the index, as in Apache's consume queues. A record that names a pending entry is that entry carried forward.
func (s *Store) applyDelayed(a *commitlog.Appended, r *message.Record) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch(state.Timer)
	if r.PreparedOffset != 0 && s.timers.Move(r.PreparedOffset, a.LogOffset) {
		e, _ := s.timers.Get(r.PreparedOffset)
		s.timers.Unclaim(r.PreparedOffset)
		s.wakeTimers()
		return e.Due
	}
	due := s.dueOf(r)
	if past := s.imported.Delivered; past != nil && past(r.QueueID, a.QueueOffset) {
		return due
	}
	// Only a log of another broker begins with a message. Its handle must not be 0, which means none; no record begins at 1.
	// A record carried forward whose entry is not there keeps its handle all the same: the snapshot that a replay began
	// with may be newer than the record and lack the entry, and then its completion follows.
	created := max(a.LogOffset, 1)
	if r.PreparedOffset != 0 {
		created = r.PreparedOffset
	}
	// The store's time does not go back with the clock: a message that is stored meanwhile waits from now.
	s.timers.Add(timer.Entry{Created: created, At: a.LogOffset, Due: min(due, s.nowMillis()+s.delayOf(r))})
	s.wakeTimers()
	return due
}

// dueOf returns when a delayed record is due, in milliseconds: its level counts from when it was stored.
func (s *Store) dueOf(r *message.Record) int64 { return int64(r.StoreTime) + s.delayOf(r) }

// delayOf returns how long a delayed record waits, in milliseconds.
func (s *Store) delayOf(r *message.Record) int64 {
	level := max(0, min(int(r.QueueID), len(s.opt.DelayLevels)-1))
	return int64(s.opt.DelayLevels[level] / time.Millisecond)
}

func (s *Store) complete(handle message.LogOffset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timers.Complete(handle) {
		s.touch(state.Timer)
	}
}

// indexed finds what the index keeps of a message's properties, in one pass over them: its tags, and the hashes of its
// unique key and of each of its keys, which are appended to dst.
func (s *Store) indexed(dst []uint64, r *message.Record) (tags []byte, hashes []uint64) {
	keyed := !s.opt.NoKeyIndex && r.SysFlag.Transaction() != message.FlagTransactionRollback
	for pair := range r.Properties.Pairs() {
		if value, ok := message.ValueOf(pair, message.PropTags); ok {
			tags = value
		}
		if !keyed {
			continue
		}
		if value, ok := message.ValueOf(pair, message.PropUniqueKey); ok && len(value) > 0 {
			dst = append(dst, index.KeyHash(r.Topic, value))
		}
		if value, ok := message.ValueOf(pair, message.PropKeys); ok {
			for rest := value; len(rest) > 0; {
				var k []byte
				k, rest, _ = bytes.Cut(rest, []byte(message.KeySeparator))
				if len(k) > 0 {
					dst = append(dst, index.KeyHash(r.Topic, k))
				}
			}
		}
	}
	return tags, dst
}

func (s *Store) applyState(a *commitlog.Appended, r *message.Record) error {
	if a.Queue == nil { // replayed: the state queue has no counter until its last record is found
		s.state.log.Restore(a.QueueOffset + 1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return state.Each(r.Body, func(k state.Kind, p []byte) error { return s.applyChange(k, p, a.LogOffset) })
}

// applyChange carries out one change, from a state record or from the cache. s.mu is held.
func (s *Store) applyChange(k state.Kind, p []byte, at message.LogOffset) error {
	s.touch(k)
	switch k {
	case state.Format:
		return checkFormat(p)
	case state.Name:
		return s.names.Apply(p, at)
	case state.Topic:
		s.topicsChanged = true
		defer s.topicChanges.Add(1)
		return s.topics.Apply(p, at)
	case state.Group:
		return s.groups.Apply(p, at)
	case state.Offset:
		return s.offsets.Apply(p, at)
	case state.Lock:
		return s.locks.Apply(p, at)
	case state.Timer:
		s.wakeTimers()
		return s.timers.Apply(p, at)
	case state.Queue:
		return s.applyBounds(p)
	case state.Forget:
		s.topicsChanged = true
		return s.forgetLocked(p, at)
	case state.Import:
		return s.applyImport(p)
	case state.Begin, state.End:
		_, err := state.DecodeNumber(k, p)
		return err
	}
	return fmt.Errorf("BUG: change kind %v is decoded but not applied", k)
}

func checkFormat(p []byte) error {
	v, err := state.DecodeNumber(state.Format, p)
	if err == nil && v > directory.FormatVersion {
		err = fmt.Errorf("the log has store format %d, this version knows formats up to %d", v, directory.FormatVersion)
	}
	return err
}

// applyBounds makes a queue known whose messages may all have retired. While the store serves, a checkpoint only says
// what it knows; and the counter may have gone on since.
func (s *Store) applyBounds(p []byte) error {
	b, err := state.DecodeBounds(p)
	if err != nil || s.serving {
		return err
	}
	text, ok := s.names.Name(name.Topic, b.Topic)
	if !ok {
		return fmt.Errorf("queue %d of topic id %d, which has no name", b.Queue, b.Topic)
	}
	q, err := s.queueLocked([]byte(text), b.Queue)
	if err != nil {
		return err
	}
	if b.Next > q.log.Next() {
		q.log.Restore(b.Next)
		q.next.Store(int64(b.Next))
		q.least.Store(int64(b.Min))
		s.ix.Restore(q.key(), b.Min, b.Next)
	}
	return nil
}

// Resolve returns the counter of a replayed record's queue. State records have none, see applyState; nor have messages
// of a topic that the log does not name, except in a log that another broker wrote: there a topic begins with its
// first message.
func (f follower) Resolve(topic []byte, id message.QueueID) *commitlog.Queue {
	s := f.s
	if string(topic) == message.TopicState {
		return nil
	}
	if q := (message.Queue{Topic: string(topic), ID: id}); len(s.passOver) > 0 && s.passOver[q] > 0 {
		s.passOver[q]--
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.names.IDBytes(name.Topic, topic); !ok && s.imported.Foreign {
		next := s.names.Next(name.Topic)
		if err := s.names.Apply(name.AppendAssign(nil, name.Topic, next, string(topic)), 0); err != nil {
			return nil
		}
		s.touch(state.Name)
	}
	q, err := s.queueLocked(topic, id)
	if err != nil {
		return nil
	}
	return q.log
}

// touch notes which parts of the state the next cut must write. s.mu is held.
func (s *Store) touch(kinds ...state.Kind) {
	for _, k := range kinds {
		s.dirty[k] = true
	}
}
