package statistics

import (
	"cmp"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
)

// Options says what a table counts. The zero value of a field means its default; Cluster and System must be set.
type Options struct {
	// Cluster is the key of what is counted for the broker as a whole.
	Cluster string
	// System reports whether a topic is RocketMQ's own.
	System func(topic string) bool
	// Most bounds the series: 16,384, which take 26 MB when all of them have been busy for a day.
	Most int
}

// forget is how long a series is kept in which nothing is counted, in ms: until it says 0 for the day.
const forget = 25 * dayStep

// Table is all that a broker counts.
type Table struct {
	opt   Options
	index index
	// What is counted for the broker as a whole.
	put, putPlain, got, gotPlain, acked, popped series
	producers, consumers                        series // their registrations
	missed                                      atomic.Int64
	times                                       times

	mu                sync.Mutex // guards what follows, and the samples of all series
	nextHour, nextDay int64
	started           bool
}

// New makes a table.
func New(o Options) *Table {
	o.Most = cmp.Or(o.Most, 16_384)
	t := &Table{opt: o}
	t.index.init(o.Most, o.System)
	t.times.init()
	return t
}

func (t *Table) whole() []*series {
	return []*series{&t.put, &t.putPlain, &t.got, &t.gotPlain, &t.acked, &t.popped, &t.producers, &t.consumers}
}

// Totals are how many messages were put and got since the broker started; the plain ones are those of topics that are not RocketMQ's own.
// Found and Missed are reads that found messages, and none.
type Totals struct{ Put, PutBytes, PutPlain, Got, GotPlain, Acked, Found, Missed int64 }

// Totals returns the totals.
func (t *Table) Totals() Totals {
	return Totals{t.put.totals[nums].Load(), t.put.totals[size].Load(), t.putPlain.totals[nums].Load(), t.got.totals[nums].Load(),
		t.gotPlain.totals[nums].Load(), t.acked.totals[nums].Load(), t.got.times.Load(), t.missed.Load()}
}

// Refused is how often something was not counted by itself because there are too many series.
func (t *Table) Refused() int64 {
	t.index.mu.Lock()
	defer t.index.mu.Unlock()
	return t.index.refused
}

// merged is the name under which something is counted: all light queues count as one, and all groups of their kind, for there may be
// hundreds of thousands. RocketMQ does so too.
func merged(name string) string {
	if light.Is(name) {
		return message.LMQPrefix
	}
	return name
}

// Got counts messages of a queue that a group was handed, and the milliseconds that it took to read them.
func (t *Table) Got(group, topic string, queue int32, messages, bytes int, took int64) {
	group, topic = merged(group), merged(topic)
	n, b := int64(messages), int64(bytes)
	of := subject{kind: ofQueueGroup, topic: topic, queue: queue, group: group}
	var whole *series
	system := false
	s := t.index.find(of)
	if s != nil {
		whole, system = s.whole, s.system
	} else {
		whole, system = t.index.get(subject{kind: ofGroup, topic: topic, group: group}), t.opt.System(topic)
		s = t.index.make(of, whole)
	}
	if s != nil {
		s.add(1, n, b, took)
	}
	if whole != nil {
		whole.add(1, n, b, 0)
	}
	t.got.add(1, n, 0, 0)
	raise(&t.times.longestGet, took)
	if !system {
		t.gotPlain.sum(n)
	}
}

// Missed counts a read that found no message.
func (t *Table) Missed() { t.missed.Add(1) }

// Popped counts a part of a pop that messages of one queue were handed out in, to be acknowledged.
func (t *Table) Popped(group, topic string) {
	t.popped.sum(1)
	t.count(subject{kind: ofPops, topic: merged(topic), group: merged(group)}, 1)
}

// Acked counts acknowledgements.
func (t *Table) Acked(group, topic string, n int) {
	t.acked.sum(int64(n))
	t.count(subject{kind: ofAcks, topic: merged(topic), group: merged(group)}, int64(n))
}

// Returned counts a message that a group has sent back, and that it was given up if dead. The topic is the one it was sent to at first.
func (t *Table) Returned(group, topic string, dead bool) {
	group, topic = merged(group), merged(topic)
	t.count(subject{kind: ofReturns, topic: topic, group: group}, 1)
	if dead {
		t.count(subject{kind: ofDead, topic: topic, group: group}, 1)
	}
}

// Registered counts a heartbeat that brought producers, or consumers, and the milliseconds that it took to enter them.
func (t *Table) Registered(producers, consumers int, took int64) {
	if producers > 0 {
		t.producers.add(int64(producers), took, 0, 0)
	}
	if consumers > 0 {
		t.consumers.add(int64(consumers), took, 0, 0)
	}
}

// What may happen to a connection, as RocketMQ calls it.
const (
	Connected    = "CONNECT"
	Disconnected = "CLOSE"
)

// Channel counts what happens to connections.
func (t *Table) Channel(what string) { t.count(subject{kind: ofChannel, topic: what}, 1) }

func (t *Table) count(of subject, n int64) {
	if s := t.index.get(of); s != nil {
		s.add(1, n, 0, 0)
	}
}

// ForgetTopic drops what was counted of a topic.
func (t *Table) ForgetTopic(topic string) {
	t.index.remove(func(of subject, _ *series) bool { return of.kind != ofChannel && of.topic == topic })
}

// ForgetGroup drops what was counted of a group.
func (t *Table) ForgetGroup(group string) {
	if group != "" {
		t.index.remove(func(of subject, _ *series) bool { return of.group == group })
	}
}

// Tick takes samples. It is to be called every ten seconds with the time in milliseconds, by a clock that nobody sets.
func (t *Table) Tick(now int64) {
	t.times.tick(now)
	all := t.index.settle()
	if t.sampleAll(now, all) {
		t.index.remove(func(_ subject, s *series) bool { return s.idle(now) })
	}
}

// sampleAll takes the samples and reports whether a series may be dropped.
func (t *Table) sampleAll(now int64, all map[subject]*series) (idle bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hour, day := !t.started || now >= t.nextHour, !t.started || now >= t.nextDay
	if hour {
		t.nextHour = now + hourStep
	}
	if day {
		t.nextDay = now + dayStep
	}
	t.started = true
	for _, s := range t.whole() {
		s.sample(now, hour, day)
	}
	for _, s := range all {
		s.sample(now, hour, day)
		idle = idle || now-s.last.at > forget
	}
	return idle
}

func (s *series) sample(now int64, hour, day bool) {
	l := s.look(now)
	if s.last.at == 0 || l.times != s.last.times || l.totals != s.last.totals {
		s.last = l
	}
	s.minute = keep(s.minute, l, minuteStep, minuteKept)
	if hour {
		s.hour = keep(s.hour, l, hourStep, hourKept)
	}
	if day {
		s.day = keep(s.day, l, dayStep, dayKept)
	}
}

// idle reports whether nothing has been counted for long. Only who ticks asks.
func (s *series) idle(now int64) bool {
	return s.last.at != 0 && now-s.last.at > forget && s.times.Load() == s.last.times
}
