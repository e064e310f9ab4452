package broker

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

// Sends that come while their topic is being made are let go in the order in which they came, and the topic is made once.
func TestMakingsKeepOrderAndMakeOnce(t *testing.T) {
	m := newMakings(100)
	var built int
	var order []int
	var run []func()
	later := func(fn func()) bool { run = append(run, fn); return true }
	build := func() error { built++; return nil }
	for i := range 3 {
		if !m.join(later, "t", build, func(error) { order = append(order, i) }) {
			t.Fatal("refused")
		}
	}
	if !m.active() || !m.open("t") || m.open("u") || m.waiting() != 3 {
		t.Errorf("active %v, waiting %d", m.active(), m.waiting())
	}
	// One more joins from within the first waiter, as a pipelined send does.
	m.byKey["t"].waiters[0] = func(error) {
		order = append(order, 0)
		m.join(later, "t", build, func(error) { order = append(order, 3) })
	}
	for _, fn := range run {
		fn()
	}
	if built != 1 || !slices.Equal(order, []int{0, 1, 2, 3}) {
		t.Errorf("built %d times, order %v", built, order)
	}
	if m.active() || m.open("t") || m.waiting() != 0 {
		t.Error("the making is still open")
	}
}

func TestMakingsFailTogether(t *testing.T) {
	m := newMakings(2)
	boom := errors.New("boom")
	var got []error
	var run func()
	spawn := func(fn func()) bool { run = fn; return true }
	note := func(err error) { got = append(got, err) }
	m.join(spawn, "t", func() error { return boom }, note)
	m.join(spawn, "t", nil, note)
	if m.join(spawn, "t", nil, note) {
		t.Error("a third waiter fits into two")
	}
	run()
	if len(got) != 2 || !errors.Is(got[0], boom) || !errors.Is(got[1], boom) {
		t.Errorf("told %v", got)
	}
	if m.join(func(func()) bool { return false }, "t", nil, note) {
		t.Error("joined without a goroutine")
	}
	if m.active() {
		t.Error("a making that never began is open")
	}
}

func TestMakingsAtOnce(t *testing.T) {
	m := newMakings(1000)
	var wg, done sync.WaitGroup
	var mu sync.Mutex
	seen := 0
	done.Add(200)
	for range 200 {
		wg.Go(func() {
			m.join(func(fn func()) bool { go fn(); return true }, "t", func() error { return nil }, func(error) {
				mu.Lock()
				seen++
				mu.Unlock()
				done.Done()
			})
		})
	}
	wg.Wait()
	done.Wait()
	if seen != 200 {
		t.Errorf("%d of 200 went on", seen)
	}
}
