// Package lag works out how far consumer groups are behind, for a scrape: in messages and in time, by group and topic. It asks the
// store for a group's place in all queues of a topic at once, and remembers between two scrapes when the messages were stored that
// groups stand at, so that a group that stands still costs no look into the log. A [Calculator] may be used by one goroutine at a time.
package lag

import (
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/offset"
)

// looksMost bounds the looks into index and log of one scrape. Where more queues have moved, the rest keeps the time of the message that
// it stood at before, which is older, and is looked at first the next time. A look into a large directory takes some 18 KB.
const looksMost = 256

// Store is what a calculation needs of the store and of the broker.
type Store interface {
	// Progress appends where a group stands in the topic's queues from 0 to queues-1, those that never held a message left out.
	Progress(dst []offset.Progress, group, topic string, queues int32) []offset.Progress
	// Pulled raises the Read of each place to how far the group has pulled.
	Pulled(group, topic string, places []offset.Progress)
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
	MinOffset(q message.Queue) message.QueueOffset
}

// Pair is a group and a topic that it consumes.
type Pair struct {
	Group, Topic string
	Pop          bool // its members pop
	System       bool
	// Queues is how many queues the topic has. Retry is the topic by which popped messages come back, and RetryQueues how many that has.
	Queues      int32
	Retry       string
	RetryQueues int32
}

// Result is where a group stands. Retry says that it is about the messages that come back.
type Result struct {
	*Pair
	Retry bool
	// Lag counts the messages that are not consumed, InFlight those of them that were handed out, Ready those that were not.
	Lag, InFlight, Ready int64
	// Latency and Queueing are the age of the oldest message that is not consumed, and that was not handed out.
	Latency, Queueing time.Duration
}

// Calculator remembers times from one scrape to the next.
type Calculator struct {
	store   Store
	round   uint32
	left    int // looks
	known   map[key]*times
	places  []offset.Progress
	results []Result
	first   int // the pair at which the looks ran out
}

type key struct {
	group, topic string
}

// times are what is known of the queues of one pair.
type times struct {
	round    uint32 // when it was last asked for
	consumed map[message.QueueID]stored
	read     map[message.QueueID]stored
}

// stored is when the message at an offset was stored, in ms.
type stored struct {
	at     message.QueueOffset
	millis int64
	stale  bool // of a message before the one that is asked for
}

// New returns a calculator that knows nothing yet.
func New(s Store) *Calculator { return &Calculator{store: s, known: map[key]*times{}} }

// Calculate works out where every pair stands. The results are good until the next call.
func (c *Calculator) Calculate(nowMillis int64, pairs []Pair) []Result {
	c.round++
	c.left = looksMost
	c.results = c.results[:0]
	first := c.first % max(len(pairs), 1)
	for i := range pairs {
		at := (first + i) % len(pairs)
		p := &pairs[at]
		c.results = append(c.results, c.one(nowMillis, p, p.Topic, p.Queues, false))
		if p.Pop {
			c.results = append(c.results, c.one(nowMillis, p, p.Retry, p.RetryQueues, true))
		}
		if c.left > 0 {
			c.first = at + 1
		}
	}
	for k, t := range c.known {
		if t.round != c.round {
			delete(c.known, k)
		}
	}
	return c.results
}

func (c *Calculator) one(now int64, p *Pair, topic string, queues int32, retry bool) Result {
	r := Result{Pair: p, Retry: retry}
	if topic == "" || queues == 0 {
		return r
	}
	c.places = c.store.Progress(c.places[:0], p.Group, topic, queues)
	if !p.Pop {
		c.store.Pulled(p.Group, topic, c.places)
	}
	consumed, read := int64(0), int64(0) // the oldest ones; 0 for none
	var t *times
	for i := range c.places {
		g := &c.places[i]
		if !g.Known {
			g.Committed, g.Read = g.End, g.End // as RocketMQ: who has never committed is behind in nothing
		}
		behind, flying, ready := count(p.Pop, g)
		r.Lag, r.InFlight, r.Ready = r.Lag+behind, r.InFlight+flying, r.Ready+ready
		if behind == 0 {
			continue
		}
		if t == nil {
			t = c.times(key{p.Group, topic})
		}
		q := message.Queue{Topic: topic, ID: g.Queue}
		if at := c.time(&t.consumed, q, g.Committed); at > 0 && (consumed == 0 || at < consumed) {
			consumed = at
		}
		if ready == 0 {
			continue
		}
		from := &t.read
		if g.Read == g.Committed {
			from = &t.consumed
		}
		if at := c.time(from, q, g.Read); at > 0 && (read == 0 || at < read) {
			read = at
		}
	}
	r.Latency, r.Queueing = age(now, consumed), age(now, read)
	return r
}

// count is how many messages of one queue a group has before it, of those in flight and of those not handed out.
func count(pop bool, g *offset.Progress) (behind, flying, ready int64) {
	ready = int64(max(g.End-g.Read, 0))
	if pop {
		return ready + g.InFlight, g.InFlight, ready
	}
	behind = int64(max(g.End-g.Committed, 0))
	return behind, int64(max(min(g.Read, g.End)-g.Committed, 0)), ready
}

func age(now, stored int64) time.Duration {
	if stored == 0 {
		return 0
	}
	return time.Duration(max(now-stored, 0)) * time.Millisecond
}

func (c *Calculator) times(k key) *times {
	t := c.known[k]
	if t == nil {
		t = &times{}
		c.known[k] = t
	}
	t.round = c.round
	return t
}

// time is when the message at an offset, or the first one behind it that is still there, was stored, in ms; 0 if nobody knows.
func (c *Calculator) time(known *map[message.QueueID]stored, q message.Queue, at message.QueueOffset) int64 {
	s, ok := (*known)[q.ID]
	if ok && s.at == at && !s.stale {
		return s.millis
	}
	if c.left <= 0 {
		if ok && s.at <= at {
			s.stale = true
			(*known)[q.ID] = s
			return s.millis
		}
		return 0
	}
	c.left--
	t, found := c.store.StoreTimeAt(q, at)
	if !found {
		if least := c.store.MinOffset(q); least > at {
			t, found = c.store.StoreTimeAt(q, least)
		}
	}
	s = stored{at: at}
	if found {
		s.millis = int64(t)
	}
	if *known == nil {
		*known = make(map[message.QueueID]stored, 8)
	}
	(*known)[q.ID] = s
	return s.millis
}
