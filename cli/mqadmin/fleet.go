package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
)

// fleet are the brokers of a cluster, of all with "", by cluster and name.
func (c *call) fleet(ctx context.Context, cluster string) ([]admin.Broker, error) {
	all, err := c.Brokers(ctx)
	if err != nil || cluster == "" {
		return all, err
	}
	var names []string
	for _, b := range all {
		names = append(names, b.Cluster)
	}
	if !slices.Contains(names, cluster) {
		return nil, fmt.Errorf("there is no cluster %s; the clusters are %s", cluster, strings.Join(slices.Compact(names), ", "))
	}
	return slices.DeleteFunc(all, func(b admin.Broker) bool { return b.Cluster != cluster }), nil
}

// onBrokers does something at the broker of -b, or at every master of -c, every member with all. A broker that refuses keeps none of the
// others from it.
func (c *call) onBrokers(ctx context.Context, all bool, do func(addr string) error) error {
	switch {
	case c.has("brokerAddr"):
		return do(c.text("brokerAddr"))
	case !c.has("clusterName"):
		return c.usage("give -b or -c: at which broker, or in which cluster")
	}
	return c.onMembers(ctx, c.text("clusterName"), all, do)
}

// underHeadings does something at the broker of -b, or at every member of -c, each with the heading that mqadmin gives it. A broker that refuses
// keeps none of the others from it.
func (c *call) underHeadings(ctx context.Context, do func(addr, heading string) error) error {
	const line = "============"
	switch {
	case c.has("brokerAddr"):
		addr := c.text("brokerAddr")
		return do(addr, line+addr+line)
	case !c.has("clusterName"):
		return c.usage("give -b or -c: of which broker, or of which cluster")
	}
	brokers, err := c.fleet(ctx, c.text("clusterName"))
	if err != nil {
		return err
	}
	var errs []error
	for i := range brokers {
		master, ok := brokers[i].Master()
		if ok {
			errs = append(errs, do(master, line+"Master: "+master+line))
		} else {
			master = "NO_MASTER"
			c.Say("%sMaster: %s%s\n", line, master, line)
		}
		for _, id := range slices.Sorted(maps.Keys(brokers[i].Addrs)) {
			if addr := brokers[i].Addrs[id]; id != protocol.MasterID {
				errs = append(errs, do(addr, fmt.Sprintf("%sMy Master: %s=====Slave: %s%s", line, master, addr, line)))
			}
		}
	}
	return errors.Join(errs...)
}

// onMembers does something at every master of a cluster, with all at every member; "" is all clusters.
func (c *call) onMembers(ctx context.Context, cluster string, all bool, do func(addr string) error) error {
	brokers, err := c.fleet(ctx, cluster)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range brokers {
		for _, id := range slices.Sorted(maps.Keys(b.Addrs)) {
			if all || id == protocol.MasterID {
				errs = append(errs, do(b.Addrs[id]))
			}
		}
	}
	return errors.Join(errs...)
}

// anyAddr is where to read from a broker: at its master, else at the member with the smallest id; "" where there is none.
func anyAddr(addrs map[int64]string) string {
	if len(addrs) == 0 {
		return ""
	}
	return addrs[slices.Min(slices.Collect(maps.Keys(addrs)))]
}

// brokerOf is the broker that has the address.
func (c *call) brokerOf(ctx context.Context, addr string) (admin.Broker, error) {
	all, err := c.Brokers(ctx)
	if err != nil {
		return admin.Broker{}, err
	}
	for _, b := range all {
		for _, have := range b.Addrs {
			if have == addr {
				return b, nil
			}
		}
	}
	return admin.Broker{}, fmt.Errorf("the NameServer knows no broker at %s", addr)
}

// routed is the route of a topic; that of the parent topic for a light queue, as --cluster says.
func (c *call) routed(ctx context.Context, topic string) (protocol.RouteData, error) {
	if c.has("cluster") {
		if route, err := c.Route(ctx, c.text("cluster")); err == nil {
			return route, nil
		}
	}
	route, err := c.Route(ctx, topic)
	slices.SortFunc(route.Brokers, func(x, y protocol.BrokerData) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(route.Queues, func(x, y protocol.QueueData) int { return strings.Compare(x.BrokerName, y.BrokerName) })
	return route, err
}

// atOnce is how many questions are under way together.
const atOnce = 16

// parallel does something for every item, several at once.
func parallel[T any](items []T, do func(i int, item T)) {
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, item := range items {
		room <- struct{}{}
		wg.Go(func() {
			do(i, item)
			<-room
		})
	}
	wg.Wait()
}
