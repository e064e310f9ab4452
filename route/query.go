package route

import (
	"maps"
	"slices"
	"strings"
)

// syncGroupPrefix begins the topics by which the members of a broker group find each other: nobody stands in for a master there.
const syncGroupPrefix = "rmq_sys_SYNC_BROKER_MEMBER_"

// Route is where a topic lies; false if no broker has it.
func (t *Table) Route(topic string) (Route, bool) {
	queues := t.topics[topic]
	r := Route{FilterServers: map[string][]string{}}
	for _, name := range slices.Sorted(maps.Keys(queues)) {
		r.Queues = append(r.Queues, queues[name])
		b := t.brokers[name]
		if b == nil {
			continue
		}
		r.Brokers = append(r.Brokers, b.clone())
		for _, addr := range b.Addrs {
			if servers, ok := t.filters[addrKey{b.Cluster, addr}]; ok {
				r.FilterServers[addr] = slices.Clone(servers)
			}
		}
	}
	if len(r.Brokers) == 0 {
		return Route{}, false
	}
	if m := t.mappings[topic]; m != nil {
		r.Mappings = maps.Clone(m)
	}
	if t.opt.SupportActingMaster && !strings.HasPrefix(topic, syncGroupPrefix) {
		r.standIn()
	}
	return r, true
}

func (b *Broker) clone() Broker {
	c := *b
	c.Addrs = maps.Clone(b.Addrs)
	return c
}

// standIn serves the smallest slave of a group without a master under the master's id, where the topic is read-only.
func (r *Route) standIn() {
	for i := range r.Brokers {
		b := &r.Brokers[i]
		if _, has := b.Addrs[MasterID]; has || !b.ActingMaster || len(b.Addrs) == 0 {
			continue
		}
		for _, q := range r.Queues {
			if q.Broker == b.Name && q.Perm&permWrite == 0 {
				id := smallest(b.Addrs)
				addr := b.Addrs[id]
				delete(b.Addrs, id)
				b.Addrs[MasterID] = addr
			}
		}
	}
}

// InZone keeps of a route the brokers of a zone, compared in any letter case, and those without a master, which are better far than not at all.
func (r *Route) InZone(zone string) {
	dropped := map[string]bool{}
	r.Brokers = slices.DeleteFunc(r.Brokers, func(b Broker) bool {
		if _, has := b.Addrs[MasterID]; !has || strings.EqualFold(b.Zone, zone) {
			return false
		}
		dropped[b.Name] = true
		for _, addr := range b.Addrs {
			delete(r.FilterServers, addr)
		}
		return true
	})
	r.Queues = slices.DeleteFunc(r.Queues, func(q Queue) bool { return dropped[q.Broker] })
}

// Topics are the names of all topics, sorted.
func (t *Table) Topics() []string { return slices.Sorted(maps.Keys(t.topics)) }

// TopicsOf are the names of the topics that lie in a cluster, sorted.
func (t *Table) TopicsOf(cluster string) []string {
	return t.topicsWhere(func(queues map[string]Queue) bool {
		for broker := range queues {
			if t.clusters[cluster][broker] {
				return true
			}
		}
		return false
	})
}

// TopicsFlagged are the topics whose system flag has all bits of has and none of hasNot, sorted. A topic's flag is that of its first
// broker.
func (t *Table) TopicsFlagged(has, hasNot int32) []string {
	return t.topicsWhere(func(queues map[string]Queue) bool {
		flag := queues[slices.Min(slices.Collect(maps.Keys(queues)))].SysFlag
		return flag&has == has && flag&hasNot == 0
	})
}

func (t *Table) topicsWhere(keep func(map[string]Queue) bool) []string {
	var out []string
	for name, queues := range t.topics {
		if keep(queues) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// SystemTopics are the names of all clusters and brokers, which are topics as well, and one broker group, if there is any.
func (t *Table) SystemTopics() (names []string, one Broker) {
	for _, cluster := range slices.Sorted(maps.Keys(t.clusters)) {
		names = append(names, cluster)
		names = append(names, slices.Sorted(maps.Keys(t.clusters[cluster]))...)
	}
	if len(t.brokers) > 0 {
		one = t.Brokers()[0]
	}
	return names, one
}

// First is the address of the group's smallest broker id, "" for a group without members.
func (b *Broker) First() string {
	if len(b.Addrs) == 0 {
		return ""
	}
	return b.Addrs[smallest(b.Addrs)]
}

// Brokers are all broker groups, sorted by name.
func (t *Table) Brokers() []Broker {
	out := make([]Broker, 0, len(t.brokers))
	for _, name := range slices.Sorted(maps.Keys(t.brokers)) {
		out = append(out, t.brokers[name].clone())
	}
	return out
}

// Clusters are the broker names of each cluster, sorted.
func (t *Table) Clusters() map[string][]string {
	out := make(map[string][]string, len(t.clusters))
	for cluster, names := range t.clusters {
		out[cluster] = slices.Sorted(maps.Keys(names))
	}
	return out
}

// Members are the addresses of a broker group by broker id, empty if it is not registered.
func (t *Table) Members(broker string) map[int64]string {
	if b := t.brokers[broker]; b != nil {
		return maps.Clone(b.Addrs)
	}
	return map[int64]string{}
}
