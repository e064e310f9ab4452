package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/tostring"
	"github.com/aerobee-mq/aerobee/client/allocate"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

func topicList(ctx context.Context, c *call) error {
	names, err := c.TopicNames(ctx)
	if err != nil {
		return err
	}
	if !c.has("clusterModel") {
		for _, name := range names {
			c.Say("%s\n", name)
		}
		if names == nil {
			names = []string{}
		}
		c.Set("topics", names)
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool { return message.IsRetry(name) || message.IsDLQ(name) })
	type found struct {
		cluster string
		groups  []string
	}
	all := make([]found, len(names))
	errs := make([]error, len(names))
	parallel(names, func(i int, name string) { all[i].cluster, all[i].groups, errs[i] = c.users(ctx, name) })
	t := c.Table("topics", "%-20s  %-48s  %-48s\n", "%-20s  %-64s  %-64s\n", "#Cluster Name", "#Topic", "#Consumer Group")
	for i, name := range names {
		for _, group := range all[i].groups {
			t.Add(javatext.Front(all[i].cluster, 20), javatext.Front(name, 64), javatext.Front(group, 64))
		}
	}
	return errors.Join(errs...)
}

// users are the cluster of a topic, and the groups that consume it; one without a name where there is none.
func (c *call) users(ctx context.Context, topic string) (cluster string, groups []string, err error) {
	route, err := c.Route(ctx, topic)
	if err != nil {
		return "", []string{""}, err
	}
	var errs []error
	for _, b := range route.Brokers {
		cluster = b.Cluster
		more, err := c.TopicGroups(ctx, anyAddr(b.Addrs), topic)
		groups, errs = append(groups, more...), append(errs, err)
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	if len(groups) == 0 {
		groups = []string{""}
	}
	return cluster, groups, errors.Join(errs...)
}

func topicRoute(ctx context.Context, c *call) error {
	route, err := c.routed(ctx, c.text("topic"))
	if err != nil {
		return err
	}
	c.Set("route", routeView(&route))
	if !c.has("list") {
		c.Say("%s\n", javatext.Pretty(route.Append(nil, protocol.FastJSON)))
		return nil
	}
	const format = "%-45s %-32s %-50s %-10v %-11v %-5v\n"
	t := c.Table("brokers", format, format, "#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm")
	var read, write int32
	for _, b := range route.Brokers {
		i := slices.IndexFunc(route.Queues, func(q protocol.QueueData) bool { return q.BrokerName == b.Name })
		if i < 0 {
			continue
		}
		q := route.Queues[i]
		read, write = read+q.ReadQueueNums, write+q.WriteQueueNums
		t.Add(b.Cluster, b.Name, tostring.Addrs(b.Addrs), q.ReadQueueNums, q.WriteQueueNums, q.Perm)
	}
	c.Say("%s\n", strings.Repeat("-", 158))
	c.Say(format, "Total:", fmt.Sprint(len(route.Queues)), "", read, write, "")
	return nil
}

// routeView is a route for --json, by the members' names on the wire.
func routeView(r *protocol.RouteData) map[string]any {
	brokers := []any{}
	for _, b := range r.Brokers {
		brokers = append(brokers, b)
	}
	return map[string]any{"brokerDatas": brokers, "queueDatas": r.Queues, "orderTopicConf": r.OrderConf}
}

func topicStatus(ctx context.Context, c *call) error {
	topic := c.text("topic")
	route, err := c.routed(ctx, topic)
	if err != nil {
		return err
	}
	queues, tps := map[admin.Queue]protocol.TopicOffset{}, 0.0
	var errs []error
	for _, b := range route.Brokers {
		stats, err := c.TopicStats(ctx, anyAddr(b.Addrs), topic)
		errs = append(errs, err)
		maps.Copy(queues, stats.OffsetTable)
		tps += stats.TopicPutTPS
	}
	if err := errors.Join(errs...); len(queues) == 0 {
		if err == nil {
			err = fmt.Errorf("no broker tells of a queue of topic %s", topic)
		}
		return err
	}
	const format = "%-32s  %-4v  %-20v  %-20v    %s\n"
	t := c.Table("queues", format, format, "#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated")
	for _, q := range slices.SortedFunc(maps.Keys(queues), admin.Queue.Compare) {
		o, last := queues[q], ""
		if o.LastUpdateTimestamp > 0 {
			last = c.stampMillis(o.LastUpdateTimestamp)
		}
		t.Add(javatext.Front(q.BrokerName, 32), q.QueueID, o.MinOffset, o.MaxOffset, last)
	}
	c.Say("\n")
	c.Fact("topicPutTps", tps, "Topic Put TPS: %s\n", javatext.Float(tps))
	return errors.Join(errs...)
}

func topicClusterList(ctx context.Context, c *call) error {
	route, err := c.Route(ctx, c.text("topic"))
	if err != nil {
		return err
	}
	clusters := []string{}
	for _, b := range route.Brokers {
		clusters = append(clusters, b.Cluster)
	}
	slices.Sort(clusters)
	clusters = slices.Compact(clusters)
	for _, name := range clusters {
		c.Say("%s\n", name)
	}
	c.Set("clusters", clusters)
	return nil
}

func allocateMQ(ctx context.Context, c *call) error {
	route, err := c.Route(ctx, c.text("topic"))
	if err != nil {
		return err
	}
	var queues []admin.Queue
	for _, q := range route.Queues {
		for id := int32(0); id < q.ReadQueueNums && q.Perm&protocol.PermRead != 0; id++ {
			queues = append(queues, admin.Queue{Topic: c.text("topic"), BrokerName: q.BrokerName, QueueID: id})
		}
	}
	slices.SortFunc(queues, admin.Queue.Compare)
	clients := strings.Split(c.text("ipList"), ",")
	slices.Sort(clients)
	clients = slices.Compact(clients)
	result := map[string][]admin.Queue{}
	for _, client := range clients {
		mine, err := allocate.Averagely{}.Allocate(client, queues, clients)
		if err != nil {
			return err
		}
		result[client] = append([]admin.Queue{}, mine...)
	}
	c.Fact("result", result, "%s\n", protocol.MarshalBody(map[string]any{"result": result}))
	return nil
}
