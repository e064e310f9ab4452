package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/protocol"
)

func resetOffsetByTime(ctx context.Context, c *call) error {
	group, topic := c.text("group"), c.text("topic")
	at := c.env.Now()
	if c.text("timestamp") != "now" {
		var err error
		if at, err = c.moment("timestamp"); err != nil {
			return err
		}
	}
	if c.has("broker") && c.has("queue") {
		return c.resetOne(ctx, at.UnixMilli())
	}
	moved, err := c.Reset(ctx, admin.Reset{Group: group, Topic: topic, Timestamp: at.UnixMilli()})
	if err != nil && len(moved) == 0 {
		return err
	}
	c.Say("start reset consumer offset by specified, group[%s], topic[%s], force[%t], timestamp(string)[%s], timestamp(long)[%d]\n", group, topic,
		!c.has("force") || c.truth("force"), c.text("timestamp"), at.UnixMilli())
	c.printMoved(moved)
	return err
}

func (c *call) printMoved(moved []admin.Moved) {
	const format = "%-40s  %-40v  %-40v\n"
	t := c.Table("queues", format, format, "#brokerName", "#queueId", "#offset")
	for _, m := range moved {
		t.Add(javatext.Front(m.BrokerName, 32), m.QueueID, m.To)
	}
}

// resetOne resets one queue, to the offset or to the time.
func (c *call) resetOne(ctx context.Context, millis int64) error {
	group, topic, addr := c.text("group"), c.text("topic"), c.text("broker")
	queue, err := c.small("queue", 0)
	offset, errOffset := c.number("offset", 0)
	if err := errors.Join(err, errOffset); err != nil {
		return err
	}
	c.Say("start reset consumer offset by specified, group[%s], topic[%s], queueId[%d], broker[%s], timestamp(string)[%s], timestamp(long)[%d]\n", group, topic, queue,
		addr, c.text("timestamp"), millis)
	if !c.has("offset") {
		if offset, err = c.SearchOffset(ctx, addr, &protocol.SearchOffsetHeader{Topic: topic, QueueID: queue, Timestamp: millis}); err != nil {
			return err
		}
	}
	if _, err := c.ResetOffsets(ctx, addr, &protocol.ResetOffsetHeader{Group: group, Topic: topic, QueueID: queue, Offset: offset, Timestamp: millis, Force: true}); err != nil {
		return err
	}
	c.Set("queueId", queue)
	c.Fact("offset", offset, "reset consumer offset to %d\n", offset)
	return nil
}

func skipAccumulatedMessage(ctx context.Context, c *call) error {
	moved, err := c.Reset(ctx, admin.Reset{Group: c.text("group"), Topic: c.text("topic"), Timestamp: -1})
	if err != nil && len(moved) == 0 {
		return err
	}
	c.printMoved(moved)
	return err
}

func cloneGroupOffset(ctx context.Context, c *call) error {
	from, to, topic := c.text("srcGroup"), c.text("destGroup"), c.text("topic")
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return err
	}
	if _, err := c.groupsNamed(ctx, brokers, from); err != nil {
		return err // a broker tells of a group that it does not know that it begins at 0
	}
	stats, err := c.consumed(ctx, brokers, from, topic)
	if err != nil {
		return err
	}
	copied := []any{}
	for _, q := range slices.SortedFunc(maps.Keys(stats.OffsetTable), admin.Queue.Compare) {
		offset := stats.OffsetTable[q].ConsumerOffset
		i := slices.IndexFunc(brokers, func(b admin.Broker) bool { return b.Name == q.BrokerName })
		if q.Topic != topic || offset < 0 || i < 0 {
			continue
		}
		addr, err := masterOf(&brokers[i])
		if err != nil {
			return err
		}
		if err := c.CommitOffset(ctx, addr, &protocol.UpdateConsumerOffsetHeader{ConsumerGroup: to, Topic: topic, QueueID: q.QueueID, CommitOffset: offset}); err != nil {
			return err
		}
		copied = append(copied, map[string]any{"brokerName": q.BrokerName, "queueId": q.QueueID, "offset": offset})
	}
	if len(copied) == 0 {
		return fmt.Errorf("group %s has no offsets in topic %s", from, topic)
	}
	c.Fact("queues", copied, "clone group offset success. srcGroup[%s], destGroup=[%s], topic[%s]\n", from, to, topic)
	return nil
}

func getConsumerStatus(ctx context.Context, c *call) error {
	group, topic, client := c.text("group"), c.text("topic"), c.text("originClientId")
	route, err := c.Route(ctx, topic)
	if err != nil {
		return err
	}
	c.Say("get consumer status from client. group=%s, topic=%s, originClientId=%s\n", group, topic, client)
	const format = "%-50s  %-15s  %-15v  %-20v\n"
	t := c.Table("offsets", format, format, "#clientId", "#brokerName", "#queueId", "#offset")
	all := map[string]map[admin.Queue]int64{}
	var errs []error
	for _, b := range route.Brokers {
		status, err := c.ConsumerOffsets(ctx, anyAddr(b.Addrs), &protocol.ConsumerStatusHeader{Topic: topic, Group: group, ClientAddr: client})
		errs = append(errs, err)
		maps.Copy(all, status.Clients)
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, q := range slices.SortedFunc(maps.Keys(all[id]), admin.Queue.Compare) {
			t.Add(javatext.Front(id, 50), q.BrokerName, q.QueueID, all[id][q])
		}
	}
	return errors.Join(errs...)
}
