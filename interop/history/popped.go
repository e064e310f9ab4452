package history

// lease is a popped message that a group has, by the group's last pop of it.
type lease struct {
	until Time
	acked bool // told within the time
}

// popped learns that a group has a message for a while.
func (c *checker) popped(e *Event) {
	c.report.Delivered++
	c.report.Popped++
	m := c.known(e, "was popped by "+e.Group+" from")
	if m == nil {
		return
	}
	g := c.group(e.Group)
	c.judgeShown(m, e)
	if e.Retry == 0 {
		c.judgePlace(e, m)
	}
	switch l := g.leases[e.Key]; {
	case l == nil:
	case l.acked:
		c.find(Duplicated, e.Key, "was popped by %s from %v, though it had been acknowledged in time", e.Group, e.Place)
	case e.From < l.until:
		c.find(Early, e.Key, "was popped by %s from %v %d ms before its invisible time was over", e.Group, e.Place, (l.until-e.From)/1000)
	default:
		c.report.PoppedAgain++
	}
	g.leases[e.Key] = &lease{until: e.Until}
	g.got[e.Key] = e.At
}

// settle learns what the broker said to a popped message's holder. What it says after the time counts for nothing: the message
// may be on its way to somebody else.
func (c *checker) settle(e *Event) {
	l := c.group(e.Group).leases[e.Key]
	switch {
	case l == nil || e.At >= l.until:
	case e.Kind == PopAcked:
		l.acked = true
	default:
		l.until = e.Until
	}
}
