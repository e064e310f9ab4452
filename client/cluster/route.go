package cluster

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names a queue with its broker.
type Queue = protocol.MessageQueue

// The bits of a topic's permission on a broker.
const (
	permWrite = 2
	permRead  = 4
)

// NameBroker says in a request about a queue which broker it is for: a proxy has one address for all of them.
func NameBroker(f *protocol.Frame, q Queue) {
	if _, named := f.Fields.Get("bname"); !named {
		f.Fields.Add("bname", q.BrokerName)
	}
}

// Broker is a group of brokers under one name: a master and its slaves.
type Broker struct {
	Name    string
	Cluster string
	Addrs   map[int64]string // "host:port" by id; the master's is [protocol.MasterID]
}

// Route says on which brokers a topic lies. It is immutable and shared: copy what you want to change.
type Route struct {
	Topic     string
	Readable  []Queue // sorted by broker and number
	Writable  []Queue // the same; of brokers with a master only
	Brokers   map[string]Broker
	OrderConf string // "broker-a:4;broker-b:4" for a topic with a strict order over brokers, else ""
	Data      *protocol.RouteData
}

// newRoute makes the lists that clients use out of a NameServer's answer.
func newRoute(topic string, d *protocol.RouteData) *Route {
	r := &Route{Topic: topic, Brokers: make(map[string]Broker, len(d.Brokers)), OrderConf: d.OrderConf, Data: d}
	for i := range d.Brokers {
		b := &d.Brokers[i]
		r.Brokers[b.Name] = Broker{Name: b.Name, Cluster: b.Cluster, Addrs: b.Addrs}
	}
	queues := slices.Clone(d.Queues)
	slices.SortFunc(queues, func(a, b protocol.QueueData) int { return strings.Compare(a.BrokerName, b.BrokerName) })
	for _, q := range queues {
		if _, known := r.Brokers[q.BrokerName]; !known {
			continue
		}
		if q.Perm&permRead != 0 {
			r.Readable = appendQueues(r.Readable, topic, q.BrokerName, q.ReadQueueNums)
		}
		if _, ok := r.Master(q.BrokerName); ok && q.Perm&permWrite != 0 && d.OrderConf == "" {
			r.Writable = appendQueues(r.Writable, topic, q.BrokerName, q.WriteQueueNums)
		}
	}
	if d.OrderConf != "" {
		r.Writable = orderedQueues(topic, d.OrderConf)
	}
	return r
}

// maxQueues bounds what a route's numbers can make us allocate for one broker.
const maxQueues = 1 << 16

func appendQueues(dst []Queue, topic, broker string, n int32) []Queue {
	for id := range min(n, maxQueues) {
		dst = append(dst, Queue{BrokerName: broker, QueueID: id, Topic: topic})
	}
	return dst
}

// orderedQueues reads "broker-a:4;broker-b:4": such a topic is written to these queues whether their broker is there or not, so
// that a key's queue stays the same.
func orderedQueues(topic, conf string) []Queue {
	var out []Queue
	for part := range strings.SplitSeq(conf, ";") {
		broker, number, _ := strings.Cut(part, ":")
		if n, err := strconv.ParseInt(number, 10, 32); err == nil {
			out = appendQueues(out, topic, broker, int32(n))
		}
	}
	return out
}

// Master is the address of a broker's master, to which everything is written.
func (r *Route) Master(broker string) (addr string, ok bool) {
	return r.Addr(broker, protocol.MasterID)
}

// Addr is the address of the broker with that name and id.
func (r *Route) Addr(broker string, id int64) (addr string, ok bool) {
	addr, ok = r.Brokers[broker].Addrs[id]
	return addr, ok && addr != ""
}

// equal reports whether two routes say the same.
func (r *Route) equal(o *Route) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.OrderConf == o.OrderConf && slices.Equal(r.Readable, o.Readable) && slices.Equal(r.Writable, o.Writable) &&
		maps.EqualFunc(r.Brokers, o.Brokers, func(a, b Broker) bool {
			return a.Cluster == b.Cluster && maps.Equal(a.Addrs, b.Addrs)
		})
}
