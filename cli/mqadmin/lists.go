package mqadmin

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// maxFile bounds the files that commands read.
const maxFile = 64 << 20

// file is the content of the file of -f.
func (c *call) file() ([]byte, error) {
	info, err := os.Stat(c.text("filename"))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", c.text("filename"), info.Size(), maxFile)
	}
	return os.ReadFile(c.text("filename"))
}

func updateTopicList(ctx context.Context, c *call) error {
	text, err := c.file()
	if err != nil {
		return err
	}
	var topics manage.Topics
	if err := protocol.UnmarshalBody(append(append([]byte(`{"topicConfigList":`), text...), '}'), &topics); err != nil {
		return fmt.Errorf("%s: %w", c.text("filename"), err)
	}
	done := c.Quiet("brokers", "submit batch of topic config to %s success, please check the result later.\n", "addr")
	return c.onBrokers(ctx, false, func(addr string) error {
		if err := c.SetTopics(ctx, addr, topics.Topics); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func updateSubGroupList(ctx context.Context, c *call) error {
	text, err := c.file()
	if err != nil {
		return err
	}
	var groups []protocol.SubscriptionGroupConfig
	if err := protocol.UnmarshalBody(text, &groups); err != nil {
		return fmt.Errorf("%s: %w", c.text("filename"), err)
	}
	what := "subscription group"
	if c.has("brokerAddr") {
		what = "group"
	}
	done := c.Quiet("brokers", "submit batch of "+what+" config to %s success, please check the result later.\n", "addr")
	return c.onBrokers(ctx, false, func(addr string) error {
		if err := c.SetGroups(ctx, addr, groups); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func producer(ctx context.Context, c *call) error {
	groups, err := c.Producers(ctx, c.text("broker"))
	if err != nil {
		return err
	}
	t := c.Quiet("producers", "producer group (%s) instance : clientId=%s,remoteIP=%s, language=%s, version=%d, lastUpdateTimestamp=%d\n",
		"group", "clientId", "remoteIP", "language", "version", "lastUpdateTimestamp")
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[group]) == 0 {
			c.Say("producer group (%s) instances are empty\n", group)
		}
		for _, p := range groups[group] {
			t.Add(group, p.ClientID, p.RemoteIP, p.Language, p.Version, p.LastSeen)
		}
	}
	return nil
}

func queryCq(ctx context.Context, c *call) error {
	queue, err := c.small("queue", 0)
	if err != nil {
		return err
	}
	index, err := c.number("index", 0)
	if err != nil {
		return err
	}
	count, err := c.small("count", 10)
	if err != nil {
		return err
	}
	addr := c.text("broker")
	if addr == "" {
		route, err := c.Route(ctx, c.text("topic"))
		if err != nil {
			return err
		}
		if len(route.Brokers) == 0 {
			return fmt.Errorf("topic %s has no broker", c.text("topic"))
		}
		addr = anyAddr(route.Brokers[0].Addrs)
	}
	q, err := c.QueueEntries(ctx, addr, &manage.ConsumeQueueHeader{Topic: c.text("topic"), QueueID: queue, Index: index, Count: count, Group: c.text("consumer"),
		Grouped: c.has("consumer")})
	if err != nil {
		return err
	}
	const line = "======================================\n"
	if q.Subscription != nil {
		c.Fact("subscription", q.Subscription, "Subscription data: \n%s\n"+line, javatext.Pretty(protocol.MarshalBody(q.Subscription)))
	}
	if q.FilterData != "" {
		c.Fact("filter", q.FilterData, "Filter data: \n%s\n"+line, q.FilterData)
	}
	c.Say("Queue data: \nmax: %d, min: %d\n"+line, q.MaxIndex, q.MinIndex)
	c.Set("max", q.MaxIndex)
	c.Set("min", q.MinIndex)
	t := c.Quiet("entries", "idx: %d\nConsumeQueueData{physicOffset=%d, physicSize=%d, tagsCode=%d, extendDataJson='%s', bitMap='%s', eval=%t, msg='%s'}\n"+line,
		"index", "physicOffset", "physicSize", "tagsCode", "extendDataJson", "bitMap", "eval", "msg")
	for i, e := range q.Entries {
		t.Add(index+int64(i), e.Offset, e.Size, e.TagsCode, javatext.Text(e.Extended), javatext.Text(e.BitMap), e.Matches, javatext.Text(e.Message))
	}
	return nil
}
