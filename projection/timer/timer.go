// Package timer is the projection of the messages that wait for their time: the pending entries of the delay levels and of
// timer messages. It is a pure machine: entries and the time in, due entries out; no clock, file, goroutine or lock. It also
// knows what such messages look like in the log while they wait and when they are delivered, see [Times].
//
// The store owns the one [Table] and guards it with a lock: no two calls may run at once, reads included. It adds an
// entry when it sees a delayed record in the log, moves it when it sees the record carried forward, and completes it when
// it sees the re-put that names it, or a record that takes it back. Its due loop asks for what is due, claims each entry
// and puts it to its real topic; whether that worked shows in the log alone.
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
	// Key finds the entry by its real topic and unique key, see [KeyOf]; 0 for one that cannot be taken back.
	Key uint64
	// Topic is the id of the real topic's name, 0 if it is not known.
	Topic uint32
}

// Table holds the pending entries. The zero Table is empty and ready.
//
// Entries lie in slabs of fixed size without pointers, which never move, so that a growing table leaves no garbage behind;
// a heap of numbers orders the unclaimed ones by (Due, Created), and two chained hash tables find them by handle and by
// key. That is about 65 bytes an entry, whatever the spread of due times (TestMillionEntries); two Go maps instead take 60
// more. A timing wheel would be leaner to walk but not to look up in, and completing by handle is as frequent as adding.
type Table struct {
	slabs     [][]slot
	used      int32 // slots that were ever used; those behind are fresh
	free      int32 // first of the chain of free slots, +1; they are chained by nextCreated
	count     int
	heap      []int32
	byCreated []int32 // first of the chain, +1
	byKey     []int32
}

// slot is an [Entry] in 56 bytes, with its places. Any number of messages may have one key: only that chain is linked both ways.
type slot struct {
	Created, At message.LogOffset
	Due         int64
	Key         uint64
	Topic       uint32
	pos         int32 // in the heap; claimed or unused below 0
	nextCreated int32 // of the chain, +1
	nextKey     int32
	prevKey     int32 // 0 for the first
}

func (s *slot) entry() Entry {
	return Entry{Created: s.Created, At: s.At, Due: s.Due, Key: s.Key, Topic: s.Topic}
}

func (s *slot) set(e Entry) {
	s.Created, s.At, s.Due, s.Key, s.Topic = e.Created, e.At, e.Due, e.Key, e.Topic
}

const (
	posClaimed = -1
	posUnused  = -2

	slabBits = 12
	slabSize = 1 << slabBits
	// leastChains is with how many chains a table begins; their number doubles whenever they are longer than chainLength on average.
	leastChains = 64
	chainLength = 2
)

func (t *Table) at(i int32) *slot { return &t.slabs[i>>slabBits][i&(slabSize-1)] }

// Len counts the pending entries, claimed ones included.
func (t *Table) Len() int { return t.count }

// Get returns the entry with the handle.
func (t *Table) Get(created message.LogOffset) (Entry, bool) {
	i, ok := t.find(created)
	if !ok {
		return Entry{}, false
	}
	return t.at(i).entry(), true
}

// Keyed returns the entries with the key, claimed ones included, that are due less than slack milliseconds before or after
// the time.
func (t *Table) Keyed(key uint64, dueMillis, slack int64) []Entry {
	var out []Entry
	if t.count == 0 || key == 0 {
		return nil
	}
	for next := t.byKey[t.chain(key)]; next > 0; {
		s := t.at(next - 1)
		if s.Key == key && s.Due > dueMillis-slack && s.Due < dueMillis+slack {
			out = append(out, s.entry())
		}
		next = s.nextKey
	}
	return out
}

// Add makes the entry pending. One that is there already takes the new place and due time and keeps its claim.
func (t *Table) Add(e Entry) {
	if i, ok := t.find(e.Created); ok {
		t.replace(i, e)
		return
	}
	if t.count >= chainLength*len(t.byCreated) {
		t.grow()
	}
	i := t.unused()
	t.at(i).set(e)
	t.count++
	t.link(i)
	t.push(i)
}

func (t *Table) replace(i int32, e Entry) {
	s := t.at(i)
	if s.Key != e.Key {
		t.unlinkKey(i)
		s.Key = e.Key
		t.linkKey(i)
	}
	s.set(e)
	if s.pos >= 0 {
		t.fix(s.pos)
	}
}

// Move notes that the entry's record was carried forward and lies at another log offset now; it reports whether the
// entry is pending.
func (t *Table) Move(created, at message.LogOffset) bool {
	i, ok := t.find(created)
	if ok {
		t.at(i).At = at
	}
	return ok
}

// Complete removes the entry and its claim; it reports whether the entry was pending.
func (t *Table) Complete(created message.LogOffset) bool {
	i, ok := t.find(created)
	if !ok {
		return false
	}
	if pos := t.at(i).pos; pos >= 0 {
		t.remove(pos)
	}
	t.unlink(i)
	*t.at(i) = slot{pos: posUnused, nextCreated: t.free}
	t.free = i + 1
	if t.count--; t.count == 0 {
		*t = Table{} // gives the memory of a past flood back
	}
	return true
}

// Claim takes the entry out of what Due and Next see, for the one who is about to complete or to recall it. It reports
// false when the entry is not pending or claimed by somebody else. A claim lives in memory only: after a restart nobody
// holds one.
func (t *Table) Claim(created message.LogOffset) bool {
	i, ok := t.find(created)
	if !ok || t.at(i).pos < 0 {
		return false
	}
	t.remove(t.at(i).pos)
	t.at(i).pos = posClaimed
	return true
}

// Unclaim gives a claimed entry back, after its re-put has failed. It does nothing for any other.
func (t *Table) Unclaim(created message.LogOffset) {
	if i, ok := t.find(created); ok && t.at(i).pos == posClaimed {
		t.push(i)
	}
}

// Next is the due time of the first unclaimed entry, in milliseconds.
func (t *Table) Next() (dueMillis int64, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.at(t.heap[0]).Due, true
}
