package history

// wanted says whether the message is one that everybody has to get: any but that of a transaction without a commit, or one that was not to be taken.
func (m *message) wanted() bool { return (!m.half || m.commit) && !m.misfit }

// judgeVerdict finds what can be seen of a transaction before its producer said commit, or without that. The broker's times are in
// milliseconds.
func (c *checker) judgeVerdict(m *message, e *Event, at Time, how string) {
	switch {
	case !m.half || at == 0:
	case !m.commit && m.decided != 0:
		c.find(Phantom, m.key, "%s at %v, though its transaction was rolled back", how, e.Place)
	case !m.commit:
		c.find(Phantom, m.key, "%s at %v, though its transaction never ended", how, e.Place)
	case at+1000 <= m.decided:
		c.find(Phantom, m.key, "%s at %v %d ms before its transaction was committed", how, e.Place, (m.decided-at)/1000)
	}
}

// judgeShown finds what a consumer saw before it was to be seen.
func (c *checker) judgeShown(m *message, e *Event) {
	c.judgeVerdict(m, e, e.At, "was delivered to "+e.Group)
	if m.due > e.At && !m.late {
		m.late = true
		c.find(Early, m.key, "was delivered to %s from %v %d ms before its time", e.Group, e.Place, (m.due-e.At)/1000)
	}
}
