package route

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
)

// lifeModel is all that the property needs to know: when a broker process was heard of last, and how long it may be silent.
type lifeModel struct {
	last    time.Time
	timeout time.Duration
}

// Whatever brokers do, in whatever order: after a scan no route, group or cluster names a broker that is silent for too long or has left,
// and the tables fit each other.
func TestNoRouteToTheDead(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		table := New(Options{SupportActingMaster: rapid.Bool().Draw(t, "acting"), Timeout: 60 * time.Second})
		life := map[string]lifeModel{} // by address
		now := time.Unix(0, 0)
		pick := func(name string, n int) int { return rapid.IntRange(0, n-1).Draw(t, name) }
		draw := func() *Registration {
			r := &Registration{Cluster: fmt.Sprint("c", pick("cluster", 2)), Broker: fmt.Sprint("b", pick("broker", 3)), ID: int64(pick("id", 3)),
				Addr: fmt.Sprint("a:", pick("addr", 5)), Timeout: time.Duration(pick("timeout", 3)) * 30 * time.Second,
				Version: Version{Counter: int64(pick("counter", 3)), StateVersion: int64(pick("state", 2))}, Conn: fmt.Sprint("k", pick("conn", 4)),
				ActingMaster: rapid.Bool().Draw(t, "acting"), Legacy: rapid.Bool().Draw(t, "legacy"), Complete: rapid.Bool().Draw(t, "complete")}
			for i := range pick("topics", 4) {
				r.Topics = append(r.Topics, Topic{Name: fmt.Sprint("t", i), ReadQueues: 1, WriteQueues: 1, Perm: 6})
			}
			return r
		}
		t.Repeat(map[string]func(*rapid.T){
			"register": func(t *rapid.T) {
				r := draw()
				timeout := r.Timeout
				if timeout == 0 {
					timeout = 60 * time.Second
				}
				if _, err := table.Register(now, r); err == nil {
					life[r.Addr] = lifeModel{now, timeout}
				}
			},
			"time":       func(t *rapid.T) { now = now.Add(time.Duration(pick("seconds", 50)) * time.Second) },
			"touch":      func(t *rapid.T) { touch(table, life, now, draw()) },
			"unregister": func(t *rapid.T) { r := draw(); table.Unregister(r.Cluster, r.Broker, r.Addr) },
			"disconnect": func(t *rapid.T) { table.Disconnect(fmt.Sprint("k", pick("conn", 4))) },
			"wipe":       func(t *rapid.T) { table.WipeWrite(fmt.Sprint("b", pick("broker", 3))) },
			"delete":     func(t *rapid.T) { table.DeleteTopic(fmt.Sprint("t", pick("topic", 3)), "") },
			"topic": func(t *rapid.T) {
				table.RegisterTopic("single", []Queue{{Broker: fmt.Sprint("b", pick("broker", 3)), Perm: 6}})
			},
			"": func(t *rapid.T) { checkFit(t, table) },
			"scan": func(t *rapid.T) {
				table.Expire(now)
				for _, topic := range append(table.Topics(), "single") {
					r, ok := table.Route(topic)
					if !ok {
						continue
					}
					for _, b := range r.Brokers {
						for _, addr := range b.Addrs {
							m, known := life[addr]
							if !known || now.Sub(m.last) > m.timeout {
								t.Fatalf("%s routes to %s, silent since %v", topic, addr, now.Sub(m.last))
							}
						}
					}
				}
			},
		})
	})
}

func touch(table *Table, life map[string]lifeModel, now time.Time, r *Registration) {
	if _, ok := table.Version(r.Cluster, r.Addr); !ok {
		return
	}
	table.Touch(now, r.Cluster, r.Addr)
	m := life[r.Addr]
	m.last = now
	life[r.Addr] = m
}

// checkFit holds what binds the tables: each address lives and stands in one place only, no group is empty, each is in its cluster,
// each queue lies on a group.
func checkFit(t *rapid.T, table *Table) {
	seen := map[string]string{}
	clusters := table.Clusters()
	for _, b := range table.Brokers() {
		if len(b.Addrs) == 0 {
			t.Fatalf("group %s is empty", b.Name)
		}
		for id, addr := range b.Addrs {
			if other, twice := seen[addr]; twice {
				t.Fatalf("%s stands in %s and in %s", addr, other, b.Name)
			}
			seen[addr] = fmt.Sprint(b.Name, "/", id)
			if table.live[addrKey{b.Cluster, addr}] == nil {
				t.Fatalf("%s of %s can never expire", addr, b.Name)
			}
		}
		n := 0
		for cluster, names := range clusters {
			for _, name := range names {
				if name == b.Name {
					n++
					if cluster != b.Cluster {
						t.Fatalf("%s is in %s and listed in %s", b.Name, b.Cluster, cluster)
					}
				}
			}
		}
		if n != 1 {
			t.Fatalf("%s is listed %d times", b.Name, n)
		}
	}
	for _, topic := range table.Topics() {
		for broker := range table.topics[topic] {
			if table.brokers[broker] == nil {
				t.Fatalf("%s lies on %s, which is not there", topic, broker)
			}
		}
	}
}
