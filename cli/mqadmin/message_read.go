package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/member"
	"github.com/aerobee-mq/aerobee/cli/mqadmin/tostring"
	"github.com/aerobee-mq/aerobee/protocol"
)

// extent is a part of a queue: the offsets from, and to the one behind the last.
type extent struct {
	queue    admin.Queue
	from, to int64
}

// extents are the parts of a topic's queues, or of the one of brokerName and queueId, that the times of two options leave.
func (c *call) extents(ctx context.Context, begin, end string) ([]extent, error) {
	topic := c.text("topic")
	var queues []admin.Queue
	if c.has("queueId") {
		id, err := c.small("queueId", 0)
		if err != nil {
			return nil, err
		}
		queues = append(queues, admin.Queue{Topic: topic, BrokerName: c.text("brokerName"), QueueID: id})
	} else {
		route, err := c.Route(ctx, c.textOr("lmqParentTopic", topic))
		if err != nil {
			return nil, err
		}
		for _, q := range route.Queues {
			for id := int32(0); id < q.ReadQueueNums && q.Perm&protocol.PermRead != 0; id++ {
				queues = append(queues, admin.Queue{Topic: topic, BrokerName: q.BrokerName, QueueID: id})
			}
		}
		slices.SortFunc(queues, admin.Queue.Compare)
	}
	var out []extent
	for _, q := range queues {
		e := extent{queue: q}
		var errFrom, errTo error
		e.from, errFrom = c.bound(ctx, q, begin, c.MinOffset)
		e.to, errTo = c.bound(ctx, q, end, c.MaxOffset)
		if err := errors.Join(errFrom, errTo); err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

// bound is the offset at the time of an option, or the queue's own where the option is not given.
func (c *call) bound(ctx context.Context, q admin.Queue, name string, own func(ctx context.Context, q admin.Queue) (int64, error)) (int64, error) {
	if !c.has(name) {
		return own(ctx, q)
	}
	at, err := c.moment(name)
	if err != nil {
		return 0, err
	}
	return c.OffsetAt(ctx, q, at)
}

// read gives do what lies in a part of a queue, a few messages at a time, until do has had enough. None is what it gives where the tags have left
// all out, up to next.
func (c *call) read(ctx context.Context, e extent, tags string, do func(list []admin.Message, next int64) bool) error {
	if e.from >= e.to {
		return nil
	}
	r, err := c.Reader(ctx, e.queue, e.from)
	if err != nil {
		return err
	}
	r.Tags = tags
	for r.Next < e.to {
		before := r.Next
		list, err := r.Read(ctx, 0)
		if err != nil {
			return err
		}
		none := len(list) == 0
		list = slices.DeleteFunc(list, func(m admin.Message) bool { return m.Offset >= e.to })
		if r.Next <= before || len(list) == 0 && !none || !do(list, r.Next) {
			return nil
		}
	}
	return nil
}

// printMessages prints a line for each message, mqadmin's.
func (c *call) printMessages(list []admin.Message, bodies bool) {
	for i := range list {
		m := &list[i]
		body := "NOT PRINT BODY"
		if bodies {
			body = string(m.Body)
		}
		id := m.ID
		if id == "" {
			id = m.OffsetID
		}
		if !c.JSON {
			c.Say("MSGID: %s %s BODY: %s\n", id, tostring.Message(m), body)
			continue
		}
		v := messageView(m, nil)
		if !bodies {
			delete(v, "body")
			delete(v, "bodyBase64")
		}
		c.Add("messages", v)
	}
}

func printMsg(ctx context.Context, c *call) error {
	c.Quiet("messages", "")
	parts, err := c.extents(ctx, "beginTimestamp", "endTimestamp")
	if err != nil {
		return err
	}
	bodies := !c.has("printBody") || c.truth("printBody")
	for _, e := range parts {
		c.Say("minOffset=%d, maxOffset=%d, %s\n", e.from, e.to, member.QueueText(e.queue))
		if err := c.read(ctx, e, c.textOr("subExpression", "*"), func(list []admin.Message, next int64) bool {
			if len(list) == 0 {
				c.Say("%s no matched msg. status=NO_MATCHED_MSG, offset=%d\n", member.QueueText(e.queue), next)
			}
			c.printMessages(list, bodies)
			return true
		}); err != nil {
			return err
		}
		c.Say("--------------------------------------------------------\n")
	}
	return nil
}

func printMsgByQueue(ctx context.Context, c *call) error {
	if c.truth("print msg") || !c.truth("calculate") {
		c.Quiet("messages", "")
	}
	parts, err := c.extents(ctx, "beginTimestamp", "endTimestamp")
	if err != nil {
		return err
	}
	byTag := map[string]int64{}
	for _, e := range parts {
		if err := c.read(ctx, e, c.textOr("subExpression", "*"), func(list []admin.Message, _ int64) bool {
			for i := range list {
				if list[i].Tag != "" {
					byTag[list[i].Tag]++
				}
			}
			if c.truth("print msg") {
				c.printMessages(list, c.truth("printBody"))
			}
			return true
		}); err != nil {
			return err
		}
	}
	if !c.truth("calculate") {
		return nil
	}
	t := c.Quiet("tags", "Tag: %-30s Count: %d\n", "tag", "count")
	for _, tag := range slices.SortedFunc(maps.Keys(byTag), func(x, y string) int {
		if byTag[x] != byTag[y] {
			return int(byTag[y] - byTag[x])
		}
		return strings.Compare(x, y)
	}) {
		t.Add(tag, byTag[tag])
	}
	return nil
}

func consumeMessage(ctx context.Context, c *call) error {
	left, err := c.number("MessageNumber", 128)
	offset, errOffset := c.number("offset", 0)
	switch err = errors.Join(err, errOffset); {
	case err != nil:
		return err
	case left <= 0:
		return c.usage("please input a positive messageNumber")
	case c.has("queueId") && !c.has("brokerName"):
		return c.usage("please set the brokerName before queueId")
	case c.has("offset") && !c.has("queueId"):
		return c.usage("please set queueId before offset")
	}
	if err := c.pastSpan("beginTimestamp", "endTimestamp"); err != nil {
		return err
	}
	c.Quiet("messages", "")
	parts, err := c.extents(ctx, "beginTimestamp", "endTimestamp")
	if err != nil {
		return err
	}
	for _, e := range parts {
		if c.has("offset") && offset > e.to {
			return fmt.Errorf("%s no matched msg, offset=%d", member.QueueText(e.queue), offset)
		}
		if c.has("offset") {
			e.from = max(e.from, offset)
		}
		if e.to-e.from > left {
			c.Say("The older %d message of the %d queue will be provided\n", left, e.queue.QueueID)
		}
		if err := c.read(ctx, e, "*", func(list []admin.Message, _ int64) bool {
			if len(list) == 0 {
				return true
			}
			list = list[:min(int64(len(list)), left)]
			left -= int64(len(list))
			c.Say("Consume ok\n")
			c.printMessages(list, true)
			return left > 0
		}); err != nil || left == 0 {
			return err
		}
		c.Say("%s print msg finished. status=NO_NEW_MSG, offset=%d\n", member.QueueText(e.queue), e.to)
	}
	return nil
}

// pastSpan refuses times that are to come, and a beginning behind the end.
func (c *call) pastSpan(begin, end string) error {
	now := c.env.Now()
	from, to := now, now
	for name, at := range map[string]*time.Time{begin: &from, end: &to} {
		if !c.has(name) {
			continue
		}
		var err error
		if *at, err = c.moment(name); err != nil {
			return err
		}
		if at.After(now) {
			return c.usage("please set the %s before now", name)
		}
	}
	if c.has(begin) && from.After(to) {
		return c.usage("please make sure that the beginTimestamp is less than or equal to the endTimestamp")
	}
	return nil
}
