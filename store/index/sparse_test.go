package index

import "testing"

// TestSparse: a head of many queues with little in each is sparse, one of few queues or with much in them is not.
func TestSparse(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	fill := func(queues int32) {
		for i := range queues {
			m.add(Queue{Topic: 1, ID: i}, 0, 150, 1, nil)
		}
	}
	wants := func(when string, want bool) {
		t.Helper()
		if _, sparse := m.ix.HeadEntries(); sparse != want {
			t.Errorf("%s: sparse is %v, want %v", when, sparse, want)
		}
	}
	wants("nothing", false)
	fill(manyQueues - 1)
	wants("few queues", false)
	fill(manyQueues)
	wants("many queues", true)
	before, _ := m.ix.HeadEntries()
	m.add(Queue{Topic: 1, ID: 0}, 0, 150, 1, make([]uint64, usualKeys*longEnough*manyQueues))
	if after, _ := m.ix.HeadEntries(); after < longEnough*manyQueues {
		t.Errorf("%d entries before a message of very many keys, and %d with it", before, after)
	}
	wants("many queues, very many keys", false)
	mustCut(t, m.ix, m.db, m.end)
	fill(manyQueues)
	for range longEnough {
		fill(manyQueues)
	}
	wants("much in each", false)
	mustCut(t, m.ix, m.db, m.end)
	wants("behind a cut", false)
}
