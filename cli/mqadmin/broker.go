package mqadmin

import (
	"context"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/config"
)

func brokerStatus(ctx context.Context, c *call) error {
	all := map[string]map[string]string{}
	err := c.onBrokers(ctx, true, func(addr string) error {
		info, err := c.RuntimeInfo(ctx, addr)
		if err != nil {
			return err
		}
		all[addr] = info
		for _, name := range slices.Sorted(maps.Keys(info)) {
			if !c.has("brokerAddr") {
				c.Say("%-24s ", addr)
			}
			c.Say("%-32s: %s\n", name, info[name])
		}
		return nil
	})
	c.Set("brokers", all)
	return err
}

func getBrokerConfig(ctx context.Context, c *call) error {
	all := map[string]map[string]string{}
	defer c.Set("brokers", all)
	return c.underHeadings(ctx, func(addr, heading string) error {
		pairs, err := c.BrokerConfig(ctx, addr)
		if err != nil {
			return err
		}
		c.Say("%s\n", heading)
		all[addr] = c.settings(pairs)
		c.Say("\n")
		return nil
	})
}

func updateBrokerConfig(ctx context.Context, c *call) error {
	change := config.Property{Key: c.text("key"), Value: c.text("value")}
	c.Set("key", change.Key)
	c.Set("value", change.Value)
	done := c.Quiet("brokers", "update broker config success, %s\n", "addr")
	return c.onBrokers(ctx, c.has("updateAllBroker"), func(addr string) error {
		if err := c.SetBrokerConfig(ctx, addr, change); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func cleanExpiredCQ(ctx context.Context, c *call) error { return c.clean(ctx, c.CleanExpiredQueues) }

func cleanUnusedTopic(ctx context.Context, c *call) error { return c.clean(ctx, c.CleanUnusedTopics) }

func deleteExpiredCommitLog(ctx context.Context, c *call) error {
	return c.clean(ctx, c.DeleteExpiredLog)
}

// clean has the broker of -b, or all members of -c or of every cluster, tidy up.
func (c *call) clean(ctx context.Context, do func(ctx context.Context, addr string) error) error {
	one := func(addr string) error { return do(ctx, addr) }
	var err error
	if c.has("brokerAddr") {
		err = one(c.text("brokerAddr"))
	} else {
		err = c.onMembers(ctx, c.text("cluster"), true, one)
	}
	text := "success"
	if err != nil {
		text = "false"
	}
	c.Fact("success", err == nil, "%s\n", text)
	return err
}
