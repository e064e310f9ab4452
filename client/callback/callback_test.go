package callback

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// conn counts its flushes.
type conn struct {
	mu      sync.Mutex
	flushes int
}

func (c *conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushes++
}

func (c *conn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flushes
}

// TestQueue: callbacks run in order, those that came together gather what they send, and it is flushed behind the last of them.
func TestQueue(t *testing.T) {
	var c conn
	var q *Queue[int]
	var called, left []int
	idle := make(chan struct{})
	q = NewQueue(func(fn func()) {
		go func() {
			fn()
			idle <- struct{}{}
		}()
	}, func(i int) {
		called = append(called, i)
		if n, ok := q.Gathering(); ok {
			left = append(left, n)
			q.Left(&c)
		}
		if i == 3 && c.count() > 0 {
			t.Error("flushed before the last callback has returned")
		}
		if i == 4 && q.Add(5) { // from within
			t.Error("one goroutine calls, another is wanted")
		}
	})
	if !q.Add(1) {
		t.Fatal("nobody is to start")
	}
	for i := 2; i <= 4; i++ {
		if q.Add(i) {
			t.Fatal("started twice")
		}
	}
	q.Start()
	<-idle
	if !slices.Equal(called, []int{1, 2, 3, 4, 5}) || !slices.Equal(left, []int{3, 2, 1, 0}) || c.count() != 1 {
		t.Errorf("called %v, left %v, %d flushes", called, left, c.count())
	}
	if !q.Add(6) { // the goroutine has ended
		t.Error("nobody calls, and nobody is to")
	}
}

// TestPatience: a callback that takes long holds up neither what others have sent nor what is sent while it runs.
func TestPatience(t *testing.T) {
	var before, while conn
	var q *Queue[int]
	ended := make(chan struct{})
	flushed := make(chan struct{})
	q = NewQueue(func(fn func()) { go fn() }, func(i int) {
		if i == 2 {
			close(ended)
			return
		}
		q.Left(&before)
		<-flushed
	})
	q.Add(1)
	q.Add(2)
	q.Start()
	for { // the timer gives no other sign; the test binary's time limit bounds this
		runtime.Gosched()
		if _, ok := q.Gathering(); !ok && before.count() == 1 {
			break
		}
	}
	q.Left(&while)
	if while.count() != 1 {
		t.Error("what was sent behind the end of the gathering is not flushed at once")
	}
	close(flushed)
	<-ended
}

// TestStarter: a queue is started once, by the next Now.
func TestStarter(t *testing.T) {
	var s Starter
	started := make(chan int, 4)
	q := NewQueue(func(fn func()) { fn() }, func(i int) { started <- i })
	q.Add(7)
	s.Soon(q)
	if len(started) != 0 {
		t.Error("started too early")
	}
	s.Now()
	s.Now()
	if len(started) != 1 || <-started != 7 {
		t.Error("not called once")
	}
}
