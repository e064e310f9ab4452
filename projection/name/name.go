// Package name is the projection that gives topics and groups short numbers, so that state records, index runs and
// in-memory keys carry four bytes instead of a text. It is a pure machine: changes in, lookups out; no clock, file,
// goroutine or lock.
//
// The store owns the one [Table], applies the changes that it reads from the log in log order, and guards it: reads may
// run at once with reads, never with Apply.
package name

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// Space tells the two independent numberings apart.
type Space uint8

// The spaces. Their numbers stand in change records.
const (
	Topic  Space = 0
	Group  Space = 1
	spaces       = 2

	maxID = 1 << 31 // far above any count of names; keeps Next from wrapping round
)

// String names the space in errors and dumps.
func (s Space) String() string {
	switch s {
	case Topic:
		return "topic"
	case Group:
		return "group"
	}
	return fmt.Sprintf("space %d", uint8(s))
}

// The changes; numbers are unsigned varints, a text is its length as a varint and its UTF-8 bytes:
//
//	kind  fields              meaning
//	   1  space, id, text     the id names this text from here on; 0 is no id. That of a light queue may be given again
//	                          and again by messages that were on their way at once: the first one counts
//	   2  space, id           the id is retired, its text is free to get another id
//	   3  space, id           the next id to be given, so that retired ids never come back
//
// The space is one byte.
const (
	kindAssign = 1
	kindRetire = 2
	kindNext   = 3
)

// Table holds both numberings. Ids count from 1 and are never given twice, even after their name is gone: what the log
// and the index still hold under a retired id must not turn up under a new topic. The zero Table is empty and ready.
type Table struct {
	spaces [spaces]numbering
}

type numbering struct {
	ids   map[string]uint32
	names map[uint32]string
	last  uint32
}

// ID returns the id of a name.
func (t *Table) ID(s Space, name string) (uint32, bool) {
	id, ok := t.spaces[s].ids[name]
	return id, ok
}

// IDBytes is ID for a name that lies in a buffer; it allocates nothing.
func (t *Table) IDBytes(s Space, name []byte) (uint32, bool) {
	id, ok := t.spaces[s].ids[string(name)]
	return id, ok
}

// Name returns the name that an id stands for.
func (t *Table) Name(s Space, id uint32) (string, bool) {
	name, ok := t.spaces[s].names[id]
	return name, ok
}

// Next is the id that the next assignment in the space has to take. Two assignments in flight take Next and Next+1.
func (t *Table) Next(s Space) uint32 { return t.spaces[s].last + 1 }

// Len counts the names of the space.
func (t *Table) Len(s Space) int { return len(t.spaces[s].ids) }

// AppendAssign appends the change that gives a name its id.
func AppendAssign(dst []byte, s Space, id uint32, name string) []byte {
	dst = append(dst, kindAssign, byte(s))
	dst = binary.AppendUvarint(dst, uint64(id))
	return varint.AppendText(dst, name)
}

// Assigned returns the text to which a change gives an id as a topic, false for any other change.
func Assigned(change []byte) (text string, ok bool) {
	r := varint.NewReader(change)
	if kind, space := r.Byte(), Space(r.Byte()); kind != kindAssign || space != Topic {
		return "", false
	}
	r.Uint32()
	text = string(r.Text())
	return text, r.OK()
}

// AppendRetire appends the change that ends an id's life.
func AppendRetire(dst []byte, s Space, id uint32) []byte {
	dst = append(dst, kindRetire, byte(s))
	return binary.AppendUvarint(dst, uint64(id))
}

func appendNext(dst []byte, s Space, id uint32) []byte {
	dst = append(dst, kindNext, byte(s))
	return binary.AppendUvarint(dst, uint64(id))
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that was applied before
// does nothing, so a stretch of the log may be applied again. An error means that the log contradicts itself or comes
// from a newer version; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind, space := r.Byte(), Space(r.Byte())
	if kind < kindAssign || kind > kindNext {
		return varint.UnknownKind("name", kind, int64(at))
	}
	id := r.Uint32()
	var name []byte
	if kind == kindAssign {
		name = r.Text()
	}
	if err := r.End("name", kind, int64(at)); err != nil {
		return err
	}
	if space >= spaces || id == 0 || id > maxID {
		return fmt.Errorf("name change of kind %d at log offset %d has the invalid %v or id %d", kind, at, space, id)
	}
	n := &t.spaces[space]
	switch kind {
	case kindAssign:
		return n.assign(space, id, name, at)
	case kindRetire:
		if old, ok := n.names[id]; ok {
			delete(n.names, id)
			delete(n.ids, old)
		}
		n.last = max(n.last, id)
	case kindNext:
		n.last = max(n.last, id-1)
	}
	return nil
}

func (n *numbering) assign(s Space, id uint32, name []byte, at message.LogOffset) error {
	old, bound := n.names[id]
	if bound && old != string(name) {
		return fmt.Errorf("%v id %d is %q, log offset %d gives it to %q", s, id, old, at, name)
	}
	if bound || id <= n.last {
		return nil // seen before, and perhaps retired since
	}
	if other, ok := n.ids[string(name)]; ok {
		if strings.HasPrefix(string(name), message.LMQPrefix) {
			return nil
		}
		return fmt.Errorf("%v %q has the id %d, log offset %d gives it the id %d", s, name, other, at, id)
	}
	if n.ids == nil {
		n.ids, n.names = make(map[string]uint32), make(map[uint32]string)
	}
	text := string(name)
	n.ids[text], n.names[id], n.last = id, text, id
	return nil
}

// Snapshot emits the changes that make an empty table equal to this one, in ascending id order. The slice is reused
// after emit returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	var buf []byte
	for s := range Space(spaces) {
		n := &t.spaces[s]
		for _, id := range slices.Sorted(maps.Keys(n.names)) {
			buf = AppendAssign(buf[:0], s, id, n.names[id])
			emit(buf)
		}
		if n.last > 0 {
			buf = appendNext(buf[:0], s, n.last+1)
			emit(buf)
		}
	}
}
