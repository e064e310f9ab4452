package store

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// The body of a state record, and the value of a snapshot chunk in the cache: changes, one after the other.
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
//
// An unknown kind is an error: the format version has to rise with a new one.
type changeKind uint64

const (
	kindFormat changeKind = 1 + iota
	kindName
	kindTopic
	kindGroup
	kindOffset
	kindLock
	kindTimer
	kindQueue
	kindBegin
	kindEnd
	kindForget
	kindImport
	kindLimit
)

func (k changeKind) String() string {
	names := [...]string{"format", "name", "topic", "group", "offset", "lock", "timer", "queue", "begin", "end", "forget", "import"}
	if k >= kindFormat && k < kindLimit {
		return names[k-1]
	}
	return fmt.Sprintf("kind %d", uint64(k))
}

// formatVersion is the version of the store's directory: of the state records, the cache and the index blocks together.
const formatVersion = 1

// maxStateBody is the size at which a state record's body is closed and another record begun. A change that is larger
// than this alone still makes one record.
const maxStateBody = 1<<20 - 64<<10

func appendChange(dst []byte, k changeKind, payload []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(k))
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	return append(dst, payload...)
}

// eachChange takes a body apart. The payload aliases the body.
func eachChange(body []byte, visit func(k changeKind, payload []byte) error) error {
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
		if k < uint64(kindFormat) || k >= uint64(kindLimit) {
			return fmt.Errorf("state body: change kind %d at byte %d is unknown, this version knows %d to %d; was it written by a newer one?",
				k, size-len(body), kindFormat, kindLimit-1)
		}
		if err := visit(changeKind(k), payload); err != nil {
			return err
		}
		body = body[n+m+int(length):]
	}
	return nil
}

// bounds is the payload of a queue change.
type bounds struct {
	topic     uint32
	queue     message.QueueID
	min, next message.QueueOffset
}

func appendBounds(dst []byte, b bounds) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.topic))
	dst = binary.AppendUvarint(dst, uint64(b.queue))
	dst = binary.AppendUvarint(dst, uint64(b.min))
	return binary.AppendUvarint(dst, uint64(b.next))
}

func decodeBounds(p []byte) (bounds, error) {
	var v [4]uint64
	rest := p
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(rest); n <= 0 {
			return bounds{}, fmt.Errorf("queue change of %d bytes: field %d is cut short", len(p), i)
		}
		rest = rest[n:]
	}
	if len(rest) > 0 || v[0] > 1<<32-1 || v[1] >= maxQueueID || v[2] > v[3] || v[3] > 1<<62 {
		return bounds{}, fmt.Errorf("queue change is out of range: topic %d, queue %d, minimum %d, next %d, %d bytes left over",
			v[0], v[1], v[2], v[3], len(rest))
	}
	return bounds{
		topic: uint32(v[0]), queue: message.QueueID(v[1]),
		min: message.QueueOffset(v[2]), next: message.QueueOffset(v[3]),
	}, nil
}

func decodeNumber(k changeKind, p []byte) (uint64, error) {
	v, n := binary.Uvarint(p)
	if n <= 0 || n != len(p) {
		return 0, fmt.Errorf("%v change of %d bytes is not one number", k, len(p))
	}
	return v, nil
}

// stateBodies gathers changes into bodies of bounded size.
type stateBodies struct {
	limit  int
	bodies [][]byte
	open   []byte
}

func (b *stateBodies) add(k changeKind, payload []byte) {
	if len(b.open) > 0 && len(b.open)+len(payload) > b.limit {
		b.close()
		b.open = make([]byte, 0, b.limit) // there is much: growing it step by step would cost more than it saves
	}
	b.open = appendChange(b.open, k, payload)
}

func (b *stateBodies) close() {
	if len(b.open) > 0 {
		b.bodies = append(b.bodies, b.open)
		b.open = nil
	}
}
