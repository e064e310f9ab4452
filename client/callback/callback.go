// Package callback runs the callbacks of asynchronous requests, one after the other on a goroutine of its own, so that the ones who
// read answers never wait for a user's code.
//
// A callback often sends the next message. If the first one ran while the others' answers are still being read, and its request were
// written at once, the server would get that one request, commit it alone, and meanwhile receive the rest: two writes to the
// disk of which one carries a single message. So callbacks start when all answers that came together have been read ([Starter]), and
// what they send is gathered ([Queue.Gathering], [Queue.Left]).
package callback

import (
	"sync"
	"time"
)

// patience bounds how long a request may lie because callbacks run: one of them may take long.
const patience = 500 * time.Microsecond

// Flusher writes what was appended to it.
type Flusher interface{ Flush() }

// Queue holds what is to be called back. Make one with [NewQueue].
type Queue[T any] struct {
	spawn func(func())
	call  func(T)
	limit *time.Timer

	mu        sync.Mutex
	waiting   []T  // guarded by mu, as all below
	running   bool // a goroutine calls, or is about to be started
	gathering bool // more callbacks follow the one that runs, and it has not been long
	left      int  // of those that have been taken together
	unsent    []Flusher
}

// NewQueue returns a queue whose items go to call on a goroutine that spawn starts.
func NewQueue[T any](spawn func(func()), call func(T)) *Queue[T] {
	q := &Queue[T]{spawn: spawn, call: call}
	q.limit = time.AfterFunc(time.Hour, q.flush)
	q.limit.Stop()
	return q
}

// Add takes an item. The caller must have [Queue.Start] called soon if Add says so.
func (q *Queue[T]) Add(item T) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, item)
	start, q.running = !q.running, true
	return start
}

// Start begins to call back.
func (q *Queue[T]) Start() { q.spawn(q.run) }

func (q *Queue[T]) run() {
	var items []T
	var none T
	for {
		q.mu.Lock()
		items, q.waiting = q.waiting, items[:0]
		if len(items) == 0 {
			q.running = false
			q.mu.Unlock()
			return
		}
		if len(items) > 1 {
			q.gathering = true
			q.limit.Reset(patience)
		}
		q.mu.Unlock()
		for i, item := range items {
			items[i] = none
			q.mu.Lock()
			q.left = len(items) - 1 - i
			q.mu.Unlock()
			q.call(item)
		}
		if len(items) > 1 {
			q.limit.Stop()
			q.flush()
		}
	}
}

// Gathering says whether a request that is sent now may wait for others, and how many callbacks are about to run.
func (q *Queue[T]) Gathering() (left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.left, q.gathering
}

// Left tells that a request was appended to f and not written, after [Queue.Gathering] had allowed that.
func (q *Queue[T]) Left(f Flusher) {
	q.mu.Lock()
	if q.gathering {
		if n := len(q.unsent); n == 0 || q.unsent[n-1] != f {
			q.unsent = append(q.unsent, f)
		}
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	f.Flush()
}

// flush ends the gathering.
func (q *Queue[T]) flush() {
	q.mu.Lock()
	all := q.unsent
	q.gathering, q.unsent = false, nil
	q.mu.Unlock()
	for _, f := range all {
		f.Flush()
	}
}

// Starter starts queues when all answers that came together have been read. The zero value is ready.
type Starter struct {
	mu  sync.Mutex
	due []interface{ Start() }
}

// Soon has a queue started by the next [Starter.Now].
func (s *Starter) Soon(q interface{ Start() }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = append(s.due, q)
}

// Now starts the queues.
func (s *Starter) Now() {
	s.mu.Lock()
	due := s.due
	s.due = nil
	s.mu.Unlock()
	for _, q := range due {
		q.Start()
	}
}
