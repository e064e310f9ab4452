// Package quota limits how much is sent to a topic and how much a group consumes, in messages and bytes a second. Package broker asks it for each send to a
// topic with a quota, and for each pull of a group with one. It has no clock, file or goroutine of its own; a [Table] is safe to use at once.
//
// A quota is a pair of token buckets. A bucket holds a fortieth of what ten seconds allow, so no ten seconds let pass more than 2.5 % beyond the quota. Whoever finds tokens may take more than there are, and those who come next wait until the debt is paid: else
// one batch or message that is larger than the bucket could never pass.
package quota

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Names of the attributes of topics (send) and groups (consume) that hold quotas. RocketMQ has none.
const (
	SendMessages    = "send.quota.messages"
	SendBytes       = "send.quota.bytes"
	ConsumeMessages = "consume.quota.messages"
	ConsumeBytes    = "consume.quota.bytes"
)

// burst is how long a quota that nobody used is kept for later.
const burst = 250 * time.Millisecond

// Limits are what may pass in a second; 0 is no limit.
type Limits struct{ Messages, Bytes int64 }

// OfTopic reads the attributes of a topic, OfGroup those of a group. What is no number, or below 1, is no limit.
func OfTopic(attributes map[string]string) Limits { return read(attributes, SendMessages, SendBytes) }

// OfGroup is described at [OfTopic].
func OfGroup(attributes map[string]string) Limits {
	return read(attributes, ConsumeMessages, ConsumeBytes)
}

func read(attributes map[string]string, messages, bytes string) Limits {
	if len(attributes) == 0 {
		return Limits{}
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(attributes[name], 10, 64)
		if err != nil {
			return 0
		}
		return max(n, 0)
	}
	return Limits{number(messages), number(bytes)}
}

// Any reports whether there is a limit.
func (l Limits) Any() bool { return l != Limits{} }

// ExceededError refuses what is beyond a quota.
type ExceededError struct {
	Name      string // of the topic or the group
	Attribute string // that holds the limit
	Limit     int64  // a second
	Wait      time.Duration
}

// Error names whose quota it is, the limit and when there is room again.
func (e *ExceededError) Error() string {
	return fmt.Sprintf("%s may have %d a second by its attribute %s, which is used up; there is room again in %d ms",
		e.Name, e.Limit, e.Attribute, e.Wait.Milliseconds()+1)
}

// bucket is one limit. Its level may be negative: then so much has passed on credit.
type bucket struct {
	limit int64
	level float64
}

func (b *bucket) most() float64 { return math.Max(float64(b.limit)*burst.Seconds(), 1) }

func (b *bucket) fill(passed time.Duration) {
	b.level = math.Min(b.level+float64(b.limit)*passed.Seconds(), b.most())
}

// wait is how long there is no room: none for a bucket without a limit.
func (b *bucket) wait() time.Duration {
	if b.limit == 0 || b.level > 0 {
		return 0
	}
	return 1 + time.Duration(-b.level/float64(b.limit)*float64(time.Second))
}

func (b *bucket) take(n int64) {
	if b.limit > 0 {
		b.level -= float64(n)
	}
}

// room is how much of n there are tokens for, at least 1; n if there is no limit.
func (b *bucket) room(n int64) int64 {
	if b.limit == 0 {
		return n
	}
	return min(n, max(int64(b.level), 1))
}

type meter struct {
	messages, bytes bucket
	at              time.Time // when it was filled last
}

func (m *meter) set(l Limits, now time.Time) {
	if (Limits{m.messages.limit, m.bytes.limit}) != l {
		*m = meter{messages: bucket{limit: l.Messages}, bytes: bucket{limit: l.Bytes}, at: now}
		m.messages.level, m.bytes.level = m.messages.most(), m.bytes.most()
		return
	}
	if passed := now.Sub(m.at); passed > 0 {
		m.messages.fill(passed)
		m.bytes.fill(passed)
		m.at = now
	}
}

// Table keeps the meters of all topics, or of all groups. A meter begins when it is asked for, and goes when nobody has asked for a while: it is full
// then, as a new one is.
type Table struct {
	now                      func() time.Time
	messagesName, bytesNamed string
	some                     atomic.Bool // there was a meter once

	mu     sync.Mutex // guards the rest
	meters map[string]*meter
	swept  time.Time
}

// sweepAfter is how long a meter stays that nobody asks for, and how often all are looked at.
const sweepAfter = time.Minute

// NewTable makes a table with a clock that nobody can set. The names are those of the attributes, for errors.
func NewTable(now func() time.Time, messages, bytes string) *Table {
	return &Table{now: now, messagesName: messages, bytesNamed: bytes, meters: make(map[string]*meter), swept: now()}
}

func (t *Table) meterLocked(name string, l Limits) *meter {
	now := t.now()
	if now.Sub(t.swept) > sweepAfter {
		t.swept = now
		for other, m := range t.meters {
			if now.Sub(m.at) > sweepAfter {
				delete(t.meters, other)
			}
		}
	}
	m := t.meters[name]
	if m == nil {
		t.some.Store(true)
		m = &meter{}
		t.meters[name] = m
	}
	m.set(l, now)
	return m
}

// Admit lets so much pass, or refuses it with an [*ExceededError].
func (t *Table) Admit(name string, l Limits, messages, bytes int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.meterLocked(name, l)
	byCount, bySize := m.messages.wait(), m.bytes.wait()
	switch {
	case byCount > 0 && byCount >= bySize:
		return &ExceededError{Name: name, Attribute: t.messagesName, Limit: l.Messages, Wait: byCount}
	case bySize > 0:
		return &ExceededError{Name: name, Attribute: t.bytesNamed, Limit: l.Bytes, Wait: bySize}
	}
	m.messages.take(messages)
	m.bytes.take(bytes)
	return nil
}

// Reserve sets aside as much as there is room for, at most so much and at least one message of one byte, and says how much; [Table.Settle] must follow.
// If there is no room, wait is how long there will be none, and nothing is set aside.
func (t *Table) Reserve(name string, l Limits, messages, bytes int64) (m, b int64, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	meter := t.meterLocked(name, l)
	if wait = max(meter.messages.wait(), meter.bytes.wait()); wait > 0 {
		return 0, 0, wait
	}
	m, b = meter.messages.room(messages), meter.bytes.room(bytes)
	meter.messages.take(m)
	meter.bytes.take(b)
	return m, b, 0
}

// Settle gives back what was set aside too much, or takes what is missing: the differences between what was used and what was set aside.
func (t *Table) Settle(name string, messages, bytes int64) {
	if !t.some.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.meters[name]; m != nil {
		m.messages.take(messages)
		m.bytes.take(bytes)
	}
}
