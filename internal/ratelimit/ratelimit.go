// Package ratelimit bounds how often each of many askers may ask, by address, by user, or by whatever else tells them apart. A [Table] belongs to
// the process's root, which gives it to all that take requests: so an asker has one rate, whichever protocol it speaks. Every method is safe to call at once.
//
// An asker's bucket holds a quarter of a second's requests, so no ten seconds let pass more than 2.5 % beyond the rate. It is one number that is
// changed without a lock. Whoever keeps a connection keeps its [Bucket] as long; buckets that nobody holds are forgotten when they are full
// again, and of those there are never more than a fixed number: so memory is bounded by the connections that are open.
package ratelimit

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// burst is how long a rate that nobody used is kept for later.
const burst = 250 * time.Millisecond

// mostLeft is how many buckets may be kept that nobody holds. Beyond it the oldest are forgotten, full or not.
const mostLeft = 4096

// Table is the buckets of all askers of one kind.
type Table[K comparable] struct {
	rate    int
	setting string
	step    int64 // ns for which one request takes room
	span    int64 // ns of the burst
	now     func() time.Duration

	mu      sync.Mutex // guards what follows, and the holders of all buckets
	buckets map[K]*Bucket
	left    []leaving[K] // buckets that nobody held when they were put here, the oldest first
}

type leaving[K comparable] struct {
	key    K
	bucket *Bucket
}

// Bucket is one asker's.
type Bucket struct {
	until   atomic.Int64 // ns by the table's clock up to which room is taken
	holders int          // guarded by the table's lock
	queued  bool         // it stands in left; the same
}

// New makes a table that lets each asker ask so many times a second. setting is the name of the setting that says so, for refusals; now is a clock
// that nobody can set. It returns nil, which lets everything pass, for a rate of 0 or less.
func New[K comparable](rate int, setting string, now func() time.Duration) *Table[K] {
	if rate <= 0 {
		return nil
	}
	return &Table[K]{rate: rate, setting: setting, step: max(int64(time.Second)/int64(rate), 1), span: int64(burst), now: now, buckets: map[K]*Bucket{}}
}

// Hold returns an asker's bucket, which is the same as long as anybody holds it; [Table.Release] must follow. It is nil if the table is.
func (t *Table[K]) Hold(key K) *Bucket {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[key]
	if b == nil {
		b = &Bucket{}
		t.buckets[key] = b
	}
	b.holders++
	return b
}

// Release gives a bucket back.
func (t *Table[K]) Release(key K, b *Bucket) {
	if t == nil || b == nil {
		return
	}
	now := int64(t.now())
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.holders--; b.holders == 0 && !b.queued {
		b.queued = true
		t.left = append(t.left, leaving[K]{key, b})
	}
	t.sweepLocked(now)
}

// sweepLocked forgets buckets that nobody holds: those that are full again, and those that are too many. What is held again leaves the queue, and comes
// back with its next release.
func (t *Table[K]) sweepLocked(now int64) {
	n := 0
	for _, l := range t.left {
		gone := l.bucket.holders > 0 || l.bucket.until.Load() <= now
		if !gone && len(t.left)-n <= mostLeft {
			break
		}
		if l.bucket.queued = false; l.bucket.holders == 0 {
			delete(t.buckets, l.key)
		}
		n++
	}
	if t.left = t.left[n:]; len(t.left) == 0 {
		t.left = nil
	}
}

// Take lets one request pass, or says how long there will be no room for it. b is what Hold has returned: nil lets everything pass.
func (t *Table[K]) Take(b *Bucket) (wait time.Duration) {
	if t == nil || b == nil {
		return 0
	}
	now := int64(t.now())
	for {
		is := b.until.Load()
		next := max(is, now) + t.step
		if over := next - now - max(t.span, t.step); over > 0 {
			return time.Duration(over)
		}
		if b.until.CompareAndSwap(is, next) {
			return 0
		}
	}
}

// TakeOf is Take for who keeps no bucket.
func (t *Table[K]) TakeOf(key K) (wait time.Duration) {
	if t == nil {
		return 0
	}
	b := t.Hold(key)
	defer t.Release(key, b)
	return t.Take(b)
}

// Refusal is what an asker is told who has to wait: the rate, the setting, and when there is room again.
func (t *Table[K]) Refusal(key K, wait time.Duration) string {
	return fmt.Sprintf("too many requests of %v, the limit is %d a second (%s); there is room again in %d ms", key, t.rate, t.setting, wait.Milliseconds()+1)
}

// Len is how many buckets there are.
func (t *Table[K]) Len() int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.buckets)
}

// Network is whom an address stands for: itself, or with IPv6 the network of 64 bits that one site has, in which it may take any address that it likes.
func Network(a netip.Addr) netip.Prefix {
	bits := 64
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // it fails for no address, and then the prefix of none will do
	return p
}
