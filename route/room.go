package route

import "fmt"

// room refuses a registration from elsewhere that would make the table larger than it may be: whoever reaches a NameServer's port may
// register brokers, and what they have is kept in memory as long as they stay.
func (t *Table) room(r *Registration) error {
	if n := len(r.FilterServers); n > maxFilterServers {
		return fmt.Errorf("%w: %d filter servers, the limit for one broker is %d", ErrFull, n, maxFilterServers)
	}
	more := 0
	for _, topic := range r.Topics {
		if n := len(topic.Name); n > maxText {
			return fmt.Errorf("%w: a topic's name has %d bytes, the limit is %d", ErrFull, n, maxText)
		}
		if _, known := t.topics[topic.Name][r.Broker]; !known {
			more++
		}
	}
	for topic, m := range r.Mappings {
		if n, ids := max(len(topic), len(m.Topic), len(m.Scope), len(m.BrokerName)), len(m.CurrIDMap); n > maxText || ids > maxMapped {
			return fmt.Errorf("%w: a static topic has a text of %d bytes and %d queues here, the limits are %d and %d", ErrFull, n, ids, maxText, maxMapped)
		}
		more += t.grows(topic, m)
	}
	if t.live[addrKey{r.Cluster, r.Addr}] == nil {
		more++
	}
	if n := t.foreign(); more > 0 && n+more > t.opt.MaxRows {
		return fmt.Errorf("%w: %d rows and %d more, the limit is %d", ErrFull, n, more, t.opt.MaxRows)
	}
	return nil
}

// foreign is how many rows are not topics, static or not, of this process's broker, which has limits of its own.
func (t *Table) foreign() int { return t.rows - t.ownRows }

func (t *Table) count(broker string, n int) {
	t.rows += n
	if broker == t.own {
		t.ownRows += n
	}
}

// setOwn notes the name of this process's broker, which others may have had before.
func (t *Table) setOwn(name string) {
	if t.own == name {
		return
	}
	t.own, t.ownRows = name, 0
	for _, queues := range t.topics {
		if _, known := queues[name]; known {
			t.ownRows++
		}
	}
	for _, byBroker := range t.mappings {
		if m, known := byBroker[name]; known {
			t.ownRows += m.rows()
		}
	}
}

// rows is how many rows of the table a mapping counts as.
func (m *Mapping) rows() int { return 1 + len(m.CurrIDMap)/mappedInRow }

// grows is how many rows the table would have more with a mapping in the place of the broker's one for the topic, if it has one.
func (t *Table) grows(topic string, m Mapping) int {
	if old, known := t.mappings[topic][m.BrokerName]; known {
		return m.rows() - old.rows()
	}
	return m.rows()
}

func (t *Table) dropLive(key addrKey) {
	if t.live[key] != nil {
		t.rows--
	}
	delete(t.live, key)
}
