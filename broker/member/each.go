package member

// Each visits every member of every group, in no particular order: a client once for each of its groups.
func (t *Table[C]) Each(visit func(c Client[C], group string, consumes bool)) {
	for name, g := range t.consumers {
		for _, c := range g.members {
			visit(*c, name, true)
		}
	}
	for name, members := range t.producers {
		for _, c := range members {
			visit(*c, name, false)
		}
	}
}
