package meter

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
)

// Kind is what RocketMQ's metrics call the type of a message.
type Kind uint8

// The kinds.
const (
	Normal Kind = iota
	FIFO
	Delay
	Transaction
)

// String is the kind as the label message_type has it.
func (k Kind) String() string {
	return [...]string{"normal", "fifo", "delay", "transaction"}[k&3]
}

// KindOf is the kind of a message: the first one that fits counts, as in RocketMQ's broker.
func KindOf(half, keyed, delayed bool) Kind {
	switch {
	case half:
		return Transaction
	case keyed:
		return FIFO
	case delayed:
		return Delay
	}
	return Normal
}

// Way is how messages went out.
type Way uint8

// The ways.
const (
	Pulled   Way = iota
	Popped       // from the topic
	PoppedIn     // from a retry topic
)

// sizeBounds are those of a message's bytes, RocketMQ's; there is one bucket more.
func sizeBounds() []int64 { return []int64{1 << 10, 4 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20} }

const sizeBuckets = 7

// In counts the messages of one kind that came for one topic. A nil In counts nothing.
type In struct {
	life
	topic  string
	kind   Kind
	system bool
	bytes  atomic.Int64
	sizes  [sizeBuckets]atomic.Int64
}

func (i *In) alive() *life { return &i.life }

func (i *In) count() (n int64) {
	for b := range i.sizes {
		n += i.sizes[b].Load()
	}
	return n
}

// Is reports whether this is the counter of the topic and the kind, and may be used on. It is for who keeps one.
func (i *In) Is(topic string, k Kind) bool {
	return i != nil && i.kind == k && i.topic == topic && !i.gone.Load()
}

// Tally gathers messages of one counter after the other, so that each costs no atomic add. The zero Tally is empty and ready. One
// goroutine at a time may use it.
type Tally struct {
	in    *In
	bytes int64
	sizes [sizeBuckets]uint32
}

// Add counts one message of so many bytes. A nil In counts nothing.
func (t *Tally) Add(in *In, size int) {
	if in == nil {
		return
	}
	if t.in != in {
		t.Flush()
		t.in = in
	}
	t.bytes += int64(size)
	switch {
	case size <= 1<<10:
		t.sizes[0]++
	case size <= 4<<10:
		t.sizes[1]++
	default:
		t.sizes[metrics.Bucket(sizeBounds(), int64(size))]++
	}
}

// Flush hands what was gathered to its counter.
func (t *Tally) Flush() {
	if t.in == nil {
		return
	}
	t.in.bytes.Add(t.bytes)
	for b, n := range t.sizes {
		if n > 0 {
			t.in.sizes[b].Add(int64(n))
		}
	}
	*t = Tally{}
}

// out counts what was handed to one group of one topic in one way.
type out struct {
	life
	outKey
	system          bool
	messages, bytes atomic.Int64
}

type outKey struct {
	topic, group string
	way          Way
}

func (o *out) alive() *life { return &o.life }
func (o *out) count() int64 { return o.messages.Load() }

// pairKey is a topic and a group; without a group where only topics are told apart.
type pairKey struct{ topic, group string }

// number is one counter.
type number struct {
	life
	pairKey
	system bool
	n      atomic.Int64
}

func (c *number) alive() *life { return &c.life }
func (c *number) count() int64 { return c.n.Load() }

// ends counts the ends of one topic's transactions.
type ends struct {
	life
	topic                 string
	halves                atomic.Int64 // half messages that came since the start
	committed, rolledBack atomic.Int64
	latency               *metrics.Histogram // of commits, in ms
}

func (e *ends) alive() *life { return &e.life }
func (e *ends) count() int64 { return e.halves.Load() + e.committed.Load() + e.rolledBack.Load() }

// endBounds are those of the time between a half message and its commit, RocketMQ's, in seconds: it says ms, and counts seconds.
func endBounds() []int64 { return []int64{5, 60, 600, 3600, 12 * 3600, 24 * 3600} }

// createKey tells the makings of topics and groups apart.
type createKey struct{ group, ok, system bool }

// Meters counts what passes through one broker.
type Meters struct {
	system func(topic string) bool
	now    func() time.Time

	ins      *table[inKey, *In]
	outs     *table[outKey, *out]
	dead     *table[pairKey, *number]
	ends     *table[string, *ends]
	creates  [8]*metrics.Histogram // by createKey.at
	scratch  sync.Pool             // of *scratch
	sweeping sync.Mutex            // guards swept
	swept    time.Time
}

type inKey struct {
	topic string
	kind  Kind
}

// createBounds are those of the time that the making of a topic or group takes, RocketMQ's, in ms.
func createBounds() []int64 { return []int64{10, 100, 1000, 3000, 5000} }

// New returns empty meters that keep at most limit series of each family. system tells topics that belong to RocketMQ itself, and now
// is the clock.
func New(limit int, system func(topic string) bool, now func() time.Time) *Meters {
	m := &Meters{system: system, now: now, swept: now()}
	m.ins = newTable(limit, func(k inKey) *In { return &In{topic: k.topic, kind: k.kind, system: system(k.topic)} })
	m.outs = newTable(limit, func(k outKey) *out { return &out{outKey: k, system: m.System(k.topic, k.group)} })
	m.dead = newTable(limit, func(k pairKey) *number { return &number{pairKey: k, system: m.System(k.topic, k.group)} })
	m.ends = newTable(limit, func(k string) *ends { return &ends{topic: k, latency: metrics.NewHistogram(endBounds())} })
	for i := range m.creates {
		m.creates[i] = metrics.NewHistogram(createBounds())
	}
	m.scratch.New = func() any { return &scratch{} }
	return m
}

// SystemGroup reports whether a group belongs to RocketMQ itself.
func SystemGroup(group string) bool {
	const prefix = "CID_RMQ_SYS_"
	return len(group) >= len(prefix) && strings.EqualFold(group[:len(prefix)], prefix)
}

// System reports whether a topic or a group belongs to RocketMQ itself.
func (m *Meters) System(topic, group string) bool { return m.system(topic) || SystemGroup(group) }

// uncounted are topics whose traffic RocketMQ does not count: it would count a message again each time that it comes back.
func uncounted(topic string) bool {
	return message.IsRetry(topic) || message.IsDLQ(topic)
}

// In is the counter of what comes for a topic, nil for one whose traffic is not counted.
func (m *Meters) In(topic string, k Kind) *In {
	if uncounted(topic) {
		return nil
	}
	return m.ins.get(inKey{topic, k}, m.now())
}

// Out counts messages that were handed to a group.
func (m *Meters) Out(topic, group string, way Way, messages, bytes int) {
	if way == Pulled && uncounted(topic) {
		return
	}
	k := outKey{topic, group, way}
	o := m.outs.get(k, m.now())
	o.messages.Add(int64(messages))
	o.bytes.Add(int64(bytes))
}

// Dead counts a message of a topic that a group has given up.
func (m *Meters) Dead(topic, group string) { m.dead.get(pairKey{topic, group}, m.now()).n.Add(1) }

// Half counts a half message of a topic.
func (m *Meters) Half(topic string) { m.ends.get(topic, m.now()).halves.Add(1) }

// Committed counts a commit, so long after the half message was stored.
func (m *Meters) Committed(topic string, after time.Duration) {
	e := m.ends.get(topic, m.now())
	e.committed.Add(1)
	e.latency.Observe(max(int64(after/time.Second), 0))
}

// RolledBack counts a rollback.
func (m *Meters) RolledBack(topic string) { m.ends.get(topic, m.now()).rolledBack.Add(1) }

// Created notes how long the making of a topic, or of a group, has taken.
func (m *Meters) Created(group bool, name string, took time.Duration, err error) {
	k := createKey{group, err == nil, !group && m.system(name)}
	m.creates[k.at()].Observe(took.Milliseconds())
}

func (k createKey) at() (i int) {
	for b, set := range [...]bool{k.group, k.ok, k.system} {
		if set {
			i |= 1 << b
		}
	}
	return i
}

// TopicGone and GroupGone forget the series of what was deleted.
func (m *Meters) TopicGone(topic string) {
	m.ins.drop(func(k inKey) bool { return k.topic == topic })
	m.outs.drop(func(k outKey) bool { return k.topic == topic })
	m.dead.drop(func(k pairKey) bool { return k.topic == topic })
	m.ends.drop(func(k string) bool { return k == topic })
}

// GroupGone is described at [Meters.TopicGone].
func (m *Meters) GroupGone(group string) {
	m.outs.drop(func(k outKey) bool { return k.group == group })
	m.dead.drop(func(k pairKey) bool { return k.group == group })
}

// sweep forgets what has not moved for long, if it is time to look.
func (m *Meters) sweep() {
	now := m.now()
	m.sweeping.Lock()
	due := now.Sub(m.swept) >= sweepEvery || now.Before(m.swept)
	if due {
		m.swept = now
	}
	m.sweeping.Unlock()
	if !due {
		return
	}
	m.ins.sweep(now)
	m.outs.sweep(now)
	m.dead.sweep(now)
	m.ends.sweep(now)
}
