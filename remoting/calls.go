package remoting

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// ErrNoAnswer is the outcome of a request whose answer did not come before its deadline.
var ErrNoAnswer = errors.New("no answer in time")

// Answerer is told the outcome of one request, once: the peer's answer, or why there is none, which is [ErrNoAnswer] or wraps
// [ErrClosed]. It runs on the connection's reader goroutine, or on that of its deadlines, and must not block; f is valid until it
// returns.
type Answerer interface {
	Answered(f *protocol.Frame, err error)
}

// calls are our own requests to the peer that wait for an answer. Their opaques count up, independently of the peer's, through all
// positive numbers before one comes again. A request's place in slots is its opaque modulo the length; an opaque whose place is
// taken is left out. So no request allocates, and an answer that comes late finds its own request or none.
type calls struct {
	c *Conn

	mu     sync.Mutex
	slots  []slot // guarded by mu, as all below; the length is a power of two
	last   int32
	count  int
	failed bool        // the connection is closed: nobody waits any more
	timer  *time.Timer // runs sweep; nil before the first deadline
	due    int64       // when it does, 0 if it does not
}

// slot is one request that waits; free when w is nil.
type slot struct {
	w        Answerer
	deadline int64 // host.now() in nanoseconds, 0 for none
	opaque   int32
}

const (
	firstSlots = 8
	// sweepPause is the least time between two looks for requests that have waited too long.
	sweepPause = 5 * time.Millisecond
)

// reserve numbers a request. waiting is how many wait now, it included.
func (s *calls) reserve(w Answerer, deadline int64) (opaque int32, waiting int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return 0, 0, s.c.errClosed()
	}
	if 2*(s.count+1) > len(s.slots) {
		s.grow()
	}
	for {
		if s.last++; s.last <= 0 {
			s.last = 1
		}
		if p := s.at(s.last); p.w == nil {
			*p = slot{w: w, deadline: deadline, opaque: s.last}
			break
		}
	}
	s.count++
	if deadline > 0 && (s.due == 0 || deadline < s.due) {
		s.arm(deadline)
	}
	return s.last, s.count, nil
}

func (s *calls) at(opaque int32) *slot { return &s.slots[int(opaque)&(len(s.slots)-1)] }

// grow doubles the slots. Two opaques that had different places still have.
func (s *calls) grow() {
	old := s.slots
	s.slots = make([]slot, max(firstSlots, 2*len(old)))
	for i := range old {
		if old[i].w != nil {
			*s.at(old[i].opaque) = old[i]
		}
	}
}

// take ends a request's waiting and returns who waited, nil if nobody does any more.
func (s *calls) take(opaque int32) Answerer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.slots) == 0 {
		return nil
	}
	p := s.at(opaque)
	if p.opaque != opaque || p.w == nil {
		return nil
	}
	return s.free(p)
}

func (s *calls) free(p *slot) Answerer {
	w := p.w
	*p = slot{}
	s.count--
	return w
}

// answer gives a response to its waiting call; one that nobody waits for any more is dropped.
func (s *calls) answer(f *protocol.Frame) {
	if w := s.take(f.Opaque); w != nil {
		w.Answered(f, nil)
	}
}

// fail ends all waiting when the connection is closed. The reader goroutine calls it, last of all.
func (s *calls) fail() {
	s.mu.Lock()
	s.failed = true
	var all []Answerer
	for i := range s.slots {
		if p := &s.slots[i]; p.w != nil {
			all = append(all, s.free(p))
		}
	}
	s.slots = nil
	if s.due > 0 && s.timer.Stop() {
		s.due = 0
		s.c.doneOne()
	}
	s.mu.Unlock()
	err := s.c.errClosed()
	for _, w := range all {
		w.Answered(nil, err)
	}
}

// arm has sweep run at the given time. An armed timer, and then sweep, counts as a goroutine of the connection; the reader, which
// is one too, ends only after fail.
func (s *calls) arm(at int64) {
	wait := max(time.Duration(at)-s.c.host.now(), sweepPause)
	switch {
	case s.timer == nil:
		s.timer = time.AfterFunc(wait, s.sweep)
	case s.due == 0:
		s.timer.Reset(wait)
	case s.timer.Stop():
		s.c.doneOne()
		s.timer.Reset(wait)
	default:
		return // it is about to look
	}
	s.c.addOne()
	s.due = int64(s.c.host.now() + wait)
}

// sweep ends the waiting of those whose deadline has passed, and comes again for the next deadline.
func (s *calls) sweep() {
	defer s.c.doneOne()
	var late []Answerer
	s.mu.Lock()
	s.due = 0
	now, next := int64(s.c.host.now()), int64(math.MaxInt64)
	for i := range s.slots {
		p := &s.slots[i]
		switch {
		case p.w == nil || p.deadline == 0:
		case p.deadline <= now:
			late = append(late, s.free(p))
		default:
			next = min(next, p.deadline)
		}
	}
	if next < math.MaxInt64 && !s.failed {
		s.arm(next)
	}
	s.mu.Unlock()
	for _, w := range late {
		w.Answered(nil, ErrNoAnswer)
	}
}

// Begin sends a request without waiting for its answer. head is the frame's head in the binary encoding ([protocol.AppendHead]), made
// for len(body) bytes of body; both are copied. Begin numbers the request. w is told the outcome, no later than shortly after the
// deadline (none if zero), unless Begin returns an error or [Conn.Cancel] true; w may be told before Begin returns. With w nil the request is
// one-way, as its head must say too.
//
// Requests of several goroutines that come together are written together.
func (c *Conn) Begin(head, body []byte, deadline time.Time, w Answerer) (opaque int32, err error) {
	opaque, _, err = c.begin(head, body, deadline, w, now, 0)
	return opaque, err
}

// BeginSoon is [Conn.Begin] for a goroutine that does not wait for the answer and may have more to send: while other requests wait for
// their answers, the write is left to a goroutine of the connection, which takes along what is appended until it comes to it.
func (c *Conn) BeginSoon(head, body []byte, deadline time.Time, w Answerer) (opaque int32, err error) {
	opaque, _, err = c.begin(head, body, deadline, w, soon, 0)
	return opaque, err
}

// BeginLater is [Conn.Begin] for a goroutine that is about to send more requests, about so many. It leaves the write to the caller, who
// then flushes at the end ([Conn.Flush]), until half of all that wait or are about to is unwritten: so the peer has one half to work on
// while the other one is made. left says that something is unwritten.
func (c *Conn) BeginLater(head, body []byte, deadline time.Time, w Answerer, more int) (left bool, err error) {
	_, left, err = c.begin(head, body, deadline, w, later, more)
	return left, err
}

// moment is when a request is written.
type moment uint8

const (
	now   moment = iota // together with those of others that are about to send
	soon                // by a goroutine of the connection
	later               // by the caller
)

func (c *Conn) begin(head, body []byte, deadline time.Time, w Answerer, at moment, more int) (opaque int32, left bool, err error) {
	waiting := 0
	if w != nil {
		end := int64(0)
		if !deadline.IsZero() {
			end = max(1, int64(deadline.Sub(c.host.start)))
		}
		if opaque, waiting, err = c.calls.reserve(w, end); err != nil {
			return 0, false, err
		}
	}
	if left, err = c.post(opaque, waiting, more, at, c.signed(head, body), body); err != nil {
		if w == nil || c.calls.take(opaque) != nil {
			return 0, false, err
		}
	}
	return opaque, left, nil
}

// Cancel gives up a request of [Conn.Begin]. It returns false if its Answerer has been told the outcome, or is being told.
func (c *Conn) Cancel(opaque int32) bool { return c.calls.take(opaque) != nil }

// post appends a request and writes it when it is to be written, unless that is left to the caller. A lone request is not delayed.
func (c *Conn) post(opaque int32, waiting, more int, at moment, head, body []byte) (left bool, err error) {
	c.mu.Lock()
	if err := c.admitLocked(len(head) + len(body)); err != nil {
		return false, err
	}
	c.makeRoomLocked(len(head) + len(body))
	before := len(c.out.b)
	c.out.b = append(append(c.out.b, head...), body...)
	protocol.StampOpaque(c.out.b[before:], opaque)
	over := c.overLocked()
	others := waiting > 1
	small := c.fullLen+len(c.out.b) < flushAt
	joins := at != later && small && c.joining || at == soon && others && c.flushing // who joins will flush
	starts := at == soon && others && !joins
	yields := at == now && small && others && !joins && !c.writing && !c.batching
	if at == later {
		c.delayed++
		left = small && 2*c.delayed < waiting+more
	}
	if yields {
		c.joining = true
	}
	if starts {
		c.flushing = true
		c.addOne()
	}
	c.mu.Unlock()
	if over {
		c.refuseHeld()
	}
	switch {
	case joins || left:
		return left, nil
	case starts:
		go c.flushSoon()
		return false, nil
	case yields:
		runtime.Gosched() // others that are ready to run append theirs
		c.mu.Lock()
		c.joining = false
		c.mu.Unlock()
	}
	c.flush(true)
	return false, nil
}

// flushSoon writes what was appended, until there is no more.
func (c *Conn) flushSoon() {
	defer c.doneOne()
	for {
		c.mu.Lock()
		if c.out == nil || c.closed || c.writing {
			c.again = c.again || c.writing // who writes takes it along
			c.flushing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.flush(false)
	}
}

// waiting is a goroutine in Invoke.
type waiting struct {
	done chan struct{}
	f    *protocol.Frame
	err  error
}

// Answered keeps a copy of the answer and wakes the goroutine.
func (w *waiting) Answered(f *protocol.Frame, err error) {
	if err == nil {
		w.f = f.Clone()
	}
	w.err = err
	close(w.done)
}

// Invoke sends a request to the peer and waits for its answer, of any response code. It numbers the request itself; f is not
// changed. It must not be called on the reader goroutine. Errors: ctx's, or [ErrClosed].
func (c *Conn) Invoke(ctx context.Context, f *protocol.Frame) (*protocol.Frame, error) {
	w := &waiting{done: make(chan struct{})}
	opaque, _, err := c.calls.reserve(w, 0)
	if err != nil {
		return nil, err
	}
	request := *f
	request.Opaque = opaque
	request.Flag &^= protocol.FlagResponse | protocol.FlagOneway
	if c.host.Sign != nil {
		c.host.Sign(&request)
	}
	if err := c.Send(&request); err != nil && c.Cancel(opaque) {
		return nil, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if c.Cancel(opaque) {
			return nil, fmt.Errorf("remoting: no answer from %s to request %d: %w", c.info.Remote, f.Code, ctx.Err())
		}
		<-w.done // the outcome is there, or about to be
	}
	if w.err != nil {
		return nil, fmt.Errorf("remoting: no answer from %s to request %d: %w", c.info.Remote, f.Code, w.err)
	}
	return w.f, nil
}
