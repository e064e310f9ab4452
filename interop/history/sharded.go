package history

import (
	"cmp"
	"slices"
)

// shard names the messages of one topic that were sent with one sharding key, in whatever queues they stand.
type shard struct{ topic, key string }

// strand is what producers sent of a shard. Its order is what they knew: one message comes before another if it was acknowledged before the
// send of the other began.
type strand struct {
	sent  []*message // by the beginnings of their sends
	acked []*message // those that everybody has to get, by their acknowledgements
}

// reading is how far an orderly group has come in a strand.
type reading struct {
	owed   int      // the first of strand.acked that the group has not got, and that is not reported
	last   *message // the one that its handlers began last
	place  Place
	member string // of those who say it
	works  bool   // that handler has not returned
	since  Time
}

// before says whether a message was acknowledged before the send of another began.
func (m *message) before(other *message) bool { return m.acked && m.answered < other.begun }

// ordered says whether the message has a place in the order of its sharding key. What is for a time, or in a transaction, comes when it is due.
func (m *message) ordered() bool { return m.shardingKey != "" && m.due == 0 && !m.half }

// gatherStrands learns what was sent by sharding key.
func (c *checker) gatherStrands() {
	for _, m := range c.order {
		if !m.ordered() {
			continue
		}
		at := shard{m.topic, m.shardingKey}
		if c.strands[at] == nil {
			c.strands[at] = &strand{}
		}
		s := c.strands[at]
		s.sent = append(s.sent, m)
		if m.acked && m.wanted() {
			s.acked = append(s.acked, m)
		}
	}
	for _, s := range c.strands {
		slices.SortStableFunc(s.acked, func(a, b *message) int { return cmp.Compare(a.answered, b.answered) })
	}
}

// judgeSharding finds what came to an orderly group out of the order of its sharding key, whoever of its members got it, from whatever queue:
// before one that was sent before it, beside one that a handler still works on, or, on the way forward from one that came again,
// with another left out. c.group's got does not have the delivery yet.
func (c *checker) judgeSharding(g *group, m *message, e *Event) {
	if !m.ordered() || !c.rules.Orderly[g.name] {
		return
	}
	at := shard{m.topic, m.shardingKey}
	s, r := c.strands[at], g.readings[at]
	if r == nil {
		r = &reading{}
		g.readings[at] = r
	}
	c.report.Sharded++
	if r.last != nil && r.member != e.Member {
		c.report.ShardOwners++
	}
	if r.works && (r.member != e.Member || r.place != e.Place) {
		c.find(Shared, m.key, "came to %s of %s from %v, while %s worked on %v of the same sharding key, from %v, for %d ms", e.Member, g.name, e.Place,
			r.member, r.last.key, r.place, (e.At-r.since)/1000)
	}
	if !c.judgeOwed(g, s, r, m, e) {
		c.judgeLeftOut(g, s, r, m, e)
	}
	r.last, r.place, r.member, r.works, r.since = m, e.Place, e.Member, e.Kind == Began, e.At
}

// judgeOwed reports true for a message that comes before one that was sent before it. That one is owed no more then: it is said once.
func (c *checker) judgeOwed(g *group, s *strand, r *reading, m *message, e *Event) bool {
	for r.owed < len(s.acked) {
		owed := s.acked[r.owed]
		if _, got := g.got[owed.key]; !got && owed != m {
			if !owed.before(m) {
				return false
			}
			r.owed++
			c.find(Reordered, m.key, "came to orderly %s from %v before %v of the same sharding key, which had been acknowledged %d ms before this was sent",
				g.name, e.Place, owed.key, (m.begun-owed.answered)/1000)
			return true
		}
		r.owed++
	}
	return false
}

// judgeLeftOut finds a message between the last one and this that did not come between them.
func (c *checker) judgeLeftOut(g *group, s *strand, r *reading, m *message, e *Event) {
	if r.last == nil || !r.last.before(m) {
		return
	}
	from, _ := slices.BinarySearchFunc(s.sent, r.last.answered+1, func(a *message, at Time) int { return cmp.Compare(a.begun, at) })
	for _, between := range s.sent[from:] {
		if between.begun >= m.begun {
			return
		}
		if between.before(m) && between.wanted() {
			c.find(Reordered, m.key, "came to orderly %s from %v right after %v of the same sharding key, and %v was sent between them",
				g.name, e.Place, r.last.key, between.key)
			return
		}
	}
}

// endShard learns that a member does not work on a message any more, or on any.
func (c *checker) endShard(g *group, e *Event) {
	if e.Kind == Gone {
		for _, r := range g.readings {
			r.works = r.works && r.member != e.Member
		}
		return
	}
	m := c.messages[c.log[e.Place]]
	if m == nil || g.name != e.Group {
		return
	}
	if r := g.readings[shard{m.topic, m.shardingKey}]; r != nil && r.member == e.Member && r.place == e.Place {
		r.works = false
	}
}
