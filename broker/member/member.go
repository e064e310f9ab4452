package member

import (
	"cmp"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Subscription is what a consumer group wants of one topic.
type Subscription struct {
	Topic      string
	Expression string
	Kind       string // expressionType, "" means TAG
	Version    int64  // subVersion: ms at which the client made it
	Tags       []string
	Codes      []int32
	Filter     *filter.Filter // nil when the expression is refused
	Err        error          // why it is
}

// Client is one member of a group as its heartbeat describes it. Conn tells connections apart; the table never looks inside.
type Client[C comparable] struct {
	Conn     C
	ID       string
	Language string
	Version  int32
	seen     int64 // ms
}

// Group is what the members of a group have announced: the model and the subscriptions of the last heartbeat count
// for all, since the members of a group must agree.
type Group[C comparable] struct {
	Name        string
	Type        string // CONSUME_PASSIVELY, CONSUME_ACTIVELY, CONSUME_POP
	Model       string // CLUSTERING, BROADCASTING
	From        string // CONSUME_FROM_LAST_OFFSET, ...
	Fingerprint int32
	notify      bool // members want to hear of changes
	members     map[C]*Client[C]
	subs        map[string]*Subscription
	views       map[C]view
	votes       votes
}

// Announcement is one group's part of a heartbeat.
type Announcement struct {
	Group       string
	Type        string
	Model       string
	From        string
	Subs        []*Subscription
	KeepSubs    bool  // withoutSub: the heartbeat leaves the subscriptions as they are
	Fingerprint int32 // of the whole heartbeat, 0 for clients without
	Notify      bool  // the group's notifyConsumerIdsChangedEnable
}

// Table knows who is connected: which connections belong to which producer and consumer group, and what each consumer
// group subscribes to. It is a machine: no clock, no lock, no socket; time comes in as ms, and whoever must be told that a
// group changed (request 40) comes out as a list of connections. The broker guards it with one mutex.
type Table[C comparable] struct {
	expiry    int64 // ms without a heartbeat after which a member is gone
	consumers map[string]*Group[C]
	producers map[string]map[C]*Client[C]
	byConn    map[C]*memberships
	turns     []Turn
	// disagreeing are the groups whose members do not subscribe alike.
	disagreeing map[string]struct{}
	replies     map[string]C // by client id: where a producer takes replies, its newest connection
}

// memberships are the groups of one connection.
type memberships struct{ consumers, producers map[string]struct{} }

// Notice says which connections must hear that a group's members or subscriptions changed.
type Notice[C comparable] struct {
	Group string
	Conns []C
}

// New returns an empty table; members expire after so many ms without a heartbeat.
func New[C comparable](expiryMs int64) *Table[C] {
	return &Table[C]{
		expiry:    expiryMs,
		consumers: map[string]*Group[C]{},
		producers: map[string]map[C]*Client[C]{},
		byConn:    map[C]*memberships{},
		replies:   map[string]C{},

		disagreeing: map[string]struct{}{},
	}
}

func (t *Table[C]) of(s C) *memberships {
	m := t.byConn[s]
	if m == nil {
		m = &memberships{consumers: map[string]struct{}{}, producers: map[string]struct{}{}}
		t.byConn[s] = m
	}
	return m
}

// Consumer takes one group of a heartbeat. subChanged says that the fingerprint differs from the one known for the group,
// so that the client must send its subscriptions again; the notice is empty when nobody need be told.
func (t *Table[C]) Consumer(now int64, c Client[C], a Announcement) (n Notice[C], changed, subChanged bool) {
	g := t.consumers[a.Group]
	if g == nil {
		g = &Group[C]{Name: a.Group, members: map[C]*Client[C]{}, subs: map[string]*Subscription{}, views: map[C]view{}, votes: newVotes()}
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
	if !a.KeepSubs && g.sees(c.Conn, viewOf(&a)) {
		t.compare(g)
	}
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
func (g *Group[C]) subscribe(subs []*Subscription) bool {
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
func (g *Group[C]) notice() Notice[C] {
	if g.Model == protocol.ModelBroadcasting || !g.notify {
		return Notice[C]{}
	}
	n := Notice[C]{Group: g.Name}
	for conn := range g.members {
		n.Conns = append(n.Conns, conn)
	}
	return n
}

// Producer takes one producer group of a heartbeat.
func (t *Table[C]) Producer(now int64, c Client[C], group string) {
	members := t.producers[group]
	if members == nil {
		members = map[C]*Client[C]{}
		t.producers[group] = members
	}
	c.seen = now
	if old := members[c.Conn]; old != nil && old.ID != c.ID && t.replies[old.ID] == c.Conn {
		delete(t.replies, old.ID) // it goes by another name now
	}
	members[c.Conn] = &c
	t.of(c.Conn).producers[group] = struct{}{}
	t.replies[c.ID] = c.Conn
}

// ProducerConn is the connection by which the producer with this client id can be reached, whatever its group; of several
// the one that announced itself last.
func (t *Table[C]) ProducerConn(clientID string) (conn C, ok bool) {
	conn, ok = t.replies[clientID]
	return conn, ok
}

// LeaveConsumer removes one connection from one consumer group.
func (t *Table[C]) LeaveConsumer(s C, group string) Notice[C] {
	g := t.consumers[group]
	if g == nil || g.members[s] == nil {
		return Notice[C]{}
	}
	delete(g.members, s)
	g.looksAway(s)
	t.compare(g)
	t.forget(s, func(m *memberships) { delete(m.consumers, group) })
	if len(g.members) == 0 {
		delete(t.consumers, group)
		return Notice[C]{}
	}
	return g.notice()
}

// LeaveProducer removes one connection from one producer group.
func (t *Table[C]) LeaveProducer(s C, group string) {
	members := t.producers[group]
	was := members[s]
	delete(members, s)
	if len(members) == 0 {
		delete(t.producers, group)
	}
	t.forget(s, func(m *memberships) { delete(m.producers, group) })
	if m := t.byConn[s]; was != nil && t.replies[was.ID] == s && (m == nil || len(m.producers) == 0) {
		delete(t.replies, was.ID)
	}
}

func (t *Table[C]) forget(s C, drop func(*memberships)) {
	m := t.byConn[s]
	if m == nil {
		return
	}
	drop(m)
	if len(m.consumers)+len(m.producers) == 0 {
		delete(t.byConn, s)
	}
}

// Closed removes a connection from all its groups.
func (t *Table[C]) Closed(s C) []Notice[C] {
	m := t.byConn[s]
	if m == nil {
		return nil
	}
	var out []Notice[C]
	for _, group := range slices.Sorted(maps.Keys(m.consumers)) {
		if n := t.LeaveConsumer(s, group); len(n.Conns) > 0 {
			out = append(out, n)
		}
	}
	for group := range m.producers {
		t.LeaveProducer(s, group)
	}
	return out
}

// Expire removes the members that have been silent for longer than the expiry. Their connections come back so that the
// broker closes those that nobody else uses.
func (t *Table[C]) Expire(now int64) (out []Notice[C], silent []C) {
	gone := map[C]struct{}{}
	for _, group := range slices.Sorted(maps.Keys(t.consumers)) {
		g := t.consumers[group]
		var last Notice[C]
		for conn, c := range g.members {
			if now-c.seen > t.expiry {
				last = t.LeaveConsumer(conn, group)
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
				t.LeaveProducer(conn, group)
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
func (t *Table[C]) Group(name string) *Group[C] {
	if g := t.consumers[name]; g != nil && len(g.members) > 0 {
		return g
	}
	return nil
}

// Clients lists the members by client id.
func (g *Group[C]) Clients() []Client[C] { return sortedClients(g.members) }

// Subscriptions lists the group's subscriptions by topic.
func (g *Group[C]) Subscriptions() []*Subscription {
	return slices.SortedFunc(maps.Values(g.subs), func(a, b *Subscription) int { return cmp.Compare(a.Topic, b.Topic) })
}

// Subscription is what the group wants of a topic, nil if nothing.
func (g *Group[C]) Subscription(topic string) *Subscription { return g.subs[topic] }

// Has reports whether the connection is a member's.
func (g *Group[C]) Has(conn C) bool { return g.members[conn] != nil }

// Find returns the member with this client id.
func (g *Group[C]) Find(clientID string) *Client[C] {
	for _, c := range g.members {
		if c.ID == clientID {
			return c
		}
	}
	return nil
}

// GroupsOf lists the consumer groups that subscribe to a topic.
func (t *Table[C]) GroupsOf(topic string) []string {
	var out []string
	for name, g := range t.consumers {
		if g.subs[topic] != nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Producers lists the members of a producer group by client id, nil if there is no such group.
func (t *Table[C]) Producers(group string) []Client[C] {
	return sortedClients(t.producers[group])
}

// EachProducer visits the members of all producer groups, with when each was last heard of, in ms.
func (t *Table[C]) EachProducer(visit func(group string, c Client[C], seen int64)) {
	for group, members := range t.producers {
		for _, c := range sortedClients(members) {
			visit(group, c, c.seen)
		}
	}
}

func sortedClients[C comparable](members map[C]*Client[C]) []Client[C] {
	out := make([]Client[C], 0, len(members))
	for _, c := range members {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Client[C]) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Count counts the members of all groups.
func (t *Table[C]) Count() (producers, consumers int) {
	for _, members := range t.byConn {
		producers += len(members.producers)
		consumers += len(members.consumers)
	}
	return producers, consumers
}

// EachGroup visits the consumer groups that have members, in no particular order.
func (t *Table[C]) EachGroup(visit func(g *Group[C])) {
	for _, g := range t.consumers {
		visit(g)
	}
}

// EachClient visits the group's members, and EachTopic what it subscribes to, in no particular order.
func (g *Group[C]) EachClient(visit func(c *Client[C])) {
	for _, c := range g.members {
		visit(c)
	}
}

// EachTopic is described at [Group.EachClient].
func (g *Group[C]) EachTopic(visit func(topic string)) {
	for name := range g.subs {
		visit(name)
	}
}
