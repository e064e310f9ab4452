package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Broker is one broker group: a master and its replicas under one name.
type Broker struct {
	Name    string           `json:"name"`
	Cluster string           `json:"cluster"`
	Addrs   map[int64]string `json:"addrs"` // "host:port" by broker id; 0 is the master
}

// Master returns the address of the master, false while there is none.
func (b *Broker) Master() (string, bool) {
	addr, ok := b.Addrs[protocol.MasterID]
	return addr, ok
}

// any is the address to read from: the master's, else that of the replica with the smallest id.
func (b *Broker) any() (string, bool) {
	if len(b.Addrs) == 0 {
		return "", false
	}
	return b.Addrs[slices.Min(slices.Collect(maps.Keys(b.Addrs)))], true
}

// Brokers lists the brokers that the NameServer knows, by cluster and name (106).
func (a *Admin) Brokers(ctx context.Context) ([]Broker, error) {
	var info protocol.ClusterInfo
	if err := a.askNameServer(ctx, protocol.ReqGetBrokerClusterInfo, nil, &info); err != nil {
		return nil, err
	}
	out := make([]Broker, 0, len(info.Brokers))
	for _, b := range info.Brokers {
		out = append(out, Broker{Name: b.Name, Cluster: b.Cluster, Addrs: b.Addrs})
	}
	slices.SortFunc(out, func(x, y Broker) int {
		if c := strings.Compare(x.Cluster, y.Cluster); c != 0 {
			return c
		}
		return strings.Compare(x.Name, y.Name)
	})
	return out, nil
}

// Target says on which brokers a change is made. Broker is a broker's name or its master's address and wins over Cluster. The zero
// value is left to the call: where the thing is, else the only cluster.
type Target struct {
	Cluster string
	Broker  string
}

// brokers are the brokers of the target. A target that names nothing is the only cluster there is.
func (t Target) brokers(all []Broker) ([]Broker, error) {
	var clusters, names []string
	for _, b := range all {
		if !slices.Contains(clusters, b.Cluster) {
			clusters = append(clusters, b.Cluster)
		}
		names = append(names, b.Name)
	}
	match := func(b Broker) bool { return t.Cluster == "" || b.Cluster == t.Cluster }
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("admin: no broker is registered at the NameServer")
	case t.Broker != "":
		match = func(b Broker) bool {
			master, _ := b.Master()
			return b.Name == t.Broker || master == t.Broker
		}
	case t.Cluster == "" && len(clusters) > 1:
		return nil, fmt.Errorf("admin: there are %d clusters (%s): name one of them, or a broker", len(clusters), strings.Join(clusters, ", "))
	}
	var out []Broker
	for _, b := range all {
		if match(b) {
			out = append(out, b)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case t.Broker != "":
		return nil, fmt.Errorf("admin: there is no broker %s; the brokers are %s", t.Broker, strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("admin: there is no cluster %s; the clusters are %s", t.Cluster, strings.Join(clusters, ", "))
}

// onMasters runs a change on the master of every broker. Its errors tell of which broker they are: see [atBroker].
func onMasters(brokers []Broker, do func(b Broker, addr string) error) error {
	return each(brokers, func(_ int, b Broker) error {
		addr, ok := b.Master()
		err := fmt.Errorf("admin: broker %s has no master now", b.Name)
		if ok {
			err = do(b, addr)
		}
		if err != nil {
			return &atBroker{err, b.Name}
		}
		return nil
	})
}

// atBroker is what failed at one of several brokers: who reports on each of them finds its name with an interface of this method.
type atBroker struct {
	error
	broker string
}

func (e *atBroker) Broker() string { return e.broker }
func (e *atBroker) Unwrap() error  { return e.error }

// onAny asks one member of every broker.
func onAny(brokers []Broker, do func(i int, b Broker, addr string) error) error {
	return each(brokers, func(i int, b Broker) error {
		addr, ok := b.any()
		if !ok {
			return fmt.Errorf("admin: broker %s has no address", b.Name)
		}
		return do(i, b, addr)
	})
}

// RuntimeInfo is what a broker tells of itself, as names and values that RocketMQ's tools know (28).
func (a *Admin) RuntimeInfo(ctx context.Context, addr string) (map[string]string, error) {
	var table protocol.KVTable
	err := a.ask(ctx, addr, protocol.ReqGetBrokerRuntimeInfo, nil, &table)
	return table.Table, err
}
