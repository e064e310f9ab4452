package timer

import (
	"cmp"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Due returns the unclaimed entries whose time has come, in the order of (Due, Created), at most max of them. It claims
// nothing: the same entries come again until they are claimed or completed.
func (t *Table) Due(nowMillis int64, max int) []Entry {
	var due []Entry
	for len(due) < max && len(t.heap) > 0 {
		first := t.heap[0]
		if t.at(first).Due > nowMillis {
			break
		}
		due = append(due, t.at(first).entry())
		t.remove(0)
	}
	for _, e := range due {
		i, _ := t.find(e.Created)
		t.push(i)
	}
	return due
}

// Before returns the entries whose record lies before the log offset, claimed ones included, in the order in which they
// lie there: what must be carried forward before the log up to there may be deleted. It walks over all entries.
func (t *Table) Before(at message.LogOffset) []Entry {
	var out []Entry
	t.each(0, int(t.used), func(s *slot) {
		if s.At < at {
			out = append(out, s.entry())
		}
	})
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Created, b.Created)) })
	return out
}

// After returns the entries that are due later than the time, claimed ones included, in no particular order: what waits
// too long when the clock has gone back. It walks over all entries.
func (t *Table) After(dueMillis int64) []Entry {
	var out []Entry
	t.each(0, int(t.used), func(s *slot) {
		if s.Due > dueMillis {
			out = append(out, s.entry())
		}
	})
	return out
}

func (t *Table) less(a, b int32) bool {
	x, y := t.at(a), t.at(b)
	if x.Due != y.Due {
		return x.Due < y.Due
	}
	return x.Created < y.Created
}

func (t *Table) push(i int32) {
	t.heap = append(t.heap, i)
	t.at(i).pos = int32(len(t.heap) - 1)
	t.up(t.at(i).pos)
}

// remove takes the element at a heap place out and leaves its pos to the caller.
func (t *Table) remove(pos int32) {
	last := int32(len(t.heap) - 1)
	moved := t.heap[last]
	t.heap = t.heap[:last]
	if pos == last {
		return
	}
	t.set(pos, moved)
	t.fix(pos)
}

func (t *Table) set(pos, i int32) {
	t.heap[pos] = i
	t.at(i).pos = pos
}

func (t *Table) fix(pos int32) {
	if !t.down(pos) {
		t.up(pos)
	}
}

func (t *Table) up(pos int32) {
	i := t.heap[pos]
	for pos > 0 {
		parent := (pos - 1) / 2
		if !t.less(i, t.heap[parent]) {
			break
		}
		t.set(pos, t.heap[parent])
		pos = parent
	}
	t.set(pos, i)
}

func (t *Table) down(pos int32) (moved bool) {
	i, start, n := t.heap[pos], pos, int32(len(t.heap))
	for {
		child := 2*pos + 1
		if child >= n {
			break
		}
		if child+1 < n && t.less(t.heap[child+1], t.heap[child]) {
			child++
		}
		if !t.less(t.heap[child], i) {
			break
		}
		t.set(pos, t.heap[child])
		pos = child
	}
	t.set(pos, i)
	return pos > start
}
