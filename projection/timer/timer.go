// Package timer is the projection of the messages that wait for their time: the pending entries of the delay levels. It
// is a pure machine: entries and the time in, due entries out; no clock, file, goroutine or lock.
//
// The store owns the one [Table] and guards it with a lock: no two calls may run at once, reads included. It adds an
// entry when it sees a delayed record in the log, moves it when it sees the record carried forward, and completes it when
// it sees the re-put that names it. Its due loop asks for what is due, claims each entry and puts it to its real topic;
// whether that worked shows in the log alone.
package timer

import "github.com/aerobee-mq/aerobee/message"

// Entry is one pending message.
type Entry struct {
	// Created is the log offset of the record that created the entry: its handle for life.
	Created message.LogOffset
	// At is the log offset where the record lies now: Created, or where it was carried forward to.
	At message.LogOffset
	// Due is when the message is to be delivered, in milliseconds since 1970.
	Due int64
}

// Table holds the pending entries. The zero Table is empty and ready.
//
// Entries lie in one slab without pointers; a heap of slab indexes orders the unclaimed ones by (Due, Created), and one
// map finds a slab index by handle. That is about 60 to 85 bytes an entry, whatever the spread of due times; a timing
// wheel would be leaner to walk but not to look up in, and completing by handle is as frequent as adding.
type Table struct {
	slab  []slot
	free  []int32
	heap  []int32
	index map[message.LogOffset]int32
}

type slot struct {
	Entry
	pos int32 // place in the heap; claimed or unused below 0
}

const (
	posClaimed = -1
	posUnused  = -2
)

// Len counts the pending entries, claimed ones included.
func (t *Table) Len() int { return len(t.index) }

// Get returns the entry with the handle.
func (t *Table) Get(created message.LogOffset) (Entry, bool) {
	i, ok := t.index[created]
	if !ok {
		return Entry{}, false
	}
	return t.slab[i].Entry, true
}

// Add makes the entry pending. One that is there already takes the new place and due time and keeps its claim.
func (t *Table) Add(e Entry) {
	if i, ok := t.index[e.Created]; ok {
		s := &t.slab[i]
		s.Entry = e
		if s.pos >= 0 {
			t.fix(s.pos)
		}
		return
	}
	var i int32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		i = int32(len(t.slab))
		t.slab = append(t.slab, slot{})
	}
	if t.index == nil {
		t.index = make(map[message.LogOffset]int32)
	}
	t.slab[i].Entry = e
	t.index[e.Created] = i
	t.push(i)
}

// Move notes that the entry's record was carried forward and lies at another log offset now; it reports whether the
// entry is pending.
func (t *Table) Move(created, at message.LogOffset) bool {
	i, ok := t.index[created]
	if ok {
		t.slab[i].At = at
	}
	return ok
}

// Complete removes the entry and its claim; it reports whether the entry was pending.
func (t *Table) Complete(created message.LogOffset) bool {
	i, ok := t.index[created]
	if !ok {
		return false
	}
	if pos := t.slab[i].pos; pos >= 0 {
		t.remove(pos)
	}
	delete(t.index, created)
	t.slab[i] = slot{pos: posUnused}
	t.free = append(t.free, i)
	if len(t.index) == 0 {
		*t = Table{} // gives the memory of a past flood back
	}
	return true
}

// Claim takes the entry out of what Due and Next see, for the one who is about to complete or to recall it. It reports
// false when the entry is not pending or claimed by somebody else. A claim lives in memory only: after a restart nobody
// holds one.
func (t *Table) Claim(created message.LogOffset) bool {
	i, ok := t.index[created]
	if !ok || t.slab[i].pos < 0 {
		return false
	}
	t.remove(t.slab[i].pos)
	t.slab[i].pos = posClaimed
	return true
}

// Unclaim gives a claimed entry back, after its re-put has failed. It does nothing for any other.
func (t *Table) Unclaim(created message.LogOffset) {
	if i, ok := t.index[created]; ok && t.slab[i].pos == posClaimed {
		t.push(i)
	}
}

// Next is the due time of the first unclaimed entry, in milliseconds.
func (t *Table) Next() (dueMillis int64, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.slab[t.heap[0]].Due, true
}
