package client

import (
	"context"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
)

// share is one queue that this member holds. Its goroutine pulls: it waits for the broker's answer and for room, and for nothing else.
type share struct {
	c        *consumer
	queue    Queue
	assigned bool // by the user, not by rebalancing
	ctx      context.Context
	cancel   context.CancelFunc
	kick     chan struct{} // what the goroutine waits for may have come

	// Guarded by the consumer's lock:
	sub         *subscription.Told
	pq          wire.Held
	begun       bool // pq.Next is known
	dropped     bool // no longer ours
	paused      bool
	gen         int                // changes when the place to pull from is changed: answers to older pulls do not count
	abort       context.CancelFunc // of the pull under way
	told        int64              // the offset that was told last, -1 for none; it may have been lost on the way
	kept        int64              // the offset that was confirmed last, -1 for none
	acquiring   bool               // orderly: the lock is being asked for
	from        int64              // the broker id that the broker has suggested to pull from
	listed      bool               // waits for a worker
	running     int                // batches that handlers have
	suspended   bool               // orderly: waits after a failure
	lockedAt    time.Time          // orderly: when the lock was asked for that we have, zero without one
	idle        int                // pulls in a row that were answered at once with nothing
	lastPull    time.Time
	lastHandled time.Time
}

// beginLocked makes a queue ours and starts its goroutine.
func (c *consumer) beginLocked(q Queue, sub *subscription.Told) *share {
	s := &share{c: c, queue: q, sub: sub, kick: make(chan struct{}, 1), told: -1, kept: -1}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	c.shares[q] = s
	c.spawn(s.run)
	return s
}

// committable is the offset that the group has come to.
func (s *share) committable() int64 { return s.pq.Committed() }

func (s *share) poke() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// sleep waits, or returns false when the queue is given up.
func (s *share) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// run pulls until the queue is given up.
func (s *share) run() {
	defer s.cancel()
	fails := 0
	for s.ctx.Err() == nil {
		if !s.ready() {
			select {
			case <-s.kick:
			case <-s.ctx.Done():
			}
			continue
		}
		if err := s.step(); err != nil {
			fails++
			if !s.failed(fails, err) {
				return
			}
			continue
		}
		fails = 0
		if s.hurries() && !s.sleep(idlePause) {
			return
		}
	}
}

// hurries reports whether the broker answers with nothing again and again, instead of holding pulls until there is something.
func (s *share) hurries() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.idle > maxIdle
}

// step does the next thing: get the lock, find out where to begin, or pull.
func (s *share) step() error {
	s.c.mu.Lock()
	needLock := s.c.o.orderly && !s.c.o.broadcast && !s.lockValid()
	begun := s.begun
	s.c.mu.Unlock()
	switch {
	case needLock:
		return s.acquire()
	case !begun:
		return s.begin()
	}
	return s.pull()
}

// ready reports whether a pull may be sent; if not, who makes room pokes the goroutine.
func (s *share) ready() bool {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.o.orderly && !c.o.broadcast && !s.lockValid() {
		return true // to get it back
	}
	return !s.paused && s.roomLocked()
}

// roomLocked says whether more may be pulled. Bytes are shared evenly by the queues, and one that holds nothing may always pull, so
// that none can starve another.
func (s *share) roomLocked() bool {
	o := &s.c.o
	if s.pq.Count() == 0 {
		return true
	}
	return s.pq.Count() < o.maxCached && s.pq.Bytes() < o.maxBytes/max(len(s.c.shares), 1) && (o.maxSpan == 0 || s.pq.Span() < o.maxSpan)
}

// failed waits after a failure, longer after each. It returns false when the queue is given up.
func (s *share) failed(fails int, err error) bool {
	if s.ctx.Err() != nil {
		return false
	}
	level := s.c.log.Warn
	if isLockHeld(err) || message.IsRetry(s.queue.Topic) && isRefusal(err) {
		level = s.c.log.Debug
	}
	level("client: queue not pulled from, trying again", "queue", s.queue.String(), "tries", fails, "error", err)
	wait := lockRetry
	if !isLockHeld(err) {
		wait = min(50*time.Millisecond<<min(fails-1, 8), pullRetry)
		if fails%8 == 3 { // the broker may have moved
			_, _ = s.c.client.cluster.Refresh(s.ctx, s.queue.Topic) // the next try says what is wrong
		}
	}
	return s.sleep(wait)
}

// begin finds out where to pull from.
func (s *share) begin() error {
	ctx, c := s.ctx, s.c
	offset, found, err := c.offsets.Load(ctx, s.queue)
	if err != nil {
		return err
	}
	told := offset
	if !found {
		told = -1
		if offset, err = c.client.startOf(ctx, s.queue, c.o.from); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.begun { // a seek may have come first
		s.pq.Next, s.told, s.kept, s.begun = max(offset, s.pq.Next), told, told, true // pq.Next is more if we had the queue before
	}
	return nil
}

// moveLocked sets the place to pull from; what was pulled and not handled is forgotten.
func (s *share) moveLocked(offset int64) {
	s.pq.Empty(offset)
	s.told, s.kept, s.begun = -1, -1, true // what the broker has is of before
	s.gen++
	if s.abort != nil {
		s.abort()
	}
	s.poke()
}

// lockHeldError says that another member has the lock.
type lockHeldError struct{ queue Queue }

func (e *lockHeldError) Error() string {
	return "client: " + e.queue.String() + " is locked by another member of the group"
}

func isLockHeld(err error) bool {
	_, held := err.(*lockHeldError) //nolint:errorlint // it is never wrapped
	return held
}

func (s *share) lockValid() bool {
	return !s.lockedAt.IsZero() && time.Since(s.lockedAt) < lockLife
}

// acquire locks an ordered queue for us. What was pulled under an earlier lock is forgotten, since another member may have gone on. The
// answer is waited for even when the queue is given up meanwhile: brokers may do a giving back before the locking that was sent before
// it, and then nobody has the queue until the lock runs out after a minute.
func (s *share) acquire() error {
	c := s.c
	c.mu.Lock()
	s.unlockedLocked()
	if s.dropped || c.closed {
		c.mu.Unlock()
		return s.ctx.Err()
	}
	s.acquiring = true
	c.locking.Add(1)
	defer c.locking.Done()
	c.mu.Unlock()
	asked := time.Now()
	locked, err := c.lock(c.ctx, []Queue{s.queue})
	if err == nil && !slices.Contains(locked, s.queue) {
		err = &lockHeldError{s.queue}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.acquiring = false
	switch {
	case s.dropped: // the broker may have given it to us, even if there is no answer: nobody else gets it before it is given back
		c.leftLocked(s)
	case err == nil:
		s.lockedAt = asked
	}
	return err
}

// unlockedLocked forgets the lock and all that was pulled under it. While a handler works, what it has stays its own.
func (s *share) unlockedLocked() {
	if s.lockedAt.IsZero() {
		return
	}
	s.lockedAt = time.Time{}
	s.pq.Empty(s.pq.Committed())
	s.gen++
	s.begun = false // the broker knows better
	if s.abort != nil {
		s.abort()
	}
	s.poke()
}
