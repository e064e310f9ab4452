package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// dealsTo is the queue to which transactions are committed, and nothing else.
var dealsTo = message.Queue{Topic: "deals"}

// deal is a transaction of a story: where the records of its half message and of its end end, 0 before the acknowledgement.
type deal struct {
	handle      message.LogOffset
	half, ended message.LogOffset
	end         int // 0 not begun, 1 commit, 2 rollback
}

// deals are a story's transactions by their text; the ledger's lock guards them.
type deals map[string]*deal

// promised copies the deals, without the ends of records that are not durable yet.
func (d deals) promised(durable message.LogOffset) deals {
	out := make(deals, len(d))
	for text, one := range d {
		own := *one
		if own.half > durable {
			own.half = 0
		}
		if own.ended > durable {
			own.ended = 0
		}
		out[text] = &own
	}
	return out
}

// putHalf begins a transaction.
func (l *life) putHalf(size int) {
	text, d := l.text(size), &deal{}
	l.led.mu.Lock()
	l.led.deals[text] = d
	l.led.mu.Unlock()
	w := newWaiter()
	err := l.s.PutHalf(record(dealsTo.Topic, 0, text), w, 0)
	l.s.Kick()
	if err == nil {
		<-w.done
		err = w.err
	}
	if err != nil {
		return
	}
	l.led.mu.Lock()
	d.handle, d.half = w.rec.LogOffset, w.rec.LogOffset+message.LogOffset(len(w.rec.Record))
	l.led.mu.Unlock()
}

// endHalf ends the oldest or the newest transaction that is open, if there is one.
func (l *life) endHalf() {
	var open []*deal
	l.led.mu.Lock()
	for _, d := range l.led.deals {
		if d.half > 0 && d.end == 0 {
			open = append(open, d)
		}
	}
	l.led.mu.Unlock()
	if len(open) == 0 {
		return
	}
	slices.SortFunc(open, func(a, b *deal) int { return int(a.half - b.half) })
	d, end := open[l.rng.IntN(2)*(len(open)-1)], 1+l.rng.IntN(2)
	l.led.mu.Lock()
	d.end = end
	l.led.mu.Unlock()
	if a, err := endHalf(l.s, d.handle, end == 1); err == nil {
		l.led.mu.Lock()
		d.ended = a.LogOffset + message.LogOffset(len(a.Record))
		l.led.mu.Unlock()
	}
}

// checkDeals looks for each transaction: where it was promised to be, never twice, never where it must not be. Then it commits what is
// open.
func (c *crashed) checkDeals(s *Store, flush commitlog.FlushMode, say func(string, ...any)) {
	count := make(map[string]int)
	first := s.MinOffset(dealsTo)
	c.mu.Lock()
	for i := range int(first) {
		text, own := c.ownDeals[i]
		if !own {
			text = c.settled[i]
		}
		count[text]++
	}
	c.mu.Unlock()
	for _, text := range strings.Fields(readAll(s, dealsTo, first, say)) {
		count[text]++
		if c.deals[text] == nil {
			say("phantom: %.20q was committed", text)
		}
	}
	open := make(map[string]message.LogOffset)
	some, _ := s.Halves(0, 1<<20)
	for _, e := range some {
		if _, r, err := s.Half(e.Created); err != nil {
			say("half message %d: %v", e.Created, err)
		} else {
			open[string(r.Body)] = e.Created
		}
	}
	for text, d := range maps.All(c.deals) {
		n := count[text]
		_, pending := open[text]
		switch {
		case n > 1 || n == 1 && pending:
			say("transaction %.20q: committed %d times, pending %v", text, n, pending)
		case n == 1 && d.end != 1:
			say("transaction %.20q is committed, nobody said so", text)
		case d.ended > 0 && pending:
			say("transaction %.20q: its acknowledged end is lost", text)
		case d.ended > 0 && d.end == 1 && n == 0:
			say("transaction %.20q: its acknowledged commit is lost", text)
		case d.half > 0 && d.end != 2 && n == 0 && !pending:
			say("transaction %.20q: its half message is lost", text)
		}
	}
	for text, handle := range open {
		c.mu.Lock()
		d := *c.deals[text]
		d.end = 1
		c.deals[text] = &d
		c.mu.Unlock()
		a, err := endHalf(s, handle, true)
		if err != nil {
			say("transaction %.20q cannot be committed: %v", text, err)
		}
		c.mu.Lock()
		if c.ownDeals == nil {
			c.ownDeals = make(map[int]string)
		}
		if c.ownDeals[int(a.QueueOffset)] = text; flush == commitlog.SyncFlush {
			ended := d
			ended.ended = 1
			c.deals[text] = &ended
		}
		c.mu.Unlock()
	}
	if some, all := s.Halves(0, 1); all > 0 {
		say("%d half messages are left over: %+v", all, some)
	}
}
