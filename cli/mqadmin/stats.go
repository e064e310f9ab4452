package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// The names of statistics.
const (
	topicPutNums = "TOPIC_PUT_NUMS"
	groupGetNums = "GROUP_GET_NUMS"
)

// flow is what passed in the last minute a second, and in the last day.
type flow struct {
	tps float64
	day int64
}

// flow adds up a statistic over the masters of a route. What was never counted is nothing.
func (c *call) flow(ctx context.Context, route *protocol.RouteData, name, key string) (out flow, err error) {
	for _, b := range route.Brokers {
		addr, ok := b.Addrs[protocol.MasterID]
		if !ok {
			continue
		}
		data, errOne := c.StatsData(ctx, addr, name, key)
		var refused *cluster.Error
		if errOne != nil && !errors.As(errOne, &refused) {
			err = errors.Join(err, errOne)
		}
		out.tps += float64(data.StatsMinute.TPS)
		out.day += dayOf(&data)
	}
	return out, err
}

// dayOf is the sum over a day, as far as a broker has one already.
func dayOf(d *protocol.BrokerStatsData) int64 {
	for _, sum := range []int64{d.StatsDay.Sum, d.StatsHour.Sum, d.StatsMinute.Sum} {
		if sum != 0 {
			return sum
		}
	}
	return 0
}

// traffic is one line of statsAll: a topic and one of its groups, "" for none.
type traffic struct {
	topic, group string
	in, out      flow
	lag          int64
}

func statsAll(ctx context.Context, c *call) error {
	names, err := c.TopicNames(ctx)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return message.IsRetry(name) || message.IsDLQ(name) || c.text("topic") != "" && name != c.text("topic")
	})
	all, errs := make([][]traffic, len(names)), make([]error, len(names))
	parallel(names, func(i int, name string) { all[i], errs[i] = c.traffic(ctx, name) })
	t := c.Table("topics", "%-64s  %-64s %12s %11s %11s %14s %14s\n", "%-64s  %-64s %12d %11s %11s %14d %14v\n",
		"#Topic", "#Consumer Group", "#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour")
	for _, line := range slices.Concat(all...) {
		if c.has("activeTopic") && line.in.day == 0 && line.out.day == 0 {
			continue
		}
		in := fmt.Sprintf("%.2f", line.in.tps)
		if line.group == "" {
			t.Add(javatext.Front(line.topic, 64), "", int64(0), in, "", line.in.day, "NO_CONSUMER")
			continue
		}
		t.Add(javatext.Front(line.topic, 64), javatext.Front(line.group, 64), line.lag, in, fmt.Sprintf("%.2f", line.out.tps), line.in.day, line.out.day)
	}
	return errors.Join(errs...)
}

func (c *call) traffic(ctx context.Context, topic string) ([]traffic, error) {
	route, err := c.Route(ctx, topic)
	if err != nil {
		return nil, err
	}
	_, groups, err := c.users(ctx, topic)
	in, errIn := c.flow(ctx, &route, topicPutNums, topic)
	errs := []error{err, errIn}
	var out []traffic
	for _, group := range groups {
		line := traffic{topic: topic, group: group, in: in}
		if group != "" {
			var errOut, errLag error
			line.out, errOut = c.flow(ctx, &route, groupGetNums, topic+"@"+group)
			var stats protocol.ConsumeStats
			stats, errLag = c.consumed(ctx, brokersOf(&route), group, topic)
			errs = append(errs, errOut, errLag)
			line.lag = max((&standing{stats: stats}).lag(), 0)
		}
		out = append(out, line)
	}
	return out, errors.Join(errs...)
}

// brokersOf are the brokers of a route.
func brokersOf(route *protocol.RouteData) (out []admin.Broker) {
	for _, b := range route.Brokers {
		out = append(out, admin.Broker{Name: b.Name, Cluster: b.Cluster, Addrs: b.Addrs})
	}
	return out
}

func brokerConsumeStats(ctx context.Context, c *call) error {
	least, err := c.number("level", 0)
	if err != nil {
		return err
	}
	groups, lag, err := c.BrokerConsumeStats(ctx, c.text("brokerAddr"), c.truth("order"))
	if err != nil {
		return err
	}
	slices.SortFunc(groups, func(x, y protocol.GroupConsumeStats) int { return strings.Compare(x.Group, y.Group) })
	const format = "%-64s  %-64s  %-32s  %-4v  %-20v  %-20v  %-20v  %s\n"
	t := c.Table("queues", format, format, "#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime")
	for _, g := range groups {
		for _, stats := range g.Topics {
			for _, q := range slices.SortedFunc(maps.Keys(stats.OffsetTable), admin.Queue.Compare) {
				w := stats.OffsetTable[q]
				if diff := w.BrokerOffset - w.ConsumerOffset; diff >= least && w.LastTimestamp > 0 {
					t.Add(javatext.Front(q.Topic, 64), g.Group, javatext.Front(q.BrokerName, 32), q.QueueID, w.BrokerOffset, w.ConsumerOffset, diff, c.stamp(w.LastTimestamp))
				}
			}
		}
	}
	c.Fact("diffTotal", lag, "\nDiff Total: %d\n", lag)
	return nil
}
