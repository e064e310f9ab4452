package timer

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes; created is an unsigned varint, the other numbers are zigzag varints:
//
//	kind  fields                           meaning
//	   1  created, at - created, due (ms)  the entry is pending
//	   2  created, at - created            its record lies elsewhere now
//	   3  created                          it is complete
//	   4  as 1, topic id (uvarint), and    the entry is pending, and can be taken back
//	      the key (8 bytes, big endian)
//
// Snapshots and checkpoints consist of kinds 1 and 4 alone. The store need not log any of them while it runs: the records that
// create, move and complete an entry say the same.
const (
	kindAdd      = 1
	kindMove     = 2
	kindComplete = 3
	kindAddKeyed = 4
)

// AppendAdd appends the change that makes an entry pending.
func AppendAdd(dst []byte, e Entry) []byte {
	kind := byte(kindAdd)
	if e.Key != 0 || e.Topic != 0 {
		kind = kindAddKeyed
	}
	dst = binary.AppendUvarint(append(dst, kind), uint64(e.Created))
	dst = binary.AppendVarint(dst, int64(e.At-e.Created))
	dst = binary.AppendVarint(dst, e.Due)
	if kind == kindAddKeyed {
		dst = binary.BigEndian.AppendUint64(binary.AppendUvarint(dst, uint64(e.Topic)), e.Key)
	}
	return dst
}

// AppendMove appends the change that says where an entry's record lies now.
func AppendMove(dst []byte, created, at message.LogOffset) []byte {
	dst = binary.AppendUvarint(append(dst, kindMove), uint64(created))
	return binary.AppendVarint(dst, int64(at-created))
}

// AppendComplete appends the change that ends an entry.
func AppendComplete(dst []byte, created message.LogOffset) []byte {
	return binary.AppendUvarint(append(dst, kindComplete), uint64(created))
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a
// row counts once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	if kind < kindAdd || kind > kindAddKeyed {
		return varint.UnknownKind("timer", kind, int64(at))
	}
	e := Entry{Created: message.LogOffset(r.Uint())}
	if kind != kindComplete {
		e.At = e.Created + message.LogOffset(r.Int())
	}
	if kind == kindAdd || kind == kindAddKeyed {
		e.Due = r.Int()
	}
	if kind == kindAddKeyed {
		e.Topic = r.Uint32()
		for range 8 {
			e.Key = e.Key<<8 | uint64(r.Byte())
		}
	}
	if err := r.End("timer", kind, int64(at)); err != nil {
		return err
	}
	if e.Created < 0 || e.At < 0 {
		return fmt.Errorf("timer change of kind %d at log offset %d has a negative log offset: created %d, at %d", kind, at, e.Created, e.At)
	}
	switch kind {
	case kindAdd, kindAddKeyed:
		t.Add(e)
	case kindMove:
		t.Move(e.Created, e.At)
	case kindComplete:
		t.Complete(e.Created)
	}
	return nil
}

// Snapshot emits the changes that make an empty table equal to this one, without its claims, in no particular order.
// The slice is reused after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) { t.SnapshotPart(0, int(t.used), emit) }

// SnapshotPart is Snapshot for at most n entries, as Part has them. Whoever loads the parts must then apply the changes
// since the first part again.
func (t *Table) SnapshotPart(from, n int, emit func(change []byte)) (next int) {
	var buf []byte
	return t.each(from, n, func(s *slot) {
		buf = AppendAdd(buf[:0], s.entry())
		emit(buf)
	})
}
