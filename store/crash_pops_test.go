package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// What the stories pop: queue 0 of the topic without order, queue 1 in order.
const popTopic, popGroup = "P", "p"

var (
	popPlain, popOrdered = message.Queue{Topic: popTopic}, message.Queue{Topic: popTopic, ID: 1}
	popRetries           = message.Queue{Topic: "%RETRY%" + popGroup + "_" + popTopic}
)

// popLedger remembers what was popped and acknowledged. It is the ledger's and guarded by its lock.
type popLedger struct {
	begun map[string]bool              // texts of which an acknowledgement was tried
	acked map[string]message.LogOffset // where the records of those that counted end
	held  []handedOut                  // not acknowledged yet
}

type handedOut struct {
	text    string
	queue   message.Queue
	offset  message.QueueOffset
	popTime int64
	due     int64 // ms; from then on it may be on its way to the retry topic, acknowledged or not
}

// popPromise is what was promised of pops at one moment.
type popPromise struct {
	begun   map[string]bool
	acked   map[string]bool // durable
	retired map[int]string  // copies by queue offset that may be gone since; the ledger's own
}

// popsPromised is called with the ledger's lock.
func (l *ledger) popsPromised(durable message.LogOffset) popPromise {
	if l.arrived[popRetries] == nil {
		l.arrived[popRetries] = make(map[int]string)
	}
	p := popPromise{begun: maps.Clone(l.pops.begun), acked: make(map[string]bool), retired: l.arrived[popRetries]}
	for text, end := range l.pops.acked {
		p.acked[text] = end <= durable
	}
	return p
}

func (l *life) popGroup() {
	l.t.Helper()
	if err := l.s.PutGroup(context.Background(), group.New(popGroup)); err != nil {
		l.t.Fatal(err)
	}
}

// pop puts a few messages, pops some, and acknowledges or renews some of all that is held.
func (l *life) pop() {
	l.t.Helper()
	q := []message.Queue{popPlain, popOrdered}[l.rng.IntN(2)]
	for range 1 + l.rng.IntN(4) {
		l.put(q, l.rng.IntN(500))
	}
	l.flush()
	l.popSome(q, 1+l.rng.IntN(8), int64(1+l.rng.IntN(40))*1000)
	held := l.led.pops.held
	l.led.pops.held = nil
	for _, m := range held {
		switch l.rng.IntN(4) {
		case 0, 1:
			l.ackOne(m)
		case 2:
			invisible := int64(l.rng.IntN(30)) * 1000
			at, _, known, err := l.s.PopRenew(popGroup, m.queue, m.offset, m.popTime, invisible, false, nobody{})
			if err != nil {
				l.t.Fatal(err)
			}
			if m.popTime = at; known {
				m.due = l.s.nowMillis() + invisible
			}
			l.led.pops.held = append(l.led.pops.held, m)
		default:
			l.led.pops.held = append(l.led.pops.held, m)
		}
	}
	l.flush()
}

func (l *life) popSome(q message.Queue, most int, invisible int64) {
	l.t.Helper()
	r := pop.Request{Ordered: q == popOrdered, Max: most, NowMillis: l.s.nowMillis()}
	lease, err := l.s.PopBegin(popGroup, q, r)
	var refused *pop.Refusal
	if errors.As(err, &refused) {
		return
	}
	if err != nil {
		l.t.Fatal(err)
	}
	taken := pop.Taken{Lease: lease, Next: lease.From}
	var got []handedOut
	note := func(rec *message.Record) {
		got = append(got, handedOut{string(rec.Body), q, rec.QueueOffset, r.NowMillis, r.NowMillis + invisible})
	}
	for _, again := range lease.Again {
		b, _ := l.s.Get(nil, q, again.Offset, 1, 1, nil)
		rec, err := message.ParseRecord(b)
		if err != nil || rec.QueueOffset != again.Offset { // retention has been there
			l.s.PopAbandon(lease)
			if err := l.s.PopExpire(context.Background(), again.Handle); err != nil {
				l.t.Fatal(err)
			}
			return
		}
		taken.Again = append(taken.Again, again.Offset)
		note(&rec)
	}
	if lease.Room > 0 {
		b, res := l.s.Get(nil, q, lease.From, lease.Room, 1<<20, nil)
		for len(b) > 0 {
			rec, err := message.ParseRecord(b)
			if err != nil {
				l.t.Fatal(err)
			}
			taken.Fresh, taken.Next = append(taken.Fresh, rec.QueueOffset), res.Next
			note(&rec)
			b = b[rec.Size:]
		}
	}
	if len(got) == 0 {
		l.s.PopAbandon(lease)
		return
	}
	if err := l.s.PopTake(context.Background(), r.NowMillis, invisible, r.Ordered, taken); err == nil {
		l.led.pops.held = append(l.led.pops.held, got...)
	}
}

func (l *life) ackOne(m handedOut) {
	l.t.Helper()
	l.led.mu.Lock()
	l.led.pops.begun[m.text] = true
	l.led.mu.Unlock()
	w := newWaiter()
	known, _, err := l.s.PopAck(popGroup, m.queue, m.popTime, []message.QueueOffset{m.offset}, w)
	if err != nil {
		l.t.Fatal(err)
	}
	if known == 0 || m.due <= l.s.nowMillis() {
		return // too late: it comes again, or did
	}
	l.s.Kick()
	if _, err := w.wait(context.Background()); err != nil {
		return
	}
	l.led.mu.Lock()
	l.led.pops.acked[m.text] = w.rec.LogOffset + message.LogOffset(len(w.rec.Record))
	l.led.mu.Unlock()
}

// checkPops looks at everything that was popped, now that all of it is due: each message is acknowledged, or has its one copy
// in the retry topic, or is still to be popped.
func (c *crashed) checkPops(s *Store, say func(string, ...any)) {
	if _, err := s.PopAudit(); err != nil {
		say("pops: %v", err)
	}
	copies := make(map[string]int)
	first := s.MinOffset(popRetries)
	for i := range int(first) {
		copies[c.pops.retired[i]]++
	}
	for _, text := range strings.Fields(readAll(s, popRetries, first, say)) {
		copies[text]++
		if copies[text] > 1 {
			say("pops: %.20q was put to the retry topic %d times", text, copies[text])
		}
	}
	for text, durable := range c.pops.acked {
		if durable && copies[text] > 0 {
			say("pops: %.20q was acknowledged and comes again", text)
		}
	}
	c.mu.Lock()
	sent := map[message.Queue][]string{popPlain: slices.Clone(c.sent[popPlain]), popOrdered: slices.Clone(c.sent[popOrdered])}
	c.mu.Unlock()
	for q, texts := range sent {
		for off := s.MinOffset(q); off < s.MaxOffset(q); off++ {
			state, known := s.PopState(popGroup, q, off)
			if !known {
				break // the group is not known yet
			}
			text := texts[off]
			switch {
			case state == pop.Acknowledged && !c.pops.begun[text] && copies[text] == 0:
				say("pops: %.20q of %v is taken for acknowledged, and nobody has", text, q)
			case state != pop.Acknowledged && c.pops.acked[text]:
				say("pops: %.20q of %v was acknowledged and is %d", text, q, state)
			case q == popPlain && (state == pop.InFlight || state == pop.Deliverable):
				say("pops: %.20q of %v is %d though its time has passed", text, q, state)
			}
		}
	}
}

// duePops is when all that a story pops is due.
const duePops = 45 * time.Second
