package broker

import (
	"cmp"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/filter"
)

// subscription is what a consumer group wants of one topic.
type subscription struct {
	Topic      string
	Expression string
	Kind       string // expressionType, "" means TAG
	Version    int64  // subVersion: ms at which the client made it
	Tags       []string
	Codes      []int32
	Filter     *filter.Filter // nil when the kind is not evaluated here
}

// client is one member of a group as its heartbeat describes it. Conn tells connections apart; the table never looks inside.
type client struct {
	Conn     *session
	ID       string
	Language string
	Version  int32
	seen     int64 // ms
}

// consumerGroup is what the members of a group have announced: the model and the subscriptions of the last heartbeat count
// for all, since the members of a group must agree.
type consumerGroup struct {
	Name        string
	Type        string // CONSUME_PASSIVELY, CONSUME_ACTIVELY, CONSUME_POP
	Model       string // CLUSTERING, BROADCASTING
	From        string // CONSUME_FROM_LAST_OFFSET, ...
	Fingerprint int32
	notify      bool // members want to hear of changes
	members     map[*session]*client
	subs        map[string]*subscription
}

const (
	modelBroadcast   = "BROADCASTING"
	modelClustering  = "CLUSTERING"
	consumePassively = "CONSUME_PASSIVELY"
	consumeActively  = "CONSUME_ACTIVELY"
)

// announcement is one group's part of a heartbeat.
type announcement struct {
	Group       string
	Type        string
	Model       string
	From        string
	Subs        []*subscription
	KeepSubs    bool  // withoutSub: the heartbeat leaves the subscriptions as they are
	Fingerprint int32 // of the whole heartbeat, 0 for clients without
	Notify      bool  // the group's notifyConsumerIdsChangedEnable
}

// clientTable knows who is connected: which connections belong to which producer and consumer group, and what each consumer
// group subscribes to. It is a machine: no clock, no lock, no socket; time comes in as ms, and whoever must be told that a
// group changed (request 40) comes out as a list of connections. The broker guards it with one mutex.
type clientTable struct {
	expiry    int64 // ms without a heartbeat after which a member is gone
	consumers map[string]*consumerGroup
	producers map[string]map[*session]*client
	byConn    map[*session]*memberships
}

// memberships are the groups of one connection.
type memberships struct{ consumers, producers map[string]struct{} }

// notice says which connections must hear that a group's members or subscriptions changed.
type notice struct {
	Group string
	Conns []*session
}

func newClientTable(expiryMs int64) *clientTable {
	return &clientTable{
		expiry:    expiryMs,
		consumers: map[string]*consumerGroup{},
		producers: map[string]map[*session]*client{},
		byConn:    map[*session]*memberships{},
	}
}

func (t *clientTable) of(s *session) *memberships {
	m := t.byConn[s]
	if m == nil {
		m = &memberships{consumers: map[string]struct{}{}, producers: map[string]struct{}{}}
		t.byConn[s] = m
	}
	return m
}

// consumer takes one group of a heartbeat. subChanged says that the fingerprint differs from the one known for the group,
// so that the client must send its subscriptions again; the notice is empty when nobody need be told.
func (t *clientTable) consumer(now int64, c client, a announcement) (n notice, changed, subChanged bool) {
	g := t.consumers[a.Group]
	if g == nil {
		g = &consumerGroup{Name: a.Group, members: map[*session]*client{}, subs: map[string]*subscription{}}
		t.consumers[a.Group] = g
		// Apache compares with the fingerprints it has met; a group that nobody knows has no subscriptions to keep.
		subChanged = a.KeepSubs
	} else if g.Fingerprint != a.Fingerprint {
		subChanged = true
	}
	g.Type, g.Model, g.From, g.Fingerprint, g.notify = a.Type, a.Model, a.From, a.Fingerprint, a.Notify
	c.seen = now
	if old := g.members[c.Conn]; old == nil {
		changed = true
		t.of(c.Conn).consumers[a.Group] = struct{}{}
	}
	g.members[c.Conn] = &c
	if !a.KeepSubs && g.subscribe(a.Subs) {
		changed = true
	}
	if changed {
		n = g.notice()
	}
	return n, changed, subChanged
}

// subscribe replaces the group's subscriptions and reports whether topics came or went; a newer version of a known one
// counts, but moves no queues.
func (g *consumerGroup) subscribe(subs []*subscription) bool {
	changed := false
	wanted := make(map[string]struct{}, len(subs))
	for _, s := range subs {
		wanted[s.Topic] = struct{}{}
		old := g.subs[s.Topic]
		if old == nil {
			changed = true
		}
		if old == nil || s.Version > old.Version {
			g.subs[s.Topic] = s
		}
	}
	for topic := range g.subs {
		if _, ok := wanted[topic]; !ok {
			delete(g.subs, topic)
			changed = true
		}
	}
	return changed
}

// notice lists every member, the one that changed included, as Apache tells them all; broadcast groups share no queues and
// hear nothing, nor do groups that do not want to.
func (g *consumerGroup) notice() notice {
	if g.Model == modelBroadcast || !g.notify {
		return notice{}
	}
	n := notice{Group: g.Name}
	for conn := range g.members {
		n.Conns = append(n.Conns, conn)
	}
	return n
}

// producer takes one producer group of a heartbeat.
func (t *clientTable) producer(now int64, c client, group string) {
	members := t.producers[group]
	if members == nil {
		members = map[*session]*client{}
		t.producers[group] = members
	}
	c.seen = now
	members[c.Conn] = &c
	t.of(c.Conn).producers[group] = struct{}{}
}

// leaveConsumer removes one connection from one consumer group.
func (t *clientTable) leaveConsumer(s *session, group string) notice {
	g := t.consumers[group]
	if g == nil || g.members[s] == nil {
		return notice{}
	}
	delete(g.members, s)
	t.forget(s, func(m *memberships) { delete(m.consumers, group) })
	if len(g.members) == 0 {
		delete(t.consumers, group)
		return notice{}
	}
	return g.notice()
}

// leaveProducer removes one connection from one producer group.
func (t *clientTable) leaveProducer(s *session, group string) {
	members := t.producers[group]
	delete(members, s)
	if len(members) == 0 {
		delete(t.producers, group)
	}
	t.forget(s, func(m *memberships) { delete(m.producers, group) })
}

func (t *clientTable) forget(s *session, drop func(*memberships)) {
	m := t.byConn[s]
	if m == nil {
		return
	}
	drop(m)
	if len(m.consumers)+len(m.producers) == 0 {
		delete(t.byConn, s)
	}
}

// closed removes a connection from all its groups.
func (t *clientTable) closed(s *session) []notice {
	m := t.byConn[s]
	if m == nil {
		return nil
	}
	var out []notice
	for _, group := range slices.Sorted(maps.Keys(m.consumers)) {
		if n := t.leaveConsumer(s, group); len(n.Conns) > 0 {
			out = append(out, n)
		}
	}
	for group := range m.producers {
		t.leaveProducer(s, group)
	}
	return out
}

// expire removes the members that have been silent for longer than the expiry. Their connections come back so that the
// broker closes those that nobody else uses.
func (t *clientTable) expire(now int64) (out []notice, silent []*session) {
	gone := map[*session]struct{}{}
	for _, group := range slices.Sorted(maps.Keys(t.consumers)) {
		g := t.consumers[group]
		var last notice
		for conn, c := range g.members {
			if now-c.seen > t.expiry {
				last = t.leaveConsumer(conn, group)
				gone[conn] = struct{}{}
			}
		}
		if len(last.Conns) > 0 {
			out = append(out, g.notice())
		}
	}
	for group, members := range t.producers {
		for conn, c := range members {
			if now-c.seen > t.expiry {
				t.leaveProducer(conn, group)
				gone[conn] = struct{}{}
			}
		}
	}
	for conn := range gone {
		if t.byConn[conn] == nil {
			silent = append(silent, conn)
		}
	}
	return out, silent
}

// group returns a consumer group that has members, nil if it has none.
func (t *clientTable) group(name string) *consumerGroup {
	if g := t.consumers[name]; g != nil && len(g.members) > 0 {
		return g
	}
	return nil
}

// clients lists the members by client id.
func (g *consumerGroup) clients() []client { return sortedClients(g.members) }

// subscriptions lists the group's subscriptions by topic.
func (g *consumerGroup) subscriptions() []*subscription {
	return slices.SortedFunc(maps.Values(g.subs), func(a, b *subscription) int { return cmp.Compare(a.Topic, b.Topic) })
}

// find returns the member with this client id.
func (g *consumerGroup) find(clientID string) *client {
	for _, c := range g.members {
		if c.ID == clientID {
			return c
		}
	}
	return nil
}

// groupsOf lists the consumer groups that subscribe to a topic.
func (t *clientTable) groupsOf(topic string) []string {
	var out []string
	for name, g := range t.consumers {
		if g.subs[topic] != nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// producerClients lists the members of a producer group by client id, nil if there is no such group.
func (t *clientTable) producerClients(group string) []client {
	return sortedClients(t.producers[group])
}

func sortedClients(members map[*session]*client) []client {
	out := make([]client, 0, len(members))
	for _, c := range members {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b client) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
