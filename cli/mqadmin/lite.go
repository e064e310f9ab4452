package mqadmin

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/internal/report"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/lites"
)

// parents are the brokers that have the parent topic.
func (c *call) parents(ctx context.Context) ([]protocol.BrokerData, error) {
	route, err := c.routed(ctx, c.text("parentTopic"))
	return route.Brokers, err
}

// atEach does something at one member of every broker.
func atEach(brokers []protocol.BrokerData, do func(b *protocol.BrokerData, addr string) error) error {
	var errs []error
	for i := range brokers {
		errs = append(errs, do(&brokers[i], anyAddr(brokers[i].Addrs)))
	}
	return errors.Join(errs...)
}

// since is a time with milliseconds, or a text for none.
func (c *call) since(millis int64, none string) string {
	if millis <= 0 {
		return none
	}
	return c.stampMillis(millis)
}

func getBrokerLiteInfo(ctx context.Context, c *call) error {
	const format = "%-30s %-17s %-10v %-14v %-20v %-17v %-15v %-18v %-15v\n"
	t := c.Table("brokers", format, format, "#Broker", "#Store Type", "#Max LMQ", "#Current LMQ", "#SubscriptionCount", "#OrderInfoCount", "#CQTableSize",
		"#OffsetTableSize", "#eventMapSize")
	show := func(addr string) error {
		i, err := c.LiteBroker(ctx, addr)
		if err != nil {
			return err
		}
		t.Add(addr, i.StoreType, i.MaxQueues, i.Queues, i.Subscriptions, i.Ordered, i.QueueTableSize, i.OffsetTableSize, i.Events)
		if c.has("showDetail") {
			c.Say("Topic Meta: %s\nGroup Meta: %s\n\n", protocol.MarshalBody(i.TopicMeta), protocol.MarshalBody(i.GroupMeta))
			c.Add("meta", map[string]any{"broker": addr, "topics": i.TopicMeta, "groups": i.GroupMeta})
		}
		return nil
	}
	if c.has("brokerAddr") {
		return show(c.text("brokerAddr"))
	}
	return c.onMembers(ctx, c.text("cluster"), false, show)
}

func getParentTopicInfo(ctx context.Context, c *call) error {
	parents, err := c.parents(ctx)
	if err != nil {
		return err
	}
	c.Say("Parent Topic Info: [%s]\n", c.text("parentTopic"))
	const format = "%-50s %-8v %-14v %-14v %-100s \n"
	t := c.Table("brokers", format, format, "#Broker Name", "#TTL", "#Lite Count", "#LMQ NUM", "#GROUPS")
	return atEach(parents, func(b *protocol.BrokerData, addr string) error {
		i, err := c.LiteParent(ctx, addr, c.text("parentTopic"))
		if err == nil {
			t.Add(javatext.Front(b.Name, 40), i.TTL, i.LiteTopics, i.Queues, javatext.List(i.Groups))
		}
		return err
	})
}

func getLiteTopicInfo(ctx context.Context, c *call) error {
	parent, lite := c.text("parentTopic"), c.text("liteTopic")
	queue, err := light.LiteQueue(parent, lite)
	if err != nil {
		return c.usage("%v", err)
	}
	parents, err := c.parents(ctx)
	if err != nil {
		return err
	}
	c.Say("Lite Topic Info: [%s] [%s] [%s]\n", parent, lite, queue)
	const format = "%-50s %-14v %-14v %-30s %-12v %-18v \n"
	t := c.Table("brokers", format, format, "#Broker Name", "#MinOffset", "#MaxOffset", "#LastUpdate", "#Sharding", "#SubClientCount")
	return atEach(parents, func(b *protocol.BrokerData, addr string) error {
		i, err := c.LiteTopic(ctx, addr, parent, lite)
		if err != nil {
			return err
		}
		t.Add(javatext.Front(b.Name, 40), i.Extent.MinOffset, i.Extent.MaxOffset, c.since(i.Extent.LastUpdateTimestamp, "-"), i.Here, len(i.Subscribers))
		if c.has("showClientId") {
			var clients []string
			for _, s := range i.Subscribers {
				clients = append(clients, s.ID+"@"+s.Group)
				c.Add("clients", s)
			}
			c.Say("%s\n", javatext.List(append([]string{}, clients...)))
		}
		return nil
	})
}

func getLiteClientInfo(ctx context.Context, c *call) error {
	parent, group, client := c.text("parentTopic"), c.text("group"), c.text("clientId")
	parents, err := c.parents(ctx)
	if err != nil {
		return err
	}
	c.Say("Lite Client Info: [%s] [%s] [%s]\n", parent, group, client)
	const format = "%-30s %-20v %-30s %-30s \n"
	t := c.Table("brokers", format, format, "#Broker", "#LiteTopicCount", "#LastAccessTime", "#LastConsumeTime")
	return atEach(parents, func(b *protocol.BrokerData, addr string) error {
		i, err := c.LiteClient(ctx, addr, parent, group, client)
		if err != nil {
			return err
		}
		var count any = "N/A"
		if i.Count > 0 {
			count = i.Count
		}
		t.Add(b.Name, count, c.since(i.LastAccess, "N/A"), c.since(i.LastConsumed, "N/A"))
		if c.has("showDetail") && i.Topics != nil {
			c.Say("Lite Topics: %s\n\n", javatext.List(i.Topics))
			c.Set("topics", i.Topics)
		}
		return nil
	})
}

func getLiteGroupInfo(ctx context.Context, c *call) error {
	most, err := c.small("topK", 20)
	if err != nil {
		return err
	}
	lite := c.text("liteTopic")
	parents, err := c.parents(ctx)
	if err != nil {
		return err
	}
	c.Say("Lite Group Info: [%s] [%s]\n", c.text("group"), c.text("parentTopic"))
	const format = "%-50s %-16v %-16v %-16v %-30s\n"
	var t *report.Rows
	if lite != "" {
		t = c.Table("brokers", format, format, "#Broker Name", "#BrokerOffset", "#ConsumeOffset", "#LagCount", "#LastUpdate")
	}
	all := lites.GroupInfo{Earliest: -1}
	err = atEach(parents, func(b *protocol.BrokerData, addr string) error {
		i, err := c.LiteGroup(ctx, addr, c.text("group"), lite, most)
		if err != nil {
			return err
		}
		all.Total += max(i.Total, 0)
		if i.Earliest > 0 && (all.Earliest < 0 || i.Earliest < all.Earliest) {
			all.Earliest = i.Earliest
		}
		all.ByCount, all.ByTime = append(all.ByCount, i.ByCount...), append(all.ByTime, i.ByTime...)
		switch w := i.Place; {
		case t == nil:
		case w == nil:
			t.Add(b.Name, "-", "-", "-", "-")
		default:
			t.Add(b.Name, w.BrokerOffset, w.ConsumerOffset, w.BrokerOffset-w.ConsumerOffset, c.since(w.LastTimestamp, "-"))
		}
		return nil
	})
	earliest, now := all.Earliest, c.env.Now().UnixMilli()
	if earliest <= 0 {
		earliest = now // nothing waits
	}
	c.Fact("totalLagCount", all.Total, "Total Lag Count: %d\n", all.Total)
	c.Fact("earliestUnconsumedTimestamp", all.Earliest, "Min Unconsumed Timestamp: %d (%d s ago)\n", earliest, (now-earliest)/1000)
	if lite != "" {
		return err
	}
	slices.SortFunc(all.ByCount, func(x, y lites.Lag) int { return cmp.Compare(y.Count, x.Count) })
	slices.SortFunc(all.ByTime, func(x, y lites.Lag) int { return cmp.Compare(x.Earliest, y.Earliest) })
	c.Say("\n------TopK by lag count-----\n")
	c.printLags("byCount", all.ByCount)
	c.Say("\n------TopK by lag time------\n")
	c.printLags("byTime", all.ByTime)
	return err
}

func (c *call) printLags(name string, lags []lites.Lag) {
	const format = "%-6v %-40s %-12v %-30s\n"
	t := c.Table(name, format, format, "NO", "Lite Topic", "Lag Count", "UnconsumedTimestamp")
	for n, l := range lags {
		t.Add(n+1, l.LiteTopic, l.Count, c.since(l.Earliest, "-"))
	}
}

func triggerLiteDispatch(ctx context.Context, c *call) error {
	parents, err := c.parents(ctx)
	if err != nil {
		return err
	}
	c.Say("Group And Topic Info: [%s] [%s]\n\n", c.text("group"), c.text("parentTopic"))
	t := c.Quiet("brokers", "%-30s %-12s\n", "broker", "result")
	return atEach(parents, func(b *protocol.BrokerData, addr string) error {
		if c.has("brokerName") && b.Name != c.text("brokerName") {
			return nil
		}
		err := c.DispatchLite(ctx, addr, c.text("group"), c.text("clientId"))
		result := "dispatched"
		if err != nil {
			result = "error"
		}
		t.Add(b.Name, result)
		return err
	})
}
