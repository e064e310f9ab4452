// Package offset is the projection of the consumer offsets: how far each group has come in each queue. It is a pure
// machine: changes in, offsets out; no clock, file, goroutine or lock.
//
// The store owns one [Table], which knows what the log says, and one [Pending], which knows what clients have committed
// since and the log does not say yet; it guards both with one lock: no two calls may run at once, except reads with
// reads. Groups and topics are the ids of package name.
package offset

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// Key names one queue's offset of one group.
type Key struct {
	Group, Topic uint32
	Queue        message.QueueID
}

// The changes; group and topic are unsigned varints, queue and offset zigzag varints:
//
//	kind  fields                       meaning
//	   1  group, topic, queue, offset  the group goes on at this offset
//	   2  group, topic, queue          the offset is forgotten
//	   3  group                        all offsets of the group are forgotten
//	   4  topic                        all offsets in the topic are forgotten
//	   5  group, topic                 all offsets of the group in the topic are forgotten
const (
	kindCommit      = 1
	kindRemove      = 2
	kindRemoveGroup = 3
	kindRemoveTopic = 4
	kindRemovePair  = 5
)

// Progress is where a group stands in one queue.
type Progress struct {
	Queue message.QueueID
	// Known says that the group has an offset there: Committed. Read is how far messages were handed out, as far as the store knows it.
	Known           bool
	Committed, Read message.QueueOffset
	End             message.QueueOffset // behind the queue's last message
	InFlight        int64               // popped messages that are in flight or about to come again
}

// Table holds the offsets that the log knows. The zero Table is empty and ready.
//
// It is one flat map without pointers, at most 60 bytes a key while it grows; a group's or topic's offsets are found by
// walking over all keys, which 100,000 of them allow (about a millisecond) and only tools and deletions ask for.
type Table struct {
	offsets map[Key]message.QueueOffset
}

// Get returns the offset under the key.
func (t *Table) Get(k Key) (message.QueueOffset, bool) {
	off, ok := t.offsets[k]
	return off, ok
}

// Len counts the offsets.
func (t *Table) Len() int { return len(t.offsets) }

// All visits every offset in no particular order until visit returns false. Nothing may be applied meanwhile.
func (t *Table) All(visit func(Key, message.QueueOffset) bool) {
	for k, off := range t.offsets {
		if !visit(k, off) {
			return
		}
	}
}

// AppendCommit appends the change that sets an offset; it may go backwards.
func AppendCommit(dst []byte, k Key, off message.QueueOffset) []byte {
	return binary.AppendVarint(appendKey(append(dst, kindCommit), k), int64(off))
}

// AppendRemove appends the change that forgets one offset.
func AppendRemove(dst []byte, k Key) []byte { return appendKey(append(dst, kindRemove), k) }

// AppendRemoveGroup appends the change that forgets a group's offsets.
func AppendRemoveGroup(dst []byte, group uint32) []byte {
	return binary.AppendUvarint(append(dst, kindRemoveGroup), uint64(group))
}

// AppendRemoveTopic appends the change that forgets a topic's offsets, of all groups.
func AppendRemoveTopic(dst []byte, topic uint32) []byte {
	return binary.AppendUvarint(append(dst, kindRemoveTopic), uint64(topic))
}

// AppendRemovePair appends the change that forgets a group's offsets in one topic.
func AppendRemovePair(dst []byte, group, topic uint32) []byte {
	dst = binary.AppendUvarint(append(dst, kindRemovePair), uint64(group))
	return binary.AppendUvarint(dst, uint64(topic))
}

func appendKey(dst []byte, k Key) []byte {
	dst = binary.AppendUvarint(dst, uint64(k.Group))
	dst = binary.AppendUvarint(dst, uint64(k.Topic))
	return binary.AppendVarint(dst, int64(k.Queue))
}

func readKey(r *varint.Reader) Key {
	return Key{Group: r.Uint32(), Topic: r.Uint32(), Queue: message.QueueID(r.Int32())}
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a
// row counts once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	var k Key
	var off int64
	switch kind {
	case kindCommit:
		k, off = readKey(&r), r.Int()
	case kindRemove:
		k = readKey(&r)
	case kindRemoveGroup:
		k.Group = r.Uint32()
	case kindRemoveTopic:
		k.Topic = r.Uint32()
	case kindRemovePair:
		k.Group, k.Topic = r.Uint32(), r.Uint32()
	default:
		return varint.UnknownKind("offset", kind, int64(at))
	}
	if err := r.End("offset", kind, int64(at)); err != nil {
		return err
	}
	if off < 0 {
		return fmt.Errorf("offset change at log offset %d sets the negative offset %d", at, off)
	}
	switch kind {
	case kindCommit:
		if t.offsets == nil {
			t.offsets = make(map[Key]message.QueueOffset)
		}
		t.offsets[k] = message.QueueOffset(off)
	case kindRemove:
		delete(t.offsets, k)
	case kindRemoveGroup:
		t.removeAll(func(x Key) bool { return x.Group == k.Group })
	case kindRemoveTopic:
		t.removeAll(func(x Key) bool { return x.Topic == k.Topic })
	case kindRemovePair:
		t.removeAll(func(x Key) bool { return x.Group == k.Group && x.Topic == k.Topic })
	}
	return nil
}

func (t *Table) removeAll(match func(Key) bool) {
	for k := range t.offsets {
		if match(k) {
			delete(t.offsets, k)
		}
	}
}

// Snapshot emits the changes that make an empty table equal to this one, in no particular order. The slice is reused
// after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	var buf []byte
	for k, off := range t.offsets {
		buf = AppendCommit(buf[:0], k, off)
		emit(buf)
	}
}
