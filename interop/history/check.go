package history

import (
	"fmt"
	"slices"
	"time"
)

// message is what is known of one key.
type message struct {
	key      Key
	sum      uint32
	topic    string
	queue    int // -1: any
	attempts int
	acked    bool
	ackedAt  []Place // the places that acknowledgements named
	floor    int64   // what this producer knew to be in the queue when it began to send
	stored   []int64 // offsets of its records in the log
	due      Time    // not before; 0: at once
	late     bool    // a record of it was stored too late, or too early: said once
	half     bool    // it belongs to a transaction
	commit   bool
	decided  Time               // when its producer said so first
	lights   []string           // light queues in which it is to stand as well
	lit      map[string][]int64 // its places there
	misfit   bool               // its topic does not take its kind
	turned   bool               // the broker has said so

	shardingKey     string // what it is ordered by, besides its queue
	begun, answered Time   // its first attempt, its first acknowledgement
}

// lane is one producer's line of sends into one queue.
type lane struct {
	producer, topic string
	queue           int
}

// checker is one run of Check; the rules add to its report.
type checker struct {
	rules    Rules
	report   Report
	messages map[Key]*message
	order    []*message // in the order of their first attempt
	acked    map[lane]int64
	log      map[Place]Key
	groups   map[string]*group
	quiet    timeline
	words    map[Key]*promise // what was said of messages beside their sends
	times    map[string][]storing
	strands  map[shard]*strand
}

// Check judges a history. Events of one producer, and of one consumer, must stand in their order; all are sorted by time
// here.
func Check(events []Event, rules Rules) Report {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b Event) int { return int(min(1, max(-1, a.At-b.At))) })
	c := &checker{rules: rules, messages: map[Key]*message{}, acked: map[lane]int64{}, log: map[Place]Key{}, groups: map[string]*group{}, times: map[string][]storing{},
		strands: map[shard]*strand{}}
	c.quiet = disturbances(events, rules)
	c.announce(events)
	for name := range rules.Groups {
		c.group(name)
	}
	for i := range events {
		c.send(&events[i])
	}
	c.gatherStrands()
	for i := range events {
		c.store(&events[i])
	}
	for i := range events {
		c.deliver(&events[i])
	}
	c.countKills(events)
	c.judgeLog()
	for _, m := range c.order {
		c.judgeLights(m)
		c.judgeKind(m)
	}
	c.judgeLightOrder()
	c.judgeQuotas(events)
	c.judgeGroups()
	c.report.sort()
	return c.report
}

func (c *checker) find(f Fault, key Key, format string, args ...any) {
	c.report.Findings = append(c.report.Findings, Finding{Fault: f, Key: key, Text: fmt.Sprintf(format, args...)})
}

// send learns what producers did. The floor of a message is the highest offset that its producer had been told of in
// that queue before.
func (c *checker) send(e *Event) {
	m := c.messages[e.Key]
	at := lane{e.Key.Producer, e.Place.Topic, e.Place.Queue}
	switch e.Kind {
	case SendBegun:
		c.report.Attempts++
		if m == nil {
			floor, ok := c.acked[at]
			if !ok {
				floor = -1
			}
			m = &message{key: e.Key, sum: e.Sum, topic: e.Place.Topic, queue: e.Place.Queue, floor: floor, begun: e.At}
			c.announced(m)
			c.messages[e.Key] = m
			c.order = append(c.order, m)
			c.report.Messages++
		}
		m.attempts++
	case SendAcked:
		if m == nil {
			c.find(Phantom, e.Key, "was acknowledged, but nobody sent it")
			return
		}
		if !m.acked {
			m.answered = e.At
			c.report.Acknowledged++
		}
		m.acked = true
		if e.Place.Offset >= 0 {
			m.ackedAt = append(m.ackedAt, e.Place)
			c.acked[at] = max(c.acked[at], e.Place.Offset)
		}
	case SendLost:
		c.report.Unanswered++
	}
}

// known says whether a message that came out is one that went in, unchanged.
func (c *checker) known(e *Event, where string) *message {
	m := c.messages[e.Key]
	switch {
	case m == nil:
		c.find(Phantom, e.Key, "%s %v, but nobody sent it", where, e.Place)
		return nil
	case m.sum != e.Sum:
		c.find(Phantom, e.Key, "%s %v with checksum %08x, sent with %08x", where, e.Place, e.Sum, m.sum)
		return nil
	}
	return m
}

// store learns what is in the log at the end.
func (c *checker) store(e *Event) {
	if e.Kind != Stored {
		return
	}
	c.report.Stored++
	c.log[e.Place] = e.Key
	m := c.known(e, "stands at")
	if m == nil || c.light(m, e) {
		return
	}
	if m.topic != e.Place.Topic || (m.queue >= 0 && m.queue != e.Place.Queue) {
		c.find(Phantom, e.Key, "stands at %v, sent to %s/%d", e.Place, m.topic, m.queue)
		return
	}
	m.stored = append(m.stored, e.Place.Offset)
	if _, limited := c.rules.Quotas[m.topic]; limited && e.From > 0 {
		c.times[m.topic] = append(c.times[m.topic], storing{e.From, m.key})
	}
	c.judgeTime(m, e)
	c.judgeVerdict(m, e, e.From, "was stored")
}

// judgeLog compares what producers were told with what the log holds.
func (c *checker) judgeLog() {
	if c.report.Stored == 0 && c.report.Acknowledged == 0 {
		return
	}
	for _, m := range c.order {
		if m.acked && m.wanted() && len(m.stored) == 0 {
			c.find(Lost, m.key, "was acknowledged and is not in the log; %s/%d, acknowledged at %v", m.topic, m.queue, m.ackedAt)
		}
		if len(m.stored) > m.attempts {
			c.find(Duplicated, m.key, "stands at %d offsets %v after %d attempts", len(m.stored), m.stored, m.attempts)
		}
		for _, at := range m.ackedAt {
			other := c.log[at]
			if len(m.stored) == 0 || other == m.key {
				continue
			}
			fault := Reordered
			if m.attempts > 1 {
				fault = Lost // what stands elsewhere is of another attempt
			}
			c.find(fault, m.key, "was acknowledged at %v, where %v stands; it stands at %v", at, other, m.stored)
		}
		for _, offset := range m.stored {
			if m.queue >= 0 && offset <= m.floor {
				c.find(Reordered, m.key, "stands at %s/%d@%d, but its producer had been told of offset %d before it sent this",
					m.topic, m.queue, offset, m.floor)
			}
		}
	}
}

func (c *checker) countKills(events []Event) {
	var killed Time
	for i := range events {
		switch events[i].Kind {
		case Killed:
			c.report.Kills++
			killed = events[i].At
		case Ready:
			if killed != 0 {
				c.report.Outage = max(c.report.Outage, time.Duration(events[i].At-killed)*time.Microsecond)
			}
		}
	}
}
