package transaction

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes; created, the queue offset and checks are unsigned varints, the other numbers zigzag varints:
//
//	kind  fields                                                            meaning
//	   1  created, at - created, queue offset, stored, due - stored, checks  the half message is pending
//	   2  created, checks, due                                              its producer was asked so often
//	   3  created                                                           it is rolled back, or lost
//
// Snapshots and checkpoints consist of kind 1 alone. Half messages, those carried forward and commits are records.
const (
	kindAdd      = 1
	kindChecked  = 2
	kindComplete = 3
)

// AppendAdd appends the change that makes an entry pending.
func AppendAdd(dst []byte, e Entry) []byte {
	dst = binary.AppendUvarint(append(dst, kindAdd), uint64(e.Created))
	dst = binary.AppendVarint(dst, int64(e.At-e.Created))
	dst = binary.AppendUvarint(dst, uint64(e.Queue))
	dst = binary.AppendVarint(dst, e.Stored)
	dst = binary.AppendVarint(dst, e.Due-e.Stored)
	return binary.AppendUvarint(dst, uint64(e.Checks))
}

// AppendChecked appends the change that says how often a producer was asked, and when it is asked next.
func AppendChecked(dst []byte, created message.LogOffset, checks int32, due int64) []byte {
	dst = binary.AppendUvarint(append(dst, kindChecked), uint64(created))
	dst = binary.AppendUvarint(dst, uint64(checks))
	return binary.AppendVarint(dst, due)
}

// AppendComplete appends the change that ends an entry without a record.
func AppendComplete(dst []byte, created message.LogOffset) []byte {
	return binary.AppendUvarint(append(dst, kindComplete), uint64(created))
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a
// row counts once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	if kind < kindAdd || kind > kindComplete {
		return varint.UnknownKind("transaction", kind, int64(at))
	}
	e := Entry{Created: message.LogOffset(r.Uint())}
	checks := uint64(0)
	switch kind {
	case kindAdd:
		e.At = e.Created + message.LogOffset(r.Int())
		e.Queue = message.QueueOffset(r.Uint())
		e.Stored = r.Int()
		e.Due = e.Stored + r.Int()
		checks = r.Uint()
	case kindChecked:
		checks = r.Uint()
		e.Due = r.Int()
	}
	if err := r.End("transaction", kind, int64(at)); err != nil {
		return err
	}
	e.Checks = int32(checks) // #nosec G115 -- what does not fit is refused below
	if e.Created < 0 || e.At < 0 || e.Queue < 0 || e.Checks < 0 || uint64(e.Checks) != checks {
		return fmt.Errorf("transaction change of kind %d at log offset %d is out of range: created %d, at %d, queue offset %d, %d checks",
			kind, at, e.Created, e.At, e.Queue, checks)
	}
	switch kind {
	case kindAdd:
		t.Add(e)
	case kindChecked:
		t.Checked(e.Created, e.Checks, e.Due)
	case kindComplete:
		t.Complete(e.Created)
	}
	return nil
}

// Snapshot emits the changes that make an empty table equal to this one, without its claims, in no particular order.
// The slice is reused after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	var buf []byte
	for _, s := range t.byHandle {
		buf = AppendAdd(buf[:0], s.Entry)
		emit(buf)
	}
}
