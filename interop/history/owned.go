package history

// owner is the member of an orderly group that worked in a queue last.
type owner struct {
	member string
	since  Time
	works  bool // its handler has not returned
}

// began learns that a member of an orderly group works in a queue.
func (c *checker) began(g *group, e *Event) {
	at := line{e.Place.Topic, e.Place.Queue}
	o := g.owners[at]
	switch {
	case o == nil:
	case o.member != e.Member && o.works:
		c.find(Shared, e.Key, "came to %s of %s from %v, while %s worked in that queue for %d ms", e.Member, g.name, e.Place,
			o.member, (e.At-o.since)/1000)
	case o.member != e.Member:
		c.report.Owners++
	}
	g.owners[at] = &owner{member: e.Member, since: e.At, works: true}
	q := g.queue(e.Place)
	if e.Place.Offset > q.last+1 && q.last >= 0 {
		c.find(Reordered, e.Key, "came to orderly %s from %v right after offset %d", g.name, e.Place, q.last)
	}
	q.last = e.Place.Offset
}

// ended learns that a member does not work any more, in one queue or in any.
func (c *checker) ended(e *Event) {
	for _, g := range c.groups {
		c.endShard(g, e)
		for at, o := range g.owners {
			if o.member == e.Member && (e.Kind == Gone || (g.name == e.Group && at == line{e.Place.Topic, e.Place.Queue})) {
				o.works = false
			}
		}
	}
}
