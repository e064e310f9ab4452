package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// Sink receives the outcome of Puts, see commitlog.Sink.
type Sink = commitlog.Sink

// Appended is one record that the log has taken, see commitlog.Appended.
type Appended = commitlog.Appended

// Put appends one message to the queue that it names and returns without waiting; the sink learns the outcome. The
// topic must exist; whether the queue id is one of the topic's is the caller's business. The store sets StoreHost.
//
// Errors: ErrNoTopic, *FullError, ErrTooManyLights, commitlog.ErrBusy, ErrFull, ErrFailed and ErrClosed, message.ErrTooBig.
func (s *Store) Put(r *message.Record, sink Sink, token uint64) error {
	if full := s.full.Load(); full != nil {
		return full
	}
	r.StoreHost = s.opt.StoreHost
	if s.note(r) {
		if names := s.lightNames(r); names != nil {
			return s.putLight(r, names, sink, token, false)
		}
	}
	return s.inQueue(r.Topic, r.QueueID, func(q *queueState) error {
		return s.log.Append(q.log, r, sink, token)
	})
}

// PutBatch appends messages of one queue with consecutive offsets, contiguously; the sink learns one outcome for all.
func (s *Store) PutBatch(rs []message.Record, sink Sink, token uint64) error {
	if len(rs) == 0 {
		return errors.New("a batch needs at least one message")
	}
	if full := s.full.Load(); full != nil {
		return full
	}
	for i := range rs {
		if rs[i].QueueID != rs[0].QueueID || !bytes.Equal(rs[i].Topic, rs[0].Topic) {
			return errors.New("the messages of a batch must go to one queue")
		}
		rs[i].StoreHost = s.opt.StoreHost
		s.note(&rs[i])
	}
	return s.inQueue(rs[0].Topic, rs[0].QueueID, func(q *queueState) error {
		return s.log.AppendBatch(q.log, rs, sink, token)
	})
}

// inQueue runs put with the queue's state while the topic cannot be deleted: mu is held for reading across the append,
// so that in the log nothing of a topic stands behind its deletion. That is the one lock held across a call into
// another package; Append neither waits nor does I/O.
func (s *Store) inQueue(topic []byte, id message.QueueID, put func(*queueState) error) error {
	s.mu.RLock()
	q := s.queueRLocked(topic, id)
	if q != nil {
		defer s.mu.RUnlock()
		return put(q)
	}
	s.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueLocked(topic, id)
	if err != nil {
		return err
	}
	return put(q)
}

// PutDelayed appends a message that is delivered to its topic and queue after the delay of the level, counted from 1.
// Levels above the highest count as the highest, as in Apache. The record's topic, queue id and properties change.
func (s *Store) PutDelayed(r *message.Record, level int, sink Sink, token uint64) error {
	if level < 1 {
		return errors.New("delay levels count from 1")
	}
	if err := s.roomForDelayed(); err != nil {
		return err
	}
	s.times.Level(r, level)
	if err := mayGrow(r); err != nil {
		return err
	}
	return s.Put(r, sink, token)
}

// spareProperties is what the properties of a message that waits may grow by until it is delivered, in bytes: each delivery, commit,
// question and give-up adds some. What could not be written then is refused before it is accepted.
const spareProperties = 256

func mayGrow(r *message.Record) error {
	if n, limit := len(r.Properties), message.MaxPropertiesSize-spareProperties; n > limit {
		return fmt.Errorf("%w: properties are %d bytes, the limit is %d for a message that waits", message.ErrTooBig, n, limit)
	}
	return nil
}

// delayedRoom is what a pending message takes of a segment, in bytes, by a careful count: a checkpoint names it in 16 to 40.
const delayedRoom = 64

// roomForDelayed refuses a delayed message when so many are pending that the next segment's checkpoint, which names them
// all, might not fit into a segment: then nothing at all could be stored any more.
func (s *Store) roomForDelayed() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if n, limit := s.timers.Len()+s.halves.Len(), int(s.opt.SegmentSize/delayedRoom); n >= limit {
		return fmt.Errorf("%w: %d delayed and half messages are pending, the limit is %d with segments of %d bytes",
			commitlog.ErrFull, n, limit, s.opt.SegmentSize)
	}
	return nil
}

// PutWait is Put for callers that may block: it returns when the message is durable and visible, with a copy of the
// record. With commitlog.ErrFlushTimeout the message is stored but not confirmed, and Appended is valid.
func (s *Store) PutWait(ctx context.Context, r *message.Record) (Appended, error) {
	w := newWaiter()
	if err := s.Put(r, w, 0); err != nil {
		return Appended{}, err
	}
	s.log.Kick()
	return w.wait(ctx)
}

// Kick commits what was put, on this goroutine if nobody else is committing. The broker calls it when a connection's
// reader has handled everything it had read.
func (s *Store) Kick() { s.log.Kick() }

// KickAside is Kick for a caller with more to do: another goroutine commits.
func (s *Store) KickAside() { s.log.KickAside() }

// waiter is a sink for one append whose caller waits.
type waiter struct {
	done chan struct{}
	rec  Appended
	err  error
}

func newWaiter() *waiter { return &waiter{done: make(chan struct{})} }

// Committed keeps a copy of the last record and lets the waiting goroutine go on.
func (w *waiter) Committed(_ uint64, recs []Appended, err error) {
	if n := len(recs); n > 0 {
		w.rec = recs[n-1]
		w.rec.Record = bytes.Clone(w.rec.Record)
	}
	w.err = err
	close(w.done)
}

// Flush does nothing: Committed has said it all.
func (w *waiter) Flush() {}

func (w *waiter) wait(ctx context.Context) (Appended, error) {
	select {
	case <-w.done:
		return w.rec, w.err
	case <-ctx.Done():
		return Appended{}, ctx.Err()
	}
}

// nobody is the sink of appends whose outcome Apply and the next attempt settle.
type nobody struct{}

func (nobody) Committed(uint64, []Appended, error) {}
func (nobody) Flush()                              {}
