package mqadmin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aerobee-mq/aerobee/config"
)

func getColdDataFlowCtrInfo(ctx context.Context, c *call) error {
	return c.onBrokers(ctx, true, func(addr string) error {
		body, err := c.ColdData(ctx, addr)
		if err != nil {
			return err
		}
		var content map[string]any
		if err := json.Unmarshal(body, &content); err != nil {
			return fmt.Errorf("what %s says of cold data: %w", addr, err)
		}
		table, _ := content["runtimeTable"].(map[string]any)
		for _, entry := range table {
			if group, ok := entry.(map[string]any); ok {
				c.datedEntry(group)
			}
		}
		text, err := json.MarshalIndent(content, "", "\t")
		if err != nil {
			return err
		}
		c.Say(" ============%s============\n%s\n", addr, text)
		c.Add("brokers", map[string]any{"addr": addr, "coldData": content})
		return nil
	})
}

// datedEntry replaces milliseconds by times.
func (c *call) datedEntry(group map[string]any) {
	for from, to := range map[string]string{"lastColdReadTimeMills": "lastColdReadTimeFormat", "createTimeMills": "createTimeFormat"} {
		if ms, ok := group[from].(float64); ok {
			group[to] = c.stamp(int64(ms))
			delete(group, from)
		}
	}
}

func updateColdDataFlowCtrGroupConfig(ctx context.Context, c *call) error {
	change := config.Property{Key: c.text("consumerGroup"), Value: c.text("threshold")}
	done := c.Quiet("brokers", "updateColdDataFlowCtrGroupConfig success, %s\n", "addr")
	return c.onBrokers(ctx, false, func(addr string) error {
		if err := c.LimitColdData(ctx, addr, change); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func removeColdDataFlowCtrGroupConfig(ctx context.Context, c *call) error {
	done := c.Quiet("brokers", "remove broker cold read threshold success, %s\n", "addr")
	return c.onBrokers(ctx, false, func(addr string) error {
		if err := c.UnlimitColdData(ctx, addr, c.text("consumerGroup")); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func setCommitLogReadAheadMode(ctx context.Context, c *call) error {
	mode := c.text("commitLogReadAheadMode")
	if mode != "0" && mode != "1" {
		return c.usage("the mode is 0, to read ahead, or 1, not to, and not %q", mode)
	}
	return c.onBrokers(ctx, true, func(addr string) error {
		remark, err := c.SetReadAhead(ctx, addr, mode)
		if err != nil {
			return err
		}
		c.Say(" ============%s============\n", addr)
		c.Quiet("brokers", "commitLog set readAhead mode rstStr%s\n", "remark").Add(remark)
		return nil
	})
}
