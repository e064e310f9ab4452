package timer

import "github.com/aerobee-mq/aerobee/message"

// chain is the chain of a handle or a key in either hash table, which have equally many.
func (t *Table) chain(of uint64) int {
	return int((of * 0x9E3779B97F4A7C15 >> 32) & uint64(len(t.byCreated)-1))
}

func (t *Table) find(created message.LogOffset) (int32, bool) {
	if t.count == 0 {
		return 0, false
	}
	for next := t.byCreated[t.chain(uint64(created))]; next > 0; {
		s := t.at(next - 1)
		if s.Created == created {
			return next - 1, true
		}
		next = s.nextCreated
	}
	return 0, false
}

// unused takes a free slot, or makes one.
func (t *Table) unused() int32 {
	if i := t.free - 1; i >= 0 {
		t.free = t.at(i).nextCreated
		return i
	}
	if int(t.used) == len(t.slabs)*slabSize {
		t.slabs = append(t.slabs, make([]slot, slabSize))
	}
	t.used++
	return t.used - 1
}

// link puts a slot into both hash tables.
func (t *Table) link(i int32) {
	first := &t.byCreated[t.chain(uint64(t.at(i).Created))]
	t.at(i).nextCreated, *first = *first, i+1
	t.linkKey(i)
}

func (t *Table) linkKey(i int32) {
	s := t.at(i)
	if s.nextKey, s.prevKey = 0, 0; s.Key == 0 {
		return // most delayed messages come back from consumers: one chain would hold them all
	}
	first := &t.byKey[t.chain(s.Key)]
	if *first > 0 {
		t.at(*first - 1).prevKey = i + 1
	}
	s.nextKey, *first = *first, i+1
}

func (t *Table) unlink(i int32) {
	next := &t.byCreated[t.chain(uint64(t.at(i).Created))]
	for *next != i+1 {
		next = &t.at(*next - 1).nextCreated
	}
	*next = t.at(i).nextCreated
	t.unlinkKey(i)
}

func (t *Table) unlinkKey(i int32) {
	s := t.at(i)
	if s.Key == 0 {
		return
	}
	if s.nextKey > 0 {
		t.at(s.nextKey - 1).prevKey = s.prevKey
	}
	if s.prevKey > 0 {
		t.at(s.prevKey - 1).nextKey = s.nextKey
	} else {
		t.byKey[t.chain(s.Key)] = s.nextKey
	}
}

// grow doubles the number of chains.
func (t *Table) grow() {
	n := max(leastChains, 2*len(t.byCreated))
	t.byCreated, t.byKey = make([]int32, n), make([]int32, n)
	for i := range t.used {
		if t.at(i).pos != posUnused {
			t.link(i)
		}
	}
}

// each visits the pending entries of n slots and returns where the next ones begin, 0 behind the last.
func (t *Table) each(from, n int, visit func(*slot)) (next int) {
	end := min(from+n, int(t.used))
	for i := from; i < end; i++ {
		if s := t.at(int32(i)); s.pos != posUnused {
			visit(s)
		}
	}
	if end >= int(t.used) {
		return 0
	}
	return end
}

// Part visits at most n entries and returns where the next part begins, 0 behind the last one; the first begins at 0. An
// entry that is pending from the first part to the last is in one of them, whatever happens in between; others may be.
func (t *Table) Part(from, n int, visit func(e Entry, claimed bool)) (next int) {
	return t.each(from, n, func(s *slot) { visit(s.entry(), s.pos == posClaimed) })
}
