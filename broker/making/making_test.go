package making

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

var errBusy = errors.New("busy")

// Sends that come while their topic is being made are let go in the order in which they came, and the topic is made once.
func TestMakingsKeepOrderAndMakeOnce(t *testing.T) {
	m := New(100, errBusy)
	var built int
	var order []int
	var run []func()
	later := func(fn func()) bool { run = append(run, fn); return true }
	build := func() error { built++; return nil }
	for i := range 3 {
		if !m.Join(later, "t", build, func(error) { order = append(order, i) }) {
			t.Fatal("refused")
		}
	}
	if !m.Active() || !m.Open("t") || m.Open("u") || m.Waiting() != 3 {
		t.Errorf("active %v, waiting %d", m.Active(), m.Waiting())
	}
	// One more joins from within the first waiter, as a pipelined send does.
	m.byKey["t"].waiters[0] = func(error) {
		order = append(order, 0)
		m.Join(later, "t", build, func(error) { order = append(order, 3) })
	}
	for _, fn := range run {
		fn()
	}
	if built != 1 || !slices.Equal(order, []int{0, 1, 2, 3}) {
		t.Errorf("built %d times, order %v", built, order)
	}
	if m.Active() || m.Open("t") || m.Waiting() != 0 {
		t.Error("the making is still open")
	}
}

func TestMakingsFailTogether(t *testing.T) {
	m := New(2, errBusy)
	boom := errors.New("boom")
	var got []error
	var run func()
	spawn := func(fn func()) bool { run = fn; return true }
	note := func(err error) { got = append(got, err) }
	m.Join(spawn, "t", func() error { return boom }, note)
	m.Join(spawn, "t", nil, note)
	if m.Join(spawn, "t", nil, note) {
		t.Error("a third waiter fits into two")
	}
	run()
	if len(got) != 2 || !errors.Is(got[0], boom) || !errors.Is(got[1], boom) {
		t.Errorf("told %v", got)
	}
	if m.Join(func(func()) bool { return false }, "t", nil, note) {
		t.Error("joined without a goroutine")
	}
	if m.Active() {
		t.Error("a making that never began is open")
	}
}

func TestMakingsAtOnce(t *testing.T) {
	m := New(1000, errBusy)
	var wg, done sync.WaitGroup
	var mu sync.Mutex
	seen := 0
	done.Add(200)
	for range 200 {
		wg.Go(func() {
			m.Join(func(fn func()) bool { go fn(); return true }, "t", func() error { return nil }, func(error) {
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
