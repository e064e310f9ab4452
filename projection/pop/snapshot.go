package pop

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// entriesPerChange bounds the slots of a snapshot's change, to about 20 KB.
const entriesPerChange = 1024

// Snapshot emits the changes that make an empty table equal to this one, but for claims and leases. The slice is reused
// after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	for from := 0; ; {
		if from = t.SnapshotPart(from, 1<<20, emit); from == 0 {
			return
		}
	}
}

// SnapshotPart is Snapshot for whole queues until n slots have been emitted, and returns where the next part begins, 0
// behind the last one; the first begins at 0. Changes may be applied between two parts: each queue is of the log offset
// that it names, and what is applied again from the first part on finds its place.
func (t *Table) SnapshotPart(from, n int, emit func(change []byte)) (next int) {
	if from == 0 {
		t.emitModes(emit)
	}
	var buf []byte
	for i := from; i < len(t.queues); i++ {
		if n <= 0 {
			return i
		}
		n--
		if q := t.queues[i]; q != nil && q.born {
			buf = t.emitQueue(buf[:0], q, emit, &n)
		}
	}
	return 0
}

func (t *Table) emitQueue(buf []byte, q *queue, emit func(change []byte), budget *int) []byte {
	flags := byte(0)
	if q.ordered {
		flags = flagOrdered
	}
	buf = binary.AppendUvarint(appendKey(append(buf, kindQueue), q.key), uint64(q.asOf))
	buf = binary.AppendUvarint(buf, uint64(q.frontier))
	buf = binary.AppendVarint(buf, q.since)
	buf = binary.AppendUvarint(buf, uint64(q.expired))
	buf = varint.AppendText(append(buf, flags), q.attempt)
	buf = binary.AppendUvarint(buf, uint64(q.inFlight))
	buf = appendOffsets(buf, q.ahead)
	emit(buf)
	var ids []int32
	flush := func() {
		if len(ids) > 0 {
			buf = t.appendEntries(buf[:0], q, ids)
			emit(buf)
			*budget -= len(ids)
			ids = ids[:0]
		}
	}
	q.slots.ascend(func(id int32) bool {
		if ids = append(ids, id); len(ids) == entriesPerChange {
			flush()
		}
		return true
	})
	flush()
	return buf
}

func (t *Table) appendEntries(dst []byte, q *queue, ids []int32) []byte {
	dst = binary.AppendUvarint(appendKey(append(dst, kindEntries), q.key), uint64(q.asOf))
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	last := slot{created: q.asOf}
	for _, id := range ids {
		s := t.slot(id)
		dst = binary.AppendUvarint(dst, uint64(s.first-last.first))
		dst = binary.AppendUvarint(dst, uint64(s.bits))
		dst = binary.AppendVarint(dst, s.popTime-last.popTime)
		dst = binary.AppendVarint(dst, s.due-s.popTime)
		dst = binary.AppendVarint(dst, int64(s.created-last.created))
		dst = append(binary.AppendUvarint(dst, uint64(s.count)), s.flags)
		last = *s
	}
	return dst
}

// Held is one message that a group has, of another broker's making. Times are in ms. Nothing else may have the handle. Count is how often it was
// handed out before, in an ordered queue.
type Held struct {
	Offset       message.QueueOffset
	PopTime, Due int64
	Handle       message.LogOffset
	Count        int32
}

// Restore emits the changes that make of a queue one with this frontier and these messages in flight, which lie below it and are sorted by their
// offsets. If it is popped in order, attempt is that of the last pop, else nil. asOf is the log offset of the changes, or less.
func Restore(k Key, asOf message.LogOffset, frontier message.QueueOffset, attempt *string, held []Held, emit func(change []byte)) {
	var t Table
	q := t.open(k)
	q.born, q.asOf, q.frontier, q.ordered = true, asOf, frontier, attempt != nil
	if attempt != nil && len(*attempt) <= MaxAttempt {
		q.attempt = *attempt
	}
	for _, h := range held {
		t.hold(q, slot{first: h.Offset, popTime: h.PopTime, due: h.Due, created: h.Handle, bits: 1, count: uint16(max(0, min(h.Count, math.MaxUint16)))})
	}
	budget := len(held)
	t.emitQueue(nil, q, emit, &budget)
}

// Ordered visits the queues that are popped in order and have messages in flight or deliverable, with the attempt of the last pop, those messages,
// sorted by their offsets, and the frontier.
func (t *Table) Ordered(visit func(k Key, attempt string, held []Held, frontier message.QueueOffset)) {
	for _, q := range t.queues {
		if q == nil || !q.born || !q.ordered || q.inFlight == 0 {
			continue
		}
		var held []Held
		q.slots.ascend(func(id int32) bool {
			s := t.slot(id)
			for b := s.bits; b != 0; b &= b - 1 {
				i := bits.TrailingZeros32(b)
				held = append(held, Held{Offset: s.first + message.QueueOffset(i), PopTime: s.popTime, Due: s.due, Handle: s.created + message.LogOffset(i),
					Count: int32(s.count)})
			}
			return true
		})
		slices.SortFunc(held, func(a, b Held) int { return cmp.Compare(a.Offset, b.Offset) })
		visit(q.key, q.attempt, held, q.frontier)
	}
}

// applyQueue takes a queue over from a snapshot, unless the table knows it as well or better.
func (t *Table) applyQueue(r *varint.Reader, at message.LogOffset) error {
	k, asOf, frontier, since, expired := readKey(r), r.Uint(), r.Uint(), r.Int(), r.Uint()
	flags, attempt, inFlight := r.Byte(), r.Text(), r.Uint()
	ahead, ok := readOffsets(r, nil, maxAhead)
	if !ok || asOf > maxOffset || frontier > maxOffset || expired > maxOffset || inFlight > frontier || flags > flagOrdered || len(attempt) > MaxAttempt {
		return damaged(kindQueue, at, "a field is out of range")
	}
	if err := r.End("pop", kindQueue, int64(at)); err != nil {
		return err
	}
	if !slices.IsSorted(ahead) || len(ahead) > 0 && uint64(ahead[0]) < frontier {
		return damaged(kindQueue, at, "what is acknowledged ahead is not")
	}
	q := t.open(k)
	if q.born && q.asOf >= message.LogOffset(asOf) {
		return nil
	}
	t.clear(q)
	q.born, q.asOf, q.frontier, q.since, q.expired = true, message.LogOffset(asOf), message.QueueOffset(frontier), since, int64(expired)
	q.ordered, q.attempt, q.ahead, q.loading = flags&flagOrdered != 0, string(attempt), ahead, int(inFlight)
	return nil
}

// applyEntries takes a queue's entries over from a snapshot, if the queue came from it too.
func (t *Table) applyEntries(r *varint.Reader, at message.LogOffset) error {
	k, asOf, n := readKey(r), r.Uint(), r.Uint()
	if n > entriesPerChange {
		return damaged(kindEntries, at, "it has too many entries")
	}
	slots := make([]slot, 0, n)
	last := slot{created: message.LogOffset(asOf)}
	for range n {
		step, mask := r.Uint(), r.Uint()
		last.popTime += r.Int()
		last.due = last.popTime + r.Int()
		last.created += message.LogOffset(r.Int())
		count, flags := r.Uint(), r.Byte()
		if !r.OK() || step > maxOffset || mask == 0 || mask > 1<<32-1 || count > math.MaxUint16 || flags > flagSuspended|flagRewound || last.created <= 0 {
			return damaged(kindEntries, at, "an entry is out of range")
		}
		last.first += message.QueueOffset(step)
		last.bits, last.count, last.flags = uint32(mask), uint16(count), flags
		slots = append(slots, last)
	}
	if err := r.End("pop", kindEntries, int64(at)); err != nil {
		return err
	}
	q := t.lookup(k)
	if q == nil || !q.born || q.asOf != message.LogOffset(asOf) || q.loading == 0 {
		return nil
	}
	for _, s := range slots {
		for b := s.bits; b != 0; b &= b - 1 {
			i := bits.TrailingZeros32(b)
			off := s.first + message.QueueOffset(i)
			_, there := t.find(q, off)
			_, _, taken := t.findHandle(s.created + message.LogOffset(i))
			if there || taken || off >= q.frontier {
				s.bits &^= b & -b
			}
		}
		if n := bits.OnesCount32(s.bits); n > 0 && n <= q.loading {
			t.hold(q, s)
			q.loading -= n
		}
	}
	return nil
}
