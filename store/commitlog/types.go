package commitlog

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// What the log answers when it does not take or find a record. Errors wrap one of these and add the numbers.
var (
	// ErrBusy refuses a record because the bytes that wait for the disk would pass MaxPendingBytes.
	ErrBusy = errors.New("commit log is busy")
	// ErrClosed refuses everything after Close, except what is still in memory.
	ErrClosed = errors.New("commit log is closed")
	// ErrFailed refuses everything after a failed sync, until the log is opened again.
	ErrFailed = errors.New("commit log has failed")
	// ErrFull refuses a record because no segment can be prepared for it, or because of the reason given to SetWritable.
	ErrFull = errors.New("commit log cannot take more")
	// ErrFlushTimeout answers a record that is written but whose sync takes longer than SyncTimeout.
	ErrFlushTimeout = errors.New("sync of the commit log takes longer than its limit")
	// ErrCorrupt reports bytes that were durable once and are invalid now.
	ErrCorrupt = errors.New("commit log is corrupt")
	// ErrAhead reports a ReplayFrom that the log does not reach: what was derived from it belongs to another log.
	ErrAhead = errors.New("replay offset is ahead of the commit log")
	// ErrRange reports a read outside what is published and still kept.
	ErrRange = errors.New("outside the commit log")
)

// Queue is the counter of one queue's offsets. The log alone assigns from it.
type Queue struct {
	owner    any
	next     atomic.Int64
	assigned int64 // used by the committing goroutine alone; equals next between two parts of a commit
}

// NewQueue returns a counter whose first record will get the offset next. The owner is the caller's, see [Queue.Owner].
func NewQueue(owner any, next message.QueueOffset) *Queue {
	q := &Queue{owner: owner, assigned: int64(next)}
	q.next.Store(int64(next))
	return q
}

// Owner returns what NewQueue was given.
func (q *Queue) Owner() any { return q.owner }

// Next returns the offset after everything published in this queue.
func (q *Queue) Next() message.QueueOffset { return message.QueueOffset(q.next.Load()) }

// Restore sets the next offset. Only a Follower may call it, within Apply or Resolve (a checkpoint names a queue's next offset).
func (q *Queue) Restore(next message.QueueOffset) {
	q.assigned = int64(next)
	q.next.Store(int64(next))
}

// Appended is one record that the log has taken. Record holds its sealed bytes and is valid during the call only.
type Appended struct {
	Record      []byte
	LogOffset   message.LogOffset
	QueueOffset message.QueueOffset
	StoreTime   message.StoreTime
	Queue       *Queue
	// Note is the note of the record that was appended; of a replayed one it says nothing.
	Note message.Note
	// Lights are the record's places in light queues; of a replayed one it says nothing.
	Lights []Place
}

// Sink receives the outcome of Appends. Its methods run on the committing goroutine and must not block. A sink's dynamic
// type must be comparable.
type Sink interface {
	// Committed is called once for each Append or AppendBatch that returned nil: with err nil when the records are
	// published, with ErrFlushTimeout when they are written but not confirmed (recs valid in both cases), and with
	// another error and no recs when they were refused.
	Committed(token uint64, recs []Appended, err error)
	// Flush is called once per distinct sink after a group's last Committed.
	Flush()
}

// Follower derives state from the log. Its methods run on the committing goroutine, or within Open.
type Follower interface {
	// Apply takes everything just published, in log order, before the sinks are answered. Open calls it for each
	// replayed record with a slice of one.
	Apply(group []Appended)
	// Checkpoint puts the records that begin the segment at the given offset; everything before has been applied. The
	// records are applied in their turn. It is called again for the same segment when its records did not reach the disk.
	Checkpoint(at message.LogOffset, put func(r *message.Record, q *Queue) error) error
	// Resolve returns the counter of a replayed record's queue, nil if that queue has none any more. The topic is valid
	// during the call only.
	Resolve(topic []byte, id message.QueueID) *Queue
}

// Span names one record in the log: where it begins and its size in bytes.
type Span struct {
	At   message.LogOffset
	Size int32
}

// Segment describes one segment file. ModTime is the file's modification time, zero if it cannot be read.
type Segment struct {
	Base    message.LogOffset
	Size    int64
	Path    string
	ModTime time.Time
}
