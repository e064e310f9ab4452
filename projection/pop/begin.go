package pop

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// Request is what a pop asks of one queue.
type Request struct {
	Ordered bool
	// Attempt is the client's name for an ordered pop: the same attempt may ask again while its batch blocks the queue.
	Attempt string
	// Max is how many messages are wanted, MaxMessages at most.
	Max int
	// Start is where a queue begins that the group has not popped.
	Start message.QueueOffset
	// PerQueue, PerGroup and Total bound how many messages may be in flight, in the queue, of the group and in the table; 0 is no bound.
	// Ordered pops are bounded by their blocking first.
	PerQueue, PerGroup, Total int
	// Look says that nothing will be handed out: the lease is nobody's and need not be ended.
	Look      bool
	NowMillis int64
}

// Lease is the right to hand out messages of one queue: nobody else has one for it meanwhile. It ends when the change that
// was made of it is applied, or with Abandon.
type Lease struct {
	Key Key
	// Again is what an ordered queue hands out first, in the order of the offsets.
	Again []Redelivery
	// From is where messages are to be read that come for the first time.
	From message.QueueOffset
	// Skip holds offsets from From on that are acknowledged already, sorted: they must not be handed out.
	Skip []message.QueueOffset
	// Room is how many messages may come for the first time.
	Room int

	mark    uint64
	ordered bool
	attempt string
}

// Redelivery is a message that comes again.
type Redelivery struct {
	Offset message.QueueOffset
	// Count is how often it will have been handed out before: what orderCountInfo says.
	Count int32
	// Handle is for AppendExpire, if the message cannot be read any more: it must not be left out otherwise.
	Handle message.LogOffset
}

// Taken is what came of a lease: the messages that are handed out, and where the next pop goes on. Messages between From
// and Next that are not in Fresh have not passed the filter and count as acknowledged.
type Taken struct {
	Lease Lease
	Again []message.QueueOffset
	Fresh []message.QueueOffset
	Next  message.QueueOffset
}

// Reason says why a queue hands out nothing.
type Reason byte

// The reasons.
const (
	Busy    Reason = iota // another pop is under way
	Blocked               // an ordered batch is in flight
	Full                  // too much is in flight
)

// Refusal is the error of Begin.
type Refusal struct {
	Reason Reason
	// Until is when a blocked queue is free if nothing is acknowledged or made visible before, in milliseconds; 0 when
	// that waits for re-puts under way. It may be too early if more is in flight than one ordered batch has.
	Until int64
	// Count and Limit say what is too much.
	Count, Limit int
}

// Error names the rule and the numbers.
func (r *Refusal) Error() string {
	switch r.Reason {
	case Busy:
		return "another pop of the queue is under way"
	case Blocked:
		return fmt.Sprintf("the queue is consumed in order and %d messages are in flight, at the latest until %d", r.Count, r.Until)
	}
	return fmt.Sprintf("%d messages are in flight, the limit is %d", r.Count, r.Limit)
}

// Begin asks for a lease; the error is a *Refusal. The change of [AppendPop] that follows, or Abandon, must name all that
// was leased.
func (t *Table) Begin(k Key, r Request) (Lease, error) {
	r.Max = max(0, min(r.Max, MaxMessages))
	l := Lease{Key: k, From: r.Start, Room: r.Max, ordered: r.Ordered}
	if r.Ordered && len(r.Attempt) <= MaxAttempt {
		l.attempt = r.Attempt
	}
	if q := t.lookup(k); q != nil {
		if q.mark != 0 {
			return Lease{}, &Refusal{Reason: Busy}
		}
		if q.born {
			l.From, l.Skip = q.frontier, slices.Clone(q.ahead)
		}
		if r.Ordered {
			if refused := t.order(q, &l, r); refused != nil {
				return Lease{}, refused
			}
		}
		if !r.Ordered {
			if refused := l.bound(q.inFlight, r.PerQueue); refused != nil {
				return Lease{}, refused
			}
		}
	}
	for _, b := range [...][2]int{{t.groups[k.Group], r.PerGroup}, {t.inFlight, r.Total}} {
		if len(l.Again) > 0 {
			break
		}
		if refused := l.bound(b[0], b[1]); refused != nil {
			return Lease{}, refused
		}
	}
	if r.Look {
		return l, nil
	}
	t.mark++
	l.mark = t.mark
	t.open(k).mark = l.mark
	return l, nil
}

// bound cuts the lease's room to what a limit leaves, 0 for none, or refuses.
func (l *Lease) bound(inFlight, limit int) *Refusal {
	room := limit - inFlight
	if limit <= 0 || room >= l.Room {
		return nil
	}
	if room <= 0 {
		return &Refusal{Reason: Full, Count: inFlight, Limit: limit}
	}
	l.Room = room
	return nil
}

// order fills in what an ordered pop hands out again, or refuses while the last batch blocks the queue. Neither walks over more than it
// must: after a change from popping without order there may be very much in flight.
func (t *Table) order(q *queue, l *Lease, r Request) *Refusal {
	if q.claimed > 0 {
		return &Refusal{Reason: Blocked, Count: q.inFlight}
	}
	same := q.ordered && l.attempt != "" && q.attempt == l.attempt
	if until := t.blockedUntil(q, r.NowMillis); until > 0 && !same {
		return &Refusal{Reason: Blocked, Count: q.inFlight, Until: until}
	}
	last := message.QueueOffset(-1)
	q.slots.ascend(func(id int32) bool {
		s := t.slot(id)
		if len(l.Again) >= r.Max && s.first > last {
			return false
		}
		count := s.count
		if !same {
			count = s.next()
		}
		for b := s.bits; b != 0; b &= b - 1 {
			i := bits.TrailingZeros32(b)
			off := s.first + message.QueueOffset(i)
			l.Again = append(l.Again, Redelivery{off, int32(count), s.created + message.LogOffset(i)})
			last = max(last, off)
		}
		return true
	})
	slices.SortFunc(l.Again, func(a, b Redelivery) int { return int(a.Offset - b.Offset) })
	if l.Room -= len(l.Again); l.Room < 0 {
		l.Again = l.Again[:r.Max]
		l.Room = 0
	}
	return nil
}

// lookFor is how many slots are looked at for when a blocked queue is free: more than one ordered batch has.
const lookFor = 2 * MaxMessages

// blockedUntil is when the last of what is in flight is due, in milliseconds, 0 if all of it is. With more slots than lookFor it may be
// earlier: whoever looks again then learns the rest.
func (t *Table) blockedUntil(q *queue, now int64) (until int64) {
	if q.latest <= now || q.inFlight == 0 {
		return 0
	}
	n, latest := 0, int64(math.MinInt64)
	q.slots.ascend(func(id int32) bool {
		due := t.slot(id).due
		latest = max(latest, due)
		if due > now {
			until = max(until, due)
		}
		n++
		return until == 0 || n < lookFor
	})
	if until == 0 {
		q.latest = latest // what was due later has been acknowledged
	}
	return until
}

// Abandon gives a lease back of which nothing came, or whose change the log has refused.
func (t *Table) Abandon(l Lease) {
	q := t.lookup(l.Key)
	if q == nil || l.mark == 0 || q.mark != l.mark {
		return
	}
	if q.mark = 0; !q.born {
		t.drop(q)
	}
}

// Blocked reports whether an ordered pop of a new attempt would be refused now, and until when at the latest.
func (t *Table) Blocked(k Key, nowMillis int64) (until int64, blocked bool) {
	q := t.lookup(k)
	if q == nil {
		return 0, false
	}
	var l Lease
	if refused := t.order(q, &l, Request{NowMillis: nowMillis, Max: MaxMessages}); refused != nil {
		return refused.Until, true
	}
	return 0, false
}
