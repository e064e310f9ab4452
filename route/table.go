package route

import (
	"maps"
	"slices"
	"time"
)

// Table holds the brokers and their topics. The zero value is not usable; see [New].
type Table struct {
	opt      Options
	topics   map[string]map[string]Queue // by topic, by broker name
	brokers  map[string]*Broker          // by name
	clusters map[string]map[string]bool  // broker names by cluster
	live     map[addrKey]*liveBroker
	filters  map[addrKey][]string
	mappings map[string]map[string]Mapping // static topics: by topic, by broker name
	rows     int                           // in topics, live and mappings
	own      string                        // the name of this process's broker, "" before it registers
	ownRows  int                           // its rows in topics
}

// addrKey names one broker process.
type addrKey struct{ cluster, addr string }

type liveBroker struct {
	last    time.Time
	timeout time.Duration
	version Version
	conn    any
	haAddr  string
	local   bool
}

// New returns an empty table.
func New(opt Options) *Table {
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	if opt.MaxRows <= 0 {
		opt.MaxRows = maxRows
	}
	return &Table{opt: opt, topics: map[string]map[string]Queue{}, brokers: map[string]*Broker{}, clusters: map[string]map[string]bool{},
		live: map[addrKey]*liveBroker{}, filters: map[addrKey][]string{}, mappings: map[string]map[string]Mapping{}}
}

// Master tells a slave where its master is; both are empty for a master or when there is none.
type Master struct{ Addr, HAAddr string }

// Register takes a broker's table in. Topics are stored if the broker is the master, or the smallest id of a group without one;
// a topic is stored if the version has changed or the topic is not known yet, so that a wiped write permission lasts until the broker's
// next change. Registrations add up: topics that are missing stay, unless the registration is complete. A registration for an id that
// a broker of a later state version holds from another address changes nothing. One that would replace this process's broker is [ErrLocal],
// one for which there is no room [ErrFull].
func (t *Table) Register(now time.Time, r *Registration) (Master, error) {
	if !r.Local && t.hijacks(r) {
		return Master{}, ErrLocal
	}
	b := t.brokers[r.Broker]
	if b != nil && t.outdated(b, r) {
		return Master{}, nil
	}
	if (b == nil || b.Addrs[r.ID] == "") && len(r.Topics) == 1 && !r.Local {
		return Master{}, ErrNotRegistered
	}
	if r.Local {
		t.setOwn(r.Broker)
	} else if err := t.room(r); err != nil {
		return Master{}, err
	}
	t.moveAddr(r)
	if b = t.brokers[r.Broker]; b == nil {
		b = &Broker{Name: r.Broker, Cluster: r.Cluster, Addrs: map[int64]string{}}
		t.brokers[r.Broker] = b
	}
	t.joinCluster(b, r.Cluster)
	b.ActingMaster, b.Zone = r.ActingMaster && !r.Legacy, r.Zone
	// A slave that became the master keeps its address: one address stands under one id only.
	maps.DeleteFunc(b.Addrs, func(id int64, addr string) bool { return addr == r.Addr && id != r.ID })
	first := b.Addrs[r.ID] == ""
	b.Addrs[r.ID] = r.Addr

	prime := !r.Legacy && r.ID != MasterID && r.ID == smallest(b.Addrs)
	if (r.ID == MasterID || prime) && (r.Local || !t.local(b)) {
		t.takeTopics(r, first, prime && b.ActingMaster)
	}
	t.keepAlive(now, r)
	return t.masterOf(b, r), nil
}

// hijacks reports whether a registration from elsewhere would change the place of this process's broker: its address, its id,
// the cluster of its group. Members with other ids may join the group.
func (t *Table) hijacks(r *Registration) bool {
	for key, l := range t.live {
		if l.local && key.addr == r.Addr {
			return true
		}
	}
	b := t.brokers[r.Broker]
	if b == nil || !t.local(b) {
		return false
	}
	return b.Cluster != r.Cluster || t.isLocal(b.Cluster, b.Addrs[r.ID])
}

// local reports whether this process's broker is a member of the group.
func (t *Table) local(b *Broker) bool {
	for _, addr := range b.Addrs {
		if t.isLocal(b.Cluster, addr) {
			return true
		}
	}
	return false
}

func (t *Table) isLocal(cluster, addr string) bool {
	l := t.live[addrKey{cluster, addr}]
	return l != nil && l.local
}

// outdated reports whether the id is already held from another address by a broker of a later state.
func (t *Table) outdated(b *Broker, r *Registration) bool {
	old := b.Addrs[r.ID]
	if old == "" || old == r.Addr {
		return false
	}
	l := t.live[addrKey{r.Cluster, old}]
	return l != nil && l.version.StateVersion > r.Version.StateVersion
}

// moveAddr takes the address out of all other groups: a broker that came back under another name is one broker.
func (t *Table) moveAddr(r *Registration) {
	for name, b := range t.brokers {
		if name != r.Broker && b.holds(r.Addr) {
			t.dropLive(addrKey{b.Cluster, r.Addr})
			delete(t.filters, addrKey{b.Cluster, r.Addr})
			t.dropAddr(b, r.Addr)
		}
	}
}

// joinCluster puts a group into a cluster. A group that changes its cluster takes its members along.
func (t *Table) joinCluster(b *Broker, cluster string) {
	if b.Cluster != cluster {
		for _, addr := range b.Addrs {
			from, to := addrKey{b.Cluster, addr}, addrKey{cluster, addr}
			if l := t.live[from]; l != nil {
				t.dropLive(from)
				if t.live[to] == nil {
					t.rows++
				}
				t.live[to] = l
			}
			if f := t.filters[from]; f != nil {
				t.filters[to] = f
				delete(t.filters, from)
			}
		}
		t.leaveCluster(b)
		b.Cluster = cluster
	}
	if t.clusters[cluster] == nil {
		t.clusters[cluster] = map[string]bool{}
	}
	t.clusters[cluster][b.Name] = true
}

func (t *Table) leaveCluster(b *Broker) {
	delete(t.clusters[b.Cluster], b.Name)
	if len(t.clusters[b.Cluster]) == 0 {
		delete(t.clusters, b.Cluster)
	}
}

func (t *Table) takeTopics(r *Registration, first, wipeWrite bool) {
	if r.Complete || t.opt.DeleteTopicWithBrokerRegistration && !r.Local && len(r.Mappings) == 0 {
		t.dropMissing(r)
	}
	for _, topic := range r.Gone {
		t.dropQueue(topic, r.Broker)
	}
	changed := first || t.Changed(r.Cluster, r.Addr, r.Version)
	for _, topic := range r.Topics {
		if _, known := t.topics[topic.Name][r.Broker]; known && !changed {
			continue
		}
		if wipeWrite {
			topic.Perm &^= permWrite
		}
		t.putQueue(topic.Name, Queue{r.Broker, topic.Perm, topic.ReadQueues, topic.SysFlag, topic.WriteQueues})
		if _, static := r.Mappings[topic.Name]; r.Local && !static {
			t.dropMapping(topic.Name, r.Broker) // other brokers may tell of one topic after another, and of what is static at the end
		}
	}
	if !changed {
		return
	}
	for topic, m := range r.Mappings {
		if m.BrokerName != r.Broker {
			continue // it would stay when the broker goes
		}
		if t.mappings[topic] == nil {
			t.mappings[topic] = map[string]Mapping{}
		}
		t.count(m.BrokerName, t.grows(topic, m))
		t.mappings[topic][m.BrokerName] = m
	}
}

// dropMapping forgets that a topic is static on a broker. RocketMQ's NameServer does so when it is started anew, and a topic that is made again
// meanwhile has the queues of the static one for clients.
func (t *Table) dropMapping(topic, broker string) {
	byBroker := t.mappings[topic]
	if m, known := byBroker[broker]; known {
		t.count(broker, -m.rows())
	}
	delete(byBroker, broker)
	if len(byBroker) == 0 {
		delete(t.mappings, topic)
	}
}

func (t *Table) dropMissing(r *Registration) {
	keep := make(map[string]bool, len(r.Topics))
	for _, topic := range r.Topics {
		keep[topic.Name] = true
	}
	for name := range t.topics {
		if !keep[name] {
			t.dropQueue(name, r.Broker)
		}
	}
}

func (t *Table) putQueue(topic string, q Queue) {
	if t.topics[topic] == nil {
		t.topics[topic] = map[string]Queue{}
	}
	if _, known := t.topics[topic][q.Broker]; !known {
		t.count(q.Broker, 1)
	}
	t.topics[topic][q.Broker] = q
}

func (t *Table) dropQueue(topic, broker string) {
	t.dropMapping(topic, broker)
	queues := t.topics[topic]
	if _, known := queues[broker]; known {
		t.count(broker, -1)
	}
	delete(queues, broker)
	if len(queues) == 0 {
		delete(t.topics, topic)
	}
}

func (t *Table) keepAlive(now time.Time, r *Registration) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = t.opt.Timeout
	}
	key := addrKey{r.Cluster, r.Addr}
	if t.live[key] == nil {
		t.rows++
	}
	t.live[key] = &liveBroker{last: now, timeout: timeout, version: r.Version, conn: r.Conn, haAddr: r.HAAddr, local: r.Local}
	if len(r.FilterServers) == 0 {
		delete(t.filters, key)
	} else {
		t.filters[key] = slices.Clone(r.FilterServers)
	}
}

func (t *Table) masterOf(b *Broker, r *Registration) Master {
	addr := b.Addrs[MasterID]
	if r.ID == MasterID || addr == "" {
		return Master{}
	}
	l := t.live[addrKey{r.Cluster, addr}]
	if l == nil {
		return Master{}
	}
	return Master{Addr: addr, HAAddr: l.haAddr}
}

// Changed reports whether a broker's version differs from the one that it registered last, or was never registered.
func (t *Table) Changed(cluster, addr string, v Version) bool {
	old, ok := t.Version(cluster, addr)
	return !ok || old != v
}

// Version is the version that a broker registered last.
func (t *Table) Version(cluster, addr string) (Version, bool) {
	l := t.live[addrKey{cluster, addr}]
	if l == nil {
		return Version{}, false
	}
	return l.version, true
}

// Touch is a sign of life without a table. A broker that is not registered stays so.
func (t *Table) Touch(now time.Time, cluster, addr string) {
	if l := t.live[addrKey{cluster, addr}]; l != nil {
		l.last = now
	}
}

// smallest is the smallest broker id. The map is not empty.
func smallest(addrs map[int64]string) int64 { return slices.Min(slices.Collect(maps.Keys(addrs))) }
