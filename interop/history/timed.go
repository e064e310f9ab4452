package history

// promise is what was said of a message beside its sends.
type promise struct {
	due    Time
	half   bool
	commit bool
	at     Time // of the first verdict; 0 without
	lights []string
	misfit bool
	turned bool

	shardingKey string
}

// announce gathers what was said of messages, whenever it was said.
func (c *checker) announce(events []Event) {
	c.words = map[Key]*promise{}
	of := func(key Key) *promise {
		if c.words[key] == nil {
			c.words[key] = &promise{}
		}
		return c.words[key]
	}
	for i := range events {
		switch e := &events[i]; e.Kind {
		case Timed:
			of(e.Key).due = e.Until
		case Half:
			of(e.Key).half = true
		case Light:
			of(e.Key).lights = append(of(e.Key).lights, e.Place.Topic)
		case Misfit:
			of(e.Key).misfit = true
		case TurnedAway:
			of(e.Key).turned = true
		case Sharded:
			of(e.Key).shardingKey = e.ShardingKey
		case Decided:
			p := of(e.Key)
			if p.at == 0 || (e.Commit && !p.commit) {
				p.at, p.commit = e.At, e.Commit
			}
		}
	}
}

// announced tells a new message what was said of it.
func (c *checker) announced(m *message) {
	p := c.words[m.key]
	if p == nil {
		return
	}
	m.due, m.half, m.commit, m.decided = p.due, p.half, p.commit, p.at
	m.lights, m.misfit, m.turned, m.shardingKey = p.lights, p.misfit, p.turned, p.shardingKey
	switch {
	case m.half && m.commit:
		c.report.Committed++
	case m.half:
		c.report.RolledBack++
	}
}

// judgeTime compares when a message was stored with the time that it was sent for.
func (c *checker) judgeTime(m *message, e *Event) {
	if m.due == 0 {
		return
	}
	c.report.Timed++
	slack := Time(c.rules.Late.Microseconds())
	switch {
	case e.From == 0 || m.late:
	case e.From < m.due:
		m.late = true
		c.find(Early, m.key, "was stored at %v %d ms before its time", e.Place, (m.due-e.From)/1000)
	case e.From > c.quiet.after(m.due, slack)+slack:
		m.late = true
		c.find(Late, m.key, "was stored at %v %d ms after its time", e.Place, (e.From-m.due)/1000)
	}
}
