// Package state is the codec of state records: what the log says of everything that is not a message, as changes one after
// the other. The same changes make up a snapshot in the cache.
//
// The store writes and reads them, and so does who looks into a store's directory. Everything here is safe to call at once,
// but for a [Bodies], which has one owner.
package state

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// Kind says what a change is about. The body of a state record, and the value of a snapshot chunk in the cache, are changes, one after the other.
//
//	uvarint  kind
//	uvarint  length of the payload
//	n        payload
//
// Kinds and payloads:
//
//	 1  format      uvarint version of the store's format; the first change of a log
//	 2  name        projection/name
//	 3  topic       projection/topic
//	 4  group       projection/group
//	 5  offset      projection/offset
//	 6  lock        projection/lock
//	 7  timer       projection/timer
//	 8  queue       uvarint topic id, uvarint queue id, uvarint minimum offset, uvarint next offset
//	 9  begin       uvarint log offset of the segment whose checkpoint begins here
//	10  end         uvarint the same log offset: the checkpoint is whole
//	11  forget      uvarint topic id: the topic is deleted, with its queues and all offsets in it
//	12  import      one byte each: kinds of which everything is forgotten; what another broker knew follows
//	13  pop         projection/pop
//	14  transaction projection/transaction
//	15  user        projection/user
//
// An unknown kind is an error: the format version has to rise with a new one.
type Kind uint64

// The kinds, see [Kind]. Limit is behind the last one.
const (
	Format Kind = 1 + iota
	Name
	Topic
	Group
	Offset
	Lock
	Timer
	Queue
	Begin
	End
	Forget
	Import
	Pop
	Transaction
	User
	Limit
)

// Kinds lists the kinds that make up the state, in the order in which they can be applied to an empty store.
func Kinds() []Kind {
	return []Kind{Name, Topic, Group, User, Offset, Lock, Timer, Pop, Transaction, Queue}
}

// String is the kind's name in the table above.
func (k Kind) String() string {
	names := [...]string{"format", "name", "topic", "group", "offset", "lock", "timer", "queue", "begin", "end", "forget", "import",
		"pop", "transaction", "user"}
	if k >= Format && k < Limit {
		return names[k-1]
	}
	return fmt.Sprintf("kind %d", uint64(k))
}

// MaxBody is the size at which a state record's body is closed and another record begun. A change that is larger
// than this alone still makes one record.
const MaxBody = 1<<20 - 64<<10

// Append appends one change to a body.
func Append(dst []byte, k Kind, payload []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(k))
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	return append(dst, payload...)
}

// Each takes a body apart. The payload aliases the body.
func Each(body []byte, visit func(k Kind, payload []byte) error) error {
	size := len(body)
	for len(body) > 0 {
		k, n := binary.Uvarint(body)
		if n <= 0 {
			return fmt.Errorf("state body of %d bytes: no change kind at byte %d", size, size-len(body))
		}
		length, m := binary.Uvarint(body[n:])
		if m <= 0 || length > uint64(len(body)-n-m) {
			return fmt.Errorf("state body of %d bytes: the change at byte %d is longer than the rest", size, size-len(body))
		}
		payload := body[n+m:][:length:length]
		if k < uint64(Format) || k >= uint64(Limit) {
			return fmt.Errorf("state body: change kind %d at byte %d is unknown, this version knows %d to %d; was it written by a newer one?",
				k, size-len(body), Format, Limit-1)
		}
		if err := visit(Kind(k), payload); err != nil {
			return err
		}
		body = body[n+m+int(length):]
	}
	return nil
}

// MaxQueueID bounds queue numbers, because a topic's queues lie in a slice.
const MaxQueueID = 1 << 20

// Bounds is the payload of a queue change: the least offset that a queue still holds, and the one behind its last message.
type Bounds struct {
	Topic     uint32
	Queue     message.QueueID
	Min, Next message.QueueOffset
}

// AppendBounds encodes the payload of a queue change.
func AppendBounds(dst []byte, b Bounds) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.Topic))
	dst = binary.AppendUvarint(dst, uint64(b.Queue))
	dst = binary.AppendUvarint(dst, uint64(b.Min))
	return binary.AppendUvarint(dst, uint64(b.Next))
}

// DecodeBounds decodes the payload of a queue change. The error names the field and the numbers.
func DecodeBounds(p []byte) (Bounds, error) {
	var v [4]uint64
	rest := p
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(rest); n <= 0 {
			return Bounds{}, fmt.Errorf("queue change of %d bytes: field %d is cut short", len(p), i)
		}
		rest = rest[n:]
	}
	if len(rest) > 0 || v[0] > 1<<32-1 || v[1] >= MaxQueueID || v[2] > v[3] || v[3] > 1<<62 {
		return Bounds{}, fmt.Errorf("queue change is out of range: topic %d, queue %d, minimum %d, next %d, %d bytes left over",
			v[0], v[1], v[2], v[3], len(rest))
	}
	return Bounds{
		Topic: uint32(v[0]), Queue: message.QueueID(v[1]),
		Min: message.QueueOffset(v[2]), Next: message.QueueOffset(v[3]),
	}, nil
}

// DecodeNumber decodes a payload that is one number: of the kinds format, begin, end and forget.
func DecodeNumber(k Kind, p []byte) (uint64, error) {
	v, n := binary.Uvarint(p)
	if n <= 0 || n != len(p) {
		return 0, fmt.Errorf("%v change of %d bytes is not one number", k, len(p))
	}
	return v, nil
}

// Bodies gathers changes into bodies of at most Limit bytes, or of one change that is larger alone.
type Bodies struct {
	Limit  int
	bodies [][]byte
	open   []byte
}

// Add appends one change.
func (b *Bodies) Add(k Kind, payload []byte) {
	if len(b.open) > 0 && len(b.open)+len(payload) > b.Limit {
		b.close()
		b.open = make([]byte, 0, b.Limit) // there is much: growing it step by step would cost more than it saves
	}
	b.open = Append(b.open, k, payload)
}

// Close ends the last body and returns all of them.
func (b *Bodies) Close() [][]byte {
	b.close()
	return b.bodies
}

func (b *Bodies) close() {
	if len(b.open) > 0 {
		b.bodies = append(b.bodies, b.open)
		b.open = nil
	}
}

// IsRecord reports whether a record is a state record.
func IsRecord(r *message.Record) bool { return bytes.Equal(r.Topic, []byte(message.TopicState)) }
