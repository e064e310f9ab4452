// Package transaction is the projection of the half messages: those of transactions that nobody has committed or rolled
// back yet. It is a pure machine: entries, answers and the time in, who must be asked out; no clock, file, goroutine or
// lock. With it goes what becomes of a record on its way: see [Half], [Committed], [GivenUp] and [Resumed].
//
// The store owns the one [Table] and guards it with a lock: no two calls may run at once, reads included. It adds an
// entry when it sees a half message in the log, moves it when it sees the record carried forward, and completes it when it
// sees the record that names it (a commit, or the last word about it), or the change that says so (a rollback).
//
// An end of a transaction claims its entry, and what it appends stands in the log behind all that was appended of the
// entry before. What is carried forward is not claimed, but looked at in the same lock as it is appended ([Table.Stays]):
// so no half message stands in the log behind the end of its own transaction, and a replay never brings one back.
package transaction

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// ErrGone says that no half message has the handle, or that its end is on its way already.
var ErrGone = errors.New("no such half message waits for its end")

// Entry is one half message.
type Entry struct {
	// Created is the log offset of the record that created the entry: its handle for life, which producers know.
	Created message.LogOffset
	// At is the log offset where the record lies now: Created, or where it was carried forward to.
	At message.LogOffset
	// Queue is the record's first offset in the queue of half messages, which producers know, too.
	Queue message.QueueOffset
	// Stored is when the record was first stored, in milliseconds since 1970.
	Stored int64
	// Due is when the producer is to be asked next, in milliseconds since 1970.
	Due int64
	// Checks is how often it was asked.
	Checks int32
}

// Table holds the half messages. The zero Table is empty and ready.
type Table struct {
	byHandle map[message.LogOffset]*slot
	heap     []*slot // the unclaimed ones by (Due, Created)
}

type slot struct {
	Entry
	pos int // place in the heap, posClaimed for one that is on its way out
}

const posClaimed = -1

// Len counts the half messages, claimed ones included.
func (t *Table) Len() int { return len(t.byHandle) }

// Get returns the entry with the handle.
func (t *Table) Get(created message.LogOffset) (Entry, bool) {
	if s := t.byHandle[created]; s != nil {
		return s.Entry, true
	}
	return Entry{}, false
}

// Add makes the entry pending. One that is there already takes what is new and keeps its claim.
func (t *Table) Add(e Entry) {
	s := t.byHandle[e.Created]
	if s == nil {
		if t.byHandle == nil {
			t.byHandle = make(map[message.LogOffset]*slot)
		}
		s = &slot{Entry: e}
		t.byHandle[e.Created] = s
		t.push(s)
		return
	}
	s.Entry = e
	t.fix(s)
}

// Move notes that the entry's record was carried forward and lies at another log offset now; it reports whether the
// entry is pending.
func (t *Table) Move(created, at message.LogOffset) bool {
	s := t.byHandle[created]
	if s != nil {
		s.At = at
	}
	return s != nil
}

// Checked notes that the producer has been asked so often, and when it is to be asked next.
func (t *Table) Checked(created message.LogOffset, checks int32, due int64) {
	if s := t.byHandle[created]; s != nil {
		s.Checks, s.Due = checks, due
		t.fix(s)
	}
}

// Complete removes the entry and its claim; it reports whether the entry was pending.
func (t *Table) Complete(created message.LogOffset) bool {
	s := t.byHandle[created]
	if s == nil {
		return false
	}
	t.remove(s)
	delete(t.byHandle, created)
	if len(t.byHandle) == 0 {
		*t = Table{} // gives the memory of a past flood back
	}
	return true
}

// Claim is for the one who is about to end the entry. It reports false when the entry is not pending, or claimed by
// somebody else. A claim lives in memory only: after a restart nobody holds one.
func (t *Table) Claim(created message.LogOffset) bool {
	s := t.byHandle[created]
	if s == nil || s.pos == posClaimed {
		return false
	}
	t.remove(s)
	return true
}

// Unclaim gives a claimed entry back, after its end could not be appended. It does nothing for any other.
func (t *Table) Unclaim(created message.LogOffset) {
	if s := t.byHandle[created]; s != nil && s.pos == posClaimed {
		t.push(s)
	}
}

// Stays reports whether the entry is pending, unclaimed, and its record lies before the log offset: whether it may, and
// must, be carried forward. The caller appends before anybody else can claim it.
func (t *Table) Stays(created, before message.LogOffset) bool {
	s := t.byHandle[created]
	return s != nil && s.pos != posClaimed && s.At < before
}

// Due returns the unclaimed entries whose producers are to be asked, in the order of (Due, Created), at most max of them.
// The same ones come again until [Table.Checked] says otherwise.
func (t *Table) Due(nowMillis int64, max int) []Entry {
	var due []*slot
	for len(due) < max && len(t.heap) > 0 && t.heap[0].Due <= nowMillis {
		due = append(due, t.heap[0])
		t.remove(t.heap[0])
	}
	out := make([]Entry, 0, len(due))
	for _, s := range due {
		out = append(out, s.Entry)
		t.push(s)
	}
	return out
}

// Before returns the entries whose record lies before the log offset, claimed ones included, in the order in which they
// lie there. It walks over all entries.
func (t *Table) Before(at message.LogOffset) []Entry {
	var out []Entry
	for _, s := range t.byHandle {
		if s.At < at {
			out = append(out, s.Entry)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Created, b.Created)) })
	return out
}

// Shift moves all times by so many milliseconds: the clock was set. Entries keep their order.
func (t *Table) Shift(millis int64) {
	for _, s := range t.byHandle {
		s.Stored += millis
		s.Due += millis
	}
}

// Rewind takes back what a clock has put off that was ahead and is not any more: who was stored later than now counts from now, and who was asked
// about is asked again within so many milliseconds.
func (t *Table) Rewind(nowMillis, within int64) {
	for _, s := range t.byHandle {
		ahead := max(s.Stored-nowMillis, 0)
		s.Stored -= ahead
		s.Due -= ahead
		if s.Checks > 0 {
			s.Due = min(s.Due, nowMillis+within)
		}
		t.fix(s)
	}
}

func less(a, b *slot) bool {
	if a.Due != b.Due {
		return a.Due < b.Due
	}
	return a.Created < b.Created
}

func (t *Table) push(s *slot) {
	s.pos = len(t.heap)
	t.heap = append(t.heap, s)
	t.up(s)
}

// remove takes the slot out of the heap, if it is in it.
func (t *Table) remove(s *slot) {
	if s.pos == posClaimed {
		return
	}
	last := t.heap[len(t.heap)-1]
	t.heap[len(t.heap)-1] = nil
	t.heap = t.heap[:len(t.heap)-1]
	if last != s {
		t.set(s.pos, last)
		t.fix(last)
	}
	s.pos = posClaimed
}

func (t *Table) set(pos int, s *slot) {
	t.heap[pos] = s
	s.pos = pos
}

// fix puts a slot where its due time belongs.
func (t *Table) fix(s *slot) {
	if s.pos != posClaimed {
		t.up(s)
		t.down(s)
	}
}

func (t *Table) up(s *slot) {
	for s.pos > 0 {
		parent := t.heap[(s.pos-1)/2]
		if !less(s, parent) {
			return
		}
		at := parent.pos
		t.set(s.pos, parent)
		t.set(at, s)
	}
}

func (t *Table) down(s *slot) {
	for {
		child := 2*s.pos + 1
		if child >= len(t.heap) {
			return
		}
		if child+1 < len(t.heap) && less(t.heap[child+1], t.heap[child]) {
			child++
		}
		next := t.heap[child]
		if !less(next, s) {
			return
		}
		t.set(s.pos, next)
		t.set(child, s)
	}
}

// List returns at most n entries in the order of their handles, from the handle on, claimed ones included. It walks over
// all entries, and keeps at most twice as many as it returns.
func (t *Table) List(from message.LogOffset, n int) []Entry {
	var out []Entry
	last := message.LogOffset(math.MaxInt64) // entries behind it are not among the first n
	trim := func() {
		slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Created, b.Created) })
		if len(out) >= n && n > 0 {
			out = out[:n]
			last = out[n-1].Created
		}
	}
	for _, s := range t.byHandle {
		if s.Created < from || s.Created > last || n <= 0 {
			continue
		}
		if out = append(out, s.Entry); len(out) >= 2*n {
			trim()
		}
	}
	trim()
	return out
}
