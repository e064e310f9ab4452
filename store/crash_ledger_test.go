package store

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/inspect"
)

// ledger remembers what was asked of a store and what it has promised. One goroutine asks.
type ledger struct {
	mu      sync.Mutex
	sent    map[message.Queue][]string            // texts by queue offset, as far as they were not refused
	acked   map[message.Queue][]message.LogOffset // where the records of those that were acknowledged end
	tokens  []appended
	arrived map[message.Queue]map[int]string // by queue offset, as OnArrive was told
	pending map[string]message.LogOffset     // delayed texts; where their records end, 0 before the acknowledgement
	timers  map[string]*timed                // of those that wait for a time
	deals   deals
	topics  []string // acknowledged
	resets  struct{ begun, acked message.QueueOffset }
	pops    popLedger
}

// timed is a message for a time, and what was said of taking it back.
type timed struct {
	due     int64
	begun   bool              // somebody has asked for it
	settled message.LogOffset // where the record ends that takes it back, 0 if none was acknowledged
}

// appended is what one token of the log stands for.
type appended struct {
	queue message.Queue
	texts []string
}

func newLedger() *ledger {
	return &ledger{
		sent: make(map[message.Queue][]string), acked: make(map[message.Queue][]message.LogOffset),
		arrived: make(map[message.Queue]map[int]string), pending: make(map[string]message.LogOffset), timers: make(map[string]*timed),
		deals: make(deals),
		pops:  popLedger{begun: make(map[string]bool), acked: make(map[string]message.LogOffset)},
	}
}

// promise is what a store had promised at one moment, and what it may hold at most.
type promise struct {
	sent    map[message.Queue][]string
	held    map[message.Queue]int // how many messages must be there
	early   map[message.Queue]int // how many were visible, or were told of
	delayed map[string]bool       // false: it may be there
	due     map[string]int64      // of those that wait for a time
	gone    map[string]bool       // those that were taken back
	deals   deals
	// ownDeals are those that a check has committed.
	ownDeals map[int]string
	settled  map[int]string // committed messages by queue offset that may be gone since; the ledger's own
	topics   []string
	resets   struct{ begun, acked message.QueueOffset }
	retired  map[int]string // delayed messages by queue offset that may be gone since; the ledger's own
	pops     popPromise
}

// promised reads the ledger. s may be nil, while it opens.
func (l *ledger) promised(s *Store, mode commitlog.FlushMode) promise {
	durable := message.LogOffset(1 << 62)
	if mode == commitlog.AsyncFlush {
		if durable = 0; s != nil {
			durable = s.log.Synced()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := promise{
		sent: maps.Clone(l.sent), held: make(map[message.Queue]int), early: make(map[message.Queue]int),
		delayed: make(map[string]bool), due: make(map[string]int64), gone: make(map[string]bool), topics: slices.Clone(l.topics), resets: l.resets,
	}
	if l.arrived[delayedTo] == nil {
		l.arrived[delayedTo] = make(map[int]string)
	}
	p.retired = l.arrived[delayedTo]
	if l.arrived[dealsTo] == nil {
		l.arrived[dealsTo] = make(map[int]string)
	}
	p.settled, p.deals = l.arrived[dealsTo], l.deals.promised(durable)
	p.pops = l.popsPromised(durable)
	for q, ends := range l.acked {
		p.held[q] = sort.Search(len(ends), func(i int) bool { return ends[i] > durable })
	}
	for text, end := range l.pending {
		p.delayed[text] = end > 0 && end <= durable
	}
	for text, w := range l.timers {
		p.due[text] = w.due
		p.delayed[text] = p.delayed[text] && !w.begun
		p.gone[text] = w.settled > 0 && w.settled <= durable
	}
	if mode == commitlog.AsyncFlush {
		return p
	}
	for q, told := range l.arrived {
		p.early[q] = len(told)
	}
	for q := range l.sent {
		if s != nil {
			p.early[q] = max(p.early[q], int(s.MaxOffset(q)))
		}
	}
	return p
}

func (l *ledger) arrive(as []Arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range as {
		q := message.Queue{Topic: a.Topic, ID: a.Queue}
		if l.arrived[q] == nil {
			l.arrived[q] = make(map[int]string)
		}
		if r, err := message.ParseRecord(a.Record); err == nil {
			l.arrived[q][int(a.QueueOffset)] = string(r.Body)
		}
	}
}

// put notes messages that are about to be put, and returns their token.
func (l *ledger) put(q message.Queue, texts ...string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[q] = append(l.sent[q], texts...)
	l.tokens = append(l.tokens, appended{q, texts})
	return uint64(len(l.tokens) - 1)
}

// Committed takes the outcome of puts: the ledger is their sink. What is refused was never sent.
func (l *ledger) Committed(token uint64, recs []Appended, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.tokens[token]
	if err != nil {
		l.sent[a.queue] = slices.DeleteFunc(slices.Clone(l.sent[a.queue]), func(text string) bool { return slices.Contains(a.texts, text) })
		return
	}
	for _, rec := range recs {
		l.acked[a.queue] = append(l.acked[a.queue], rec.LogOffset+message.LogOffset(len(rec.Record)))
	}
}

// Flush does nothing.
func (l *ledger) Flush() {}

// delayedTo is the queue to which delayed messages go, and nothing else.
var delayedTo = message.Queue{Topic: "late"}

// verdicts opens a crashed disk and says what is wrong with it, nothing if all is well. least are the least offsets to
// which retention may have come. It must run in a bubble, for the delayed messages to come due.
func (c *crashed) verdicts(o Options, least map[message.Queue]message.QueueOffset) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	s, err := Open(o)
	if err != nil {
		return []string{fmt.Sprintf("open: %v", err)}
	}
	for _, q := range c.queues() {
		if q != delayedTo {
			c.checkQueue(s, q, least[q], o.Flush, say)
		}
	}
	for _, name := range c.topics {
		if _, ok := s.Topic(name); !ok {
			say("lost: topic %s", name)
		}
	}
	if off, _ := s.Offset("g", message.Queue{Topic: "A"}); off < c.resets.acked || off > c.resets.begun {
		say("lost: the offset is %d, %d was acknowledged, %d is the last one", off, c.resets.acked, c.resets.begun)
	}
	c.checkDeals(s, o.Flush, say)
	if len(c.delayed) > 0 {
		time.Sleep(longestDelay + time.Second)
		synctest.Wait()
		c.checkDelayed(s, say)
	} else if len(c.sent[popPlain]) > 0 {
		time.Sleep(duePops)
		synctest.Wait()
	}
	c.checkPops(s, say)
	if err := s.Close(); err != nil {
		say("close: %v", err)
	}
	report, err := inspect.Verify(o.FS, "store", func(p inspect.Problem) { say("verify: %v", p) })
	if err != nil || report.Records == 0 {
		say("verify: %d records, %v", report.Records, err)
	}
	return wrong
}

func (c *crashed) queues() []message.Queue {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.sent))
}

// promised is the promise now, after what its check has added.
func (c *crashed) promised() promise {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.promise
	p.sent, p.held, p.early = maps.Clone(p.sent), maps.Clone(p.held), maps.Clone(p.early)
	p.deals, p.ownDeals = p.deals.promised(1<<62), maps.Clone(p.ownDeals)
	return p
}

func (c *crashed) checkQueue(s *Store, q message.Queue, least message.QueueOffset, flush commitlog.FlushMode, say func(string, ...any)) {
	first, next := int(s.MinOffset(q)), int(s.MaxOffset(q))
	c.mu.Lock()
	sent := c.sent[q]
	c.mu.Unlock()
	if next < c.held[q] {
		say("lost: %v ends at %d, %d messages were acknowledged", q, next, c.held[q])
	}
	if next < c.early[q] {
		say("early: %v ends at %d, %d messages had been visible", q, next, c.early[q])
	}
	if next > len(sent) {
		say("phantom: %v ends at %d, %d messages were sent", q, next, len(sent))
		return
	}
	if first > int(least) {
		say("lost: %v begins at %d, retention has come to %d", q, first, least)
	}
	got := strings.Fields(readAll(s, q, message.QueueOffset(first), say))
	if len(got) != next-first {
		say("lost: %v goes from %d to %d and holds %d messages", q, first, next, len(got))
	}
	for i, text := range got {
		switch at := slices.Index(sent, text); {
		case at == first+i:
		case at < 0:
			say("phantom: %v holds %.20q at %d", q, text, first+i)
		case slices.Index(got, text) < i:
			say("duplicated: %v holds message %d at %d once more", q, at, first+i)
		default:
			say("reordered: %v holds message %d at %d", q, at, first+i)
		}
	}
	if topicKnown := slices.Contains(c.topics, q.Topic); topicKnown {
		c.mu.Lock()
		c.sent[q] = append(slices.Clone(sent[:next]), "after")
		c.mu.Unlock()
		w := newWaiter()
		err := s.Put(record(q.Topic, int(q.ID), "after"), w, 0)
		s.Kick()
		if err == nil {
			<-w.done
			err = w.err
		}
		c.mu.Lock()
		if flush == commitlog.SyncFlush {
			c.held[q], c.early[q] = next+1, next+1
		}
		c.mu.Unlock()
		if err != nil || int(w.rec.QueueOffset) != next {
			say("%v goes on at %d, %v; want %d", q, w.rec.QueueOffset, err, next)
		}
	}
}

// checkDelayed looks for each delayed message exactly once, now that all of them are due.
func (c *crashed) checkDelayed(s *Store, say func(string, ...any)) {
	count := make(map[string]int)
	first := s.MinOffset(delayedTo)
	for i := range int(first) {
		count[c.retired[i]]++
	}
	readEach(s, delayedTo, first, say, func(r *message.Record) {
		text := string(r.Body)
		count[text]++
		if _, known := c.delayed[text]; !known {
			say("phantom: %.20q was delivered", text)
		}
		if due := c.due[text]; int64(r.StoreTime) < due {
			say("a timer message was delivered %d ms early: %.20q", due-int64(r.StoreTime), text)
		}
	})
	for text, gone := range c.gone {
		if gone && count[text] > 0 {
			say("a timer message was taken back and delivered: %.20q", text)
		}
	}
	for text, must := range c.delayed {
		if n := count[text]; n > 1 || must && n == 0 {
			say("a delayed message was delivered %d times: %.20q", n, text)
		}
	}
}

// readAll returns the bodies of a queue from an offset on, joined by spaces.
func readAll(s *Store, q message.Queue, from message.QueueOffset, say func(string, ...any)) string {
	var out []string
	readEach(s, q, from, say, func(r *message.Record) { out = append(out, string(r.Body)) })
	return strings.Join(out, " ")
}

// readEach visits the records of a queue from an offset on.
func readEach(s *Store, q message.Queue, from message.QueueOffset, say func(string, ...any), visit func(*message.Record)) {
	for {
		b, res := s.Get(nil, q, from, 32, 1<<20, nil)
		if res.Status != Found {
			if res.Err != nil {
				say("get %v from %d: %v", q, from, res.Err)
			}
			return
		}
		for len(b) > 0 {
			r, err := message.ParseChecked(b)
			if err != nil || r.QueueOffset < from {
				say("get %v from %d: offset %d, %v", q, from, r.QueueOffset, err)
				return
			}
			visit(&r)
			b = b[r.Size:]
		}
		from = res.Next
	}
}
