package mqadmin

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/javatext"
)

func getColdDataFlowCtrInfo(ctx context.Context, c *call) error {
	return c.underHeadings(ctx, func(addr, heading string) error {
		c.Say(" %s\n", heading)
		body, err := c.ColdData(ctx, addr)
		if err != nil {
			return err
		}
		body = c.dated(body)
		var content map[string]any
		if err := json.Unmarshal(body, &content); err != nil {
			return fmt.Errorf("what %s says of cold data: %w", addr, err)
		}
		c.Say("%s\n", javatext.Pretty(body))
		c.Add("brokers", map[string]any{"addr": addr, "coldData": content})
		return nil
	})
}

var coldMillis = regexp.MustCompile(`"(lastColdRead|create)TimeMills":\s*"?(\d+)"?`)

// dated replaces the milliseconds in what a broker says of cold data by times; the order of the rest is the broker's.
func (c *call) dated(body []byte) []byte {
	return coldMillis.ReplaceAllFunc(body, func(member []byte) []byte {
		part := coldMillis.FindSubmatch(member)
		millis, err := strconv.ParseInt(string(part[2]), 10, 64)
		if err != nil {
			return member
		}
		return fmt.Appendf(nil, "\"%sTimeFormat\":\"%s\"", part[1], c.stamp(millis))
	})
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
	return c.underHeadings(ctx, func(addr, heading string) error {
		c.Say(" %s\n", heading)
		remark, err := c.SetReadAhead(ctx, addr, mode)
		if err != nil {
			return err
		}
		c.Quiet("brokers", "commitLog set readAhead mode rstStr%s\n", "remark").Add(remark)
		return nil
	})
}
