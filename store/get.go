package store

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/index"
)

// GetStatus says what a Get found. Source: GetMessageStatus of RocketMQ 5.
type GetStatus int

// The statuses.
const (
	Found               GetStatus = iota
	NoMatchedMessage              // entries were scanned, none matched
	MessageWasRemoving            // the messages there are being deleted
	OffsetFoundNull               // the offset lies within the queue, but nothing is indexed from there on
	OffsetOverflowBadly           // the offset is beyond the end
	OffsetOverflowOne             // the offset is the end: nothing new
	OffsetTooSmall                // the offset is before the oldest message
	NoMatchedLogicQueue           // there is no such topic
	NoMessageInQueue              // the queue never held a message
)

// String is Apache's name of the status.
func (g GetStatus) String() string {
	names := [...]string{
		"FOUND", "NO_MATCHED_MESSAGE", "MESSAGE_WAS_REMOVING", "OFFSET_FOUND_NULL", "OFFSET_OVERFLOW_BADLY",
		"OFFSET_OVERFLOW_ONE", "OFFSET_TOO_SMALL", "NO_MATCHED_LOGIC_QUEUE", "NO_MESSAGE_IN_QUEUE",
	}
	if g >= 0 && int(g) < len(names) {
		return names[g]
	}
	return fmt.Sprintf("GetStatus(%d)", int(g))
}

// GetResult says what a Get found and where the consumer goes on.
type GetResult struct {
	Status GetStatus
	// Next is the offset to ask for next, Min and Max the queue's bounds: Max is behind its newest message.
	Next, Min, Max message.QueueOffset
	// Count is the number of messages that were appended.
	Count int
	// Err is a failed read; Status and Next then do not count. Damaged messages are passed over instead, see damage.go.
	Err error
}

// minScanned is how many index entries a Get may look at, or maxCount if that is more: Apache's maxFilterMessageSize of
// 16000 bytes of 20-byte consume queue entries.
const minScanned = 800

// Get appends messages of a queue to dst, in queue order from an offset on, and returns the longer slice. It takes those
// that match (nil matches all), at most maxCount of them and maxBytes bytes, but always at least one if one matches
// within what it may scan.
func (s *Store) Get(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(tagsCode int64) bool) ([]byte, GetResult) {
	return s.get(dst, q, from, maxCount, maxBytes, true, match)
}

// GetReady is Get for who must not wait: where it would have to ask the disk, Err wraps [message.ErrWouldWait].
func (s *Store) GetReady(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(tagsCode int64) bool) ([]byte, GetResult) {
	return s.get(dst, q, from, maxCount, maxBytes, false, match)
}

func (s *Store) get(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, wait bool, match func(int64) bool) ([]byte, GetResult) {
	qs, known := s.readable(q)
	if qs == nil {
		status := NoMatchedLogicQueue
		if known {
			status = NoMessageInQueue
		}
		return dst, GetResult{Status: status}
	}
	if !wait && !s.ix.BoundsKnown(qs.key()) {
		return dst, GetResult{Err: message.ErrWouldWait}
	}
	var res GetResult
	res.Min, res.Max = s.bounds(qs)
	switch {
	case res.Max == 0:
		res.Status = NoMessageInQueue
	case from < res.Min:
		res.Status, res.Next = OffsetTooSmall, res.Min
	case from == res.Max:
		res.Status, res.Next = OffsetOverflowOne, from
	case from > res.Max:
		res.Status, res.Next = OffsetOverflowBadly, res.Max
	default:
		return s.collect(dst, qs, from, maxCount, maxBytes, wait, match, res)
	}
	return dst, res
}

// scan is what a Get remembers while it walks over index entries.
type scan struct {
	spans              []commitlog.Span
	next, end          message.QueueOffset
	maxCount, maxBytes int
	left, bytes        int
	start              message.LogOffset
	gone               bool
	match              func(int64) bool
}

// take notes one entry and reports whether there may be more.
func (c *scan) take(e index.Entry) bool {
	if e.QueueOffset >= c.end || c.left == 0 {
		return false
	}
	c.left--
	switch {
	case e.LogOffset < c.start:
		c.gone = true
	case c.match != nil && !c.match(e.TagsCode):
	case len(c.spans) > 0 && (len(c.spans) >= c.maxCount || c.bytes+int(e.Size) > c.maxBytes):
		return false
	default:
		c.spans = append(c.spans, commitlog.Span{At: e.LogOffset, Size: e.Size})
		c.bytes += int(e.Size)
	}
	c.next = e.QueueOffset + 1
	return true
}

func (s *Store) collect(dst []byte, qs *queueState, from message.QueueOffset, maxCount, maxBytes int, wait bool, match func(int64) bool, res GetResult) ([]byte, GetResult) {
	c, _ := s.scans.Get().(*scan)
	if c == nil {
		c = &scan{}
	}
	defer func() {
		c.match = nil
		s.scans.Put(c)
	}()
	*c = scan{
		spans: c.spans[:0], next: from, end: res.Max, maxCount: maxCount, maxBytes: maxBytes,
		left: max(minScanned, maxCount), start: s.log.Start(), match: match,
	}
	look, read := s.ix.Scan, s.log.Read
	if !wait {
		look, read = s.ix.ScanReady, s.log.ReadReady
	}
	if err := look(qs.key(), from, c.take); err != nil {
		res.Err = fmt.Errorf("get from topic %s, queue %d, offset %d: %w", qs.topic.name, qs.id, from, s.noteDamage(err))
		return dst, res
	}
	res.Next = c.next
	switch {
	case c.next == from:
		res.Status, res.Next = OffsetFoundNull, res.Max
		return dst, res
	case len(c.spans) == 0 && c.gone:
		res.Status = MessageWasRemoving
		return dst, res
	case len(c.spans) == 0:
		res.Status = NoMatchedMessage
		return dst, res
	}
	out, err := read(dst, c.spans)
	if errors.Is(err, commitlog.ErrRange) && c.spans[0].At < s.log.Start() {
		res.Status = MessageWasRemoving // the segment went between the scan and the read
		return dst, res
	}
	if err != nil && !errors.Is(err, commitlog.ErrRange) && !errors.Is(err, commitlog.ErrClosed) && !errors.Is(err, message.ErrWouldWait) {
		return s.collectSingly(dst, qs, from, c.spans, res)
	}
	if err != nil {
		res.Err = fmt.Errorf("get from topic %s, queue %d, offset %d: %w", qs.topic.name, qs.id, from, err)
		return dst, res
	}
	if out, res.Count = s.sound(out, len(dst), c.spans); res.Count == 0 {
		res.Status = NoMatchedMessage
	}
	return out, res
}

// collectSingly is the end of collect when the disk does not give all the records: it takes those before the first one
// that cannot be read, and ends there.
func (s *Store) collectSingly(dst []byte, qs *queueState, from message.QueueOffset, spans []commitlog.Span, res GetResult) ([]byte, GetResult) {
	out, count, done, err := s.readSingly(dst, spans)
	if res.Count = count; count == 0 {
		res.Status = NoMatchedMessage
	}
	if err == nil {
		return out, res
	}
	stop := from
	scanErr := s.ix.Scan(qs.key(), from, func(e index.Entry) bool {
		stop = e.QueueOffset
		return e.LogOffset < spans[done].At
	})
	if scanErr == nil && stop > from {
		res.Next = stop
		return out, res
	}
	res.Err = fmt.Errorf("get from topic %s, queue %d, offset %d: %w; it is tried again, messages behind it wait", qs.topic.name, qs.id, stop, errors.Join(err, scanErr))
	return dst, res
}

// OffsetByTime returns the offset of the first message that was stored at or after the time, or with upper the last one
// at or before it; before all messages it is the least offset, after all the end.
func (s *Store) OffsetByTime(q message.Queue, t message.StoreTime, upper bool) (message.QueueOffset, error) {
	qs, known := s.readable(q)
	if !known {
		return 0, fmt.Errorf("%w: %s", ErrNoTopic, q.Topic)
	}
	if qs == nil {
		return 0, nil
	}
	least, next := s.bounds(qs)
	if least == next {
		return next, nil
	}
	off, err := s.ix.ByTime(qs.key(), t, upper)
	return max(least, min(off, next)), s.noteDamage(err)
}

// StoreTimeAt returns when the message at an offset was stored.
func (s *Store) StoreTimeAt(q message.Queue, off message.QueueOffset) (t message.StoreTime, ok bool) {
	qs, _ := s.readable(q)
	if qs == nil {
		return 0, false
	}
	err := s.ix.Scan(qs.key(), off, func(e index.Entry) bool {
		if e.QueueOffset == off {
			t, ok = e.StoreTime, true
		}
		return false
	})
	return t, ok && s.noteDamage(err) == nil
}
