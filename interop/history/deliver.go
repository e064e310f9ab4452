package history

// line is one queue as a group sees it.
type line struct {
	topic string
	queue int
}

// progress is a group's position in one queue.
type progress struct {
	safe     int64 // the highest position that was seen at a quiet time
	frontier int64 // the highest offset that was delivered
	last     int64 // the offset that a member began last, -1 before
}

// wish is a message that a handler has refused.
type wish struct {
	at         Time           // of the last refusal
	made, kept int            // refusals, and records by which the message came again
	last       map[Place]Time // the last delivery of each of those records
}

// group is what is known of one consumer group.
type group struct {
	name   string
	last   map[Place]Time // the last delivery of each record
	got    map[Key]Time   // the last delivery of each message
	wishes map[Key]*wish
	queues map[line]*progress
	leases map[Key]*lease
	owners map[line]*owner

	readings map[shard]*reading
}

func (c *checker) group(name string) *group {
	g := c.groups[name]
	if g == nil {
		g = &group{name: name, last: map[Place]Time{}, got: map[Key]Time{}, wishes: map[Key]*wish{}, queues: map[line]*progress{},
			leases: map[Key]*lease{}, owners: map[line]*owner{}, readings: map[shard]*reading{}}
		c.groups[name] = g
	}
	return g
}

func (g *group) queue(p Place) *progress {
	at := line{p.Topic, p.Queue}
	q := g.queues[at]
	if q == nil {
		q = &progress{frontier: -1, last: -1}
		g.queues[at] = q
	}
	return q
}

// deliver learns what consumers saw, in the order of time.
func (c *checker) deliver(e *Event) {
	switch e.Kind {
	case Committed:
		if q := c.group(e.Group).queue(e.Place); c.quiet.safe(e.At) {
			q.safe = max(q.safe, e.Place.Offset)
		}
	case Refused:
		w := c.group(e.Group).wish(e.Key)
		w.at = e.At
		w.made++
	case Popped:
		c.popped(e)
	case PopAcked, PopRenewed:
		c.settle(e)
	case Ended, Gone:
		c.ended(e)
	case Began, Delivered:
		c.report.Delivered++
		if m := c.known(e, "was delivered to "+e.Group+" from"); m != nil {
			g := c.group(e.Group)
			c.judgeShown(m, e)
			c.judgeSharding(g, m, e)
			if e.Kind == Began {
				c.began(g, e)
			}
			if e.Retry == 0 {
				c.judgePlace(e, m)
				c.judgeAgain(g, e)
			} else {
				c.judgeWish(g, e)
			}
			g.got[e.Key] = e.At
		}
	}
}

// judgePlace compares where a message was delivered with where the log has it.
func (c *checker) judgePlace(e *Event, m *message) {
	if c.log[e.Place] == e.Key {
		return
	}
	if len(m.stored) > 0 && m.attempts == 1 {
		c.find(Reordered, e.Key, "was delivered to %s from %v, but stands at %v", e.Group, e.Place, m.stored)
		return
	}
	c.find(Early, e.Key, "was delivered to %s from %v, and is not there any more", e.Group, e.Place)
}

// judgeAgain finds records that came again without excuse, and an orderly group's steps back.
func (c *checker) judgeAgain(g *group, e *Event) {
	before, again := g.last[e.Place]
	g.last[e.Place] = e.At
	q := g.queue(e.Place)
	switch {
	case again && e.Place.Offset < q.safe:
		c.find(Duplicated, e.Key, "came to %s from %v again, %d ms later, though the group's progress had been safe at %d",
			e.Group, e.Place, (e.At-before)/1000, q.safe)
	case again && !c.quiet.disturbed(before, e.At):
		c.find(Duplicated, e.Key, "came to %s from %v again after %d ms in which nothing happened", e.Group, e.Place, (e.At-before)/1000)
	case again:
		c.report.Redelivered++
	case c.rules.Orderly[g.name] && e.Place.Offset < q.frontier:
		c.find(Reordered, e.Key, "came to orderly %s from %v for the first time after offset %d", g.name, e.Place, q.frontier)
	}
	q.frontier = max(q.frontier, e.Place.Offset)
}

// judgeWish finds more redeliveries than a handler wished, without excuse. A kill between a wish and its answer makes a
// client wish again.
func (c *checker) judgeWish(g *group, e *Event) {
	c.report.Retried++
	w := g.wish(e.Key)
	before, again := w.last[e.Place]
	w.last[e.Place] = e.At
	if !again {
		before = w.at
		if w.kept++; w.kept <= w.made {
			return
		}
	}
	if !c.quiet.disturbed(before, e.At) {
		c.find(Duplicated, e.Key, "came again to %s, whose handlers refused it %d times, as number %d, %d ms after the last time, and nothing had happened",
			e.Group, w.made, w.kept, (e.At-before)/1000)
		return
	}
	c.report.Redelivered++
}

func (g *group) wish(key Key) *wish {
	w := g.wishes[key]
	if w == nil {
		w = &wish{last: map[Place]Time{}}
		g.wishes[key] = w
	}
	return w
}

// judgeGroups finds what never came, or not again though a handler wanted it.
func (c *checker) judgeGroups() {
	for name, topics := range c.rules.Groups {
		g := c.group(name)
		wanted := map[string]bool{}
		for _, topic := range topics {
			wanted[topic] = true
		}
		for _, m := range c.order {
			if _, got := g.got[m.key]; !got && m.acked && m.wanted() && wanted[m.topic] {
				c.find(Lost, m.key, "was acknowledged and never delivered to %s; %s/%d, acknowledged at %v", name, m.topic, m.queue, m.ackedAt)
			}
		}
	}
	for _, g := range c.groups {
		for key, w := range g.wishes {
			if w.made > 0 && g.got[key] <= w.at {
				c.find(Lost, key, "was refused by a handler of %s and never delivered again", g.name)
			}
		}
	}
}
