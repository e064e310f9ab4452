package store

import (
	"bytes"
	"fmt"

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
	StoreTime   message.StoreTime
	// Record holds the message's bytes; they are valid until OnArrive returns.
	Record []byte
	// Waits says that nobody reads the message here: it waits for its time, or for its transaction's end. See Options.TellWaiting.
	Waits bool
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
	var lit bool
	tags, s.keys, lit = s.indexed(s.keys[:0], r)
	switch {
	case q.topic.delay:
		code = s.applyDelayed(a, r)
	case q.topic.half:
		code = message.TagsCode(tags)
		s.applyHalf(a, r)
	default:
		code = message.TagsCode(tags)
		if r.PreparedOffset != 0 {
			s.complete(r.PreparedOffset, a.LogOffset, r.Topic)
		}
	}
	s.applyEntry(a, q, code, s.keys)
	if lit {
		s.applyLights(a, r, code)
	}
}

// note works out what applyMessage will need of a message, unless the message changes more than the index. When it is
// applied, its bytes have long left the processor's caches: to fetch them again costs more than the rest of Apply. It reports whether the message
// may go to light queues.
func (s *Store) note(r *message.Record) (lit bool) {
	r.Note = message.Note{}
	if r.PreparedOffset != 0 {
		return true
	}
	if waits(r.Topic) || string(r.Topic) == message.TopicHalf || string(r.Topic) == message.TopicState {
		return false
	}
	var room [16]uint64
	tags, hashes, lit := s.indexed(room[:0], r)
	if lit {
		return true
	}
	if n := copy(r.Note.Hashes[:], hashes); n == len(hashes) {
		r.Note.Known, r.Note.Keys, r.Note.TagsCode = true, uint8(n), message.TagsCode(tags)
	}
	return false
}

// applyEntry indexes a message and makes it visible.
func (s *Store) applyEntry(a *commitlog.Appended, q *queueState, tagsCode int64, keys []uint64) {
	s.ix.Add(q.key(), index.Entry{
		QueueOffset: a.QueueOffset, LogOffset: a.LogOffset, Size: int32(len(a.Record)), TagsCode: tagsCode, StoreTime: a.StoreTime,
	}, keys)
	q.next.Store(int64(a.QueueOffset) + 1)
	s.newest, s.queuesDirty = a.StoreTime, true
	if waits := q.topic.delay || q.topic.half; s.serving && s.opt.OnArrive != nil && (!waits || s.opt.TellWaiting) {
		s.arrivals = append(s.arrivals, Arrival{
			Topic: q.topic.name, Queue: q.id, QueueOffset: a.QueueOffset, TagsCode: tagsCode, StoreTime: a.StoreTime, Record: a.Record,
			Waits: waits,
		})
	}
}

// applyDelayed makes a pending entry of a delayed record and returns its due time in milliseconds, which is its tags
// code in the index, as in Apache's consume queues. A record that names a pending entry is that entry carried forward; one
// that takes messages back completes them.
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
	if r.PreparedOffset != 0 && s.pops.Complete(r.PreparedOffset, a.LogOffset) { // its redelivery waits here, see exportPops
		s.touch(state.Pop)
	}
	foreign := a.LogOffset < s.imported.until
	due, longest := s.times.Due(r, foreign)
	if past := s.imported.Delivered; past != nil && string(r.Topic) == message.TopicSchedule && past(r.QueueID, a.QueueOffset) {
		return due
	}
	if keys := timer.WithdrawnBy(r); len(keys) > 0 {
		for _, e := range s.keyedLocked(keys, due) {
			s.timers.Complete(e.Created)
		}
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
	real, _ := r.Properties.Get(message.PropRealTopic)
	id, _ := s.names.IDBytes(name.Topic, real)
	e := timer.Entry{Created: created, At: a.LogOffset, Due: min(due, s.nowMillis()+longest), Key: timer.KeyOf(r), Topic: id}
	if s.halves.Complete(created) { // it is the commit of a half message that asked for a time, whose entry goes on as this one
		s.touch(state.Transaction)
	}
	if foreign { // Apache puts a message that waits for days again and again
		for _, before := range s.timers.Keyed(e.Key, e.Due, 1) {
			s.timers.Complete(before.Created)
		}
	}
	s.timers.Add(e)
	s.traffic.Began(real, e.Due-r.BornTime)
	s.wakeTimers()
	return due
}

func (s *Store) complete(handle, at message.LogOffset, topic []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.timers.Complete(handle):
		s.touch(state.Timer)
		s.traffic.Ended(topic)
	case s.pops.Complete(handle, at):
		s.touch(state.Pop)
	}
	if s.halves.Complete(handle) {
		s.touch(state.Transaction)
	}
}

// indexed finds what the index keeps of a message's properties, in one pass over them: its tags, and the hashes of its
// unique key and of each of its keys, which are appended to dst. lit says whether it names light queues.
func (s *Store) indexed(dst []uint64, r *message.Record) (tags []byte, hashes []uint64, lit bool) {
	keyed := !s.opt.NoKeyIndex && r.SysFlag.Transaction() != message.FlagTransactionRollback
	for pair := range r.Properties.Pairs() {
		if value, ok := message.ValueOf(pair, message.PropTags); ok {
			tags = value
		}
		if _, ok := message.ValueOf(pair, message.PropMultiDispatch); ok {
			lit = true
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
	return tags, dst, lit
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
		return s.applyName(p, at)
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
	case state.Transaction:
		return s.halves.Apply(p, at)
	case state.Pop:
		s.wakePops()
		return s.pops.Apply(p, at)
	case state.User:
		return s.users.Apply(p, at)
	case state.Queue:
		return s.applyBounds(p)
	case state.Forget:
		s.topicsChanged = true
		return s.forgetLocked(p, at)
	case state.Import:
		return s.applyImport(p, at)
	case state.Begin, state.End:
		s.checkpointing = k == state.Begin
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

// applyBounds makes a queue known whose messages may all have retired, and raises its least offset. While the store serves, a checkpoint only says
// what it knows, but a record of its own is of a topic that is kept for less long; and the counter may have gone on since.
func (s *Store) applyBounds(p []byte) error {
	b, err := state.DecodeBounds(p)
	if err != nil || s.serving && s.checkpointing {
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
	more := b.Next > q.log.Next() && !s.serving
	if more {
		q.log.Restore(b.Next)
		q.next.Store(int64(b.Next))
	}
	if more || int64(b.Min) > q.least.Load() {
		q.least.Store(max(q.least.Load(), int64(b.Min)))
		s.ix.Restore(q.key(), b.Min, b.Next)
		s.queuesDirty = true
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
	if err := s.nameForeign(topic); err != nil {
		return nil
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
