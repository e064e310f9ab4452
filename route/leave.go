package route

import (
	"maps"
	"time"
)

// Unregister takes a broker out that says that it stops. An address that the group does not hold changes nothing, and so does that of
// this process's broker, which goes by [Table.UnregisterLocal].
func (t *Table) Unregister(cluster, broker, addr string) {
	if b := t.brokers[broker]; b != nil && b.Cluster == cluster && b.holds(addr) && !t.isLocal(cluster, addr) {
		t.remove(addrKey{cluster, addr})
	}
}

// UnregisterLocal takes this process's broker out.
func (t *Table) UnregisterLocal(cluster, addr string) {
	if t.isLocal(cluster, addr) {
		t.remove(addrKey{cluster, addr})
	}
}

// Disconnect takes out all brokers that registered last by this connection, and returns how many.
func (t *Table) Disconnect(conn any) int {
	n := 0
	for key, l := range t.live {
		if l.conn != nil && l.conn == conn {
			t.remove(key)
			n++
		}
	}
	return n
}

// Expire takes out all brokers that have been silent for longer than their timeout and returns their connections, which are of no
// use any more. Brokers of this process do not expire.
func (t *Table) Expire(now time.Time) []any {
	var conns []any
	for key, l := range t.live {
		if l.local || now.Sub(l.last) <= l.timeout {
			continue
		}
		t.remove(key)
		if l.conn != nil {
			conns = append(conns, l.conn)
		}
	}
	return conns
}

func (b *Broker) holds(addr string) bool {
	for _, a := range b.Addrs {
		if a == addr {
			return true
		}
	}
	return false
}

// remove takes one broker out, with its place in its group.
func (t *Table) remove(key addrKey) {
	t.dropLive(key)
	delete(t.filters, key)
	for _, b := range t.brokers {
		if b.Cluster == key.cluster && b.holds(key.addr) {
			t.dropAddr(b, key.addr)
		}
	}
}

// dropAddr takes an address out of a group. The group and its topics go with its last member; where members stay and one may stand in
// for the master, the topics become read-only when the master has gone.
func (t *Table) dropAddr(b *Broker, addr string) {
	maps.DeleteFunc(b.Addrs, func(_ int64, a string) bool { return a == addr })
	if len(b.Addrs) > 0 {
		if b.ActingMaster && smallest(b.Addrs) > MasterID {
			t.WipeWrite(b.Name)
		}
		return
	}
	delete(t.brokers, b.Name)
	t.leaveCluster(b)
	for topic := range t.topics {
		t.dropQueue(topic, b.Name)
	}
	for topic := range t.mappings {
		t.dropMapping(topic, b.Name)
	}
}

// mapPerm changes the permission of all topics of a broker group and returns how many there are.
func (t *Table) mapPerm(broker string, change func(int32) int32) int {
	n := 0
	for _, queues := range t.topics {
		if q, ok := queues[broker]; ok {
			q.Perm = change(q.Perm)
			queues[broker] = q
			n++
		}
	}
	return n
}
