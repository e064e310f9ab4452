package history

import (
	"cmp"
	"maps"
	"slices"
)

// judgeLights compares where a message stands in light queues with where it stands in its topic: both or neither.
func (c *checker) judgeLights(m *message) {
	for _, queue := range m.lights {
		switch n := len(m.lit[queue]); {
		case n < len(m.stored):
			c.find(Lost, m.key, "stands in light queue %s at %v, and in %s at %v", queue, m.lit[queue], m.topic, m.stored)
		case n > len(m.stored):
			c.find(Duplicated, m.key, "stands in light queue %s at %v, and in %s at %v", queue, m.lit[queue], m.topic, m.stored)
		}
	}
}

// light takes a record that was read from a light queue in which its message is to stand, and reports false for any other.
func (c *checker) light(m *message, e *Event) bool {
	if !slices.Contains(m.lights, e.Place.Topic) {
		return false
	}
	if m.lit == nil {
		m.lit = map[string][]int64{}
	}
	m.lit[e.Place.Topic] = append(m.lit[e.Place.Topic], e.Place.Offset)
	c.report.Lights++
	return true
}

// judgeLightOrder finds messages of one producer, sent one after the other, that stand in a light queue in another order. Those of several attempts may
// stand anywhere, and so may strays.
func (c *checker) judgeLightOrder() {
	type standing struct {
		m      *message
		offset int64
	}
	queues := map[string][]standing{}
	for _, m := range c.order {
		for queue, offsets := range m.lit {
			if m.attempts == 1 && len(offsets) == 1 && (m.acked || !c.rules.Strays) {
				queues[queue] = append(queues[queue], standing{m, offsets[0]})
			}
		}
	}
	for _, queue := range slices.Sorted(maps.Keys(queues)) {
		all := queues[queue]
		slices.SortFunc(all, func(a, b standing) int { return cmp.Compare(a.offset, b.offset) })
		last := map[string]int{}
		for _, s := range all {
			before, some := last[s.m.key.Producer]
			if some && s.m.key.Sequence < before {
				c.find(Reordered, s.m.key, "stands in light queue %s at %d, behind number %d of its producer", queue, s.offset, before)
			}
			last[s.m.key.Producer] = max(before, s.m.key.Sequence)
		}
	}
}

// judgeKind finds what a topic took though it takes no messages of that kind, and what it turned away though it does.
func (c *checker) judgeKind(m *message) {
	switch {
	case m.misfit:
		c.report.Misfits++
		if m.acked || len(m.stored) > 0 {
			c.find(Unfit, m.key, "is of a kind that %s does not take, was acknowledged %v, and stands at %v", m.topic, m.acked, m.stored)
		}
	case m.turned:
		c.find(Unfit, m.key, "was turned away for its kind, which %s takes", m.topic)
	}
}

// judgeQuotas finds spans in which more was stored than a topic may have. A quota that nobody used is kept for a quarter of a second, and for as long again
// after each kill, since a broker begins anew. What a busy disk holds up is stored at once then: that is forgiven for a second.
func (c *checker) judgeQuotas(events []Event) {
	for topic, quota := range c.rules.Quotas {
		stored := c.times[topic]
		slices.SortFunc(stored, func(a, b storing) int { return cmp.Compare(a.at, b.at) })
		var kills []Time
		for i := range events {
			if events[i].Kind == Killed {
				kills = append(kills, events[i].At)
			}
		}
		rate := float64(quota)
		allowed := rate*1.25 + 1
		least := 0.0
		for i, s := range stored {
			began, _ := slices.BinarySearch(kills, s.at)
			level := float64(i) - rate*float64(s.at-stored[0].at)/1e6 - rate/4*float64(began)
			least = min(least, level)
			if over := level - least + 1 - allowed; over > 0 {
				c.find(Over, s.key, "was stored in %s with %.0f messages more than its quota of %d a second allows", topic, over, quota)
				least = level // a new span begins
			}
		}
	}
}

// storing is when a message was stored.
type storing struct {
	at  Time
	key Key
}
