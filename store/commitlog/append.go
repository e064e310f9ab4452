package commitlog

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// Append encodes the record into the open group and returns without waiting; the sink, which may be nil, learns the
// outcome. The record's bytes are copied. Kick must follow, once for any number of Appends. Errors: ErrBusy, ErrFull,
// ErrFailed, ErrClosed, or message.ErrTooBig; then the sink hears nothing.
func (l *Log) Append(q *Queue, r *message.Record, sink Sink, token uint64) error {
	return l.appendOne(q, r, sink, token, false)
}

// AppendInternal is Append for the broker's own records: it passes the busy limit and SetWritable.
func (l *Log) AppendInternal(q *Queue, r *message.Record, sink Sink, token uint64) error {
	return l.appendOne(q, r, sink, token, true)
}

// AppendBatch appends records with consecutive queue offsets, contiguous in one segment, answered by one Committed.
func (l *Log) AppendBatch(q *Queue, rs []message.Record, sink Sink, token uint64) error {
	size := 0
	for i := range rs {
		l.complete(&rs[i])
		if err := message.CheckLimits(&rs[i]); err != nil {
			return err
		}
		size += message.EncodedSize(&rs[i])
	}
	if len(rs) == 0 {
		return fmt.Errorf("append to commit log: a batch of no records")
	}
	if err := l.checkSize(size); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.admitLocked(size, false); err != nil {
		return err
	}
	l.enc.begin(l.open, size, sink, token)
	for i := range rs {
		l.enc.put(l.open, q, &rs[i])
	}
	return nil
}

func (l *Log) appendOne(q *Queue, r *message.Record, sink Sink, token uint64, internal bool) error {
	l.complete(r)
	if err := message.CheckLimits(r); err != nil {
		return err
	}
	size := message.EncodedSize(r)
	if err := l.checkSize(size); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.admitLocked(size, internal); err != nil {
		return err
	}
	l.enc.begin(l.open, size, sink, token)
	l.enc.put(l.open, q, r)
	return nil
}

func (l *Log) complete(r *message.Record) {
	if !r.StoreHost.IsValid() {
		r.StoreHost = l.opts.StoreHost
	}
}

func (l *Log) checkSize(size int) error {
	if int64(size)+message.BlankSize > l.opts.SegmentSize {
		return fmt.Errorf("%w: %d bytes and an end marker of %d do not fit into a segment of %d",
			message.ErrTooBig, size, message.BlankSize, l.opts.SegmentSize)
	}
	return nil
}

func (l *Log) admitLocked(size int, internal bool) error {
	switch {
	case l.failed != nil:
		return l.failed
	case l.closed:
		return ErrClosed
	case internal:
	case l.readonly != nil:
		return fmt.Errorf("%w: %w", ErrFull, l.readonly)
	case l.pending+int64(size) > l.opts.MaxPendingBytes:
		return fmt.Errorf("%w: %d bytes wait for the disk, the limit is %d (maxPendingBytes)", ErrBusy, l.pending, l.opts.MaxPendingBytes)
	}
	l.pending += int64(size)
	l.open.bytes += int64(size)
	return nil
}
