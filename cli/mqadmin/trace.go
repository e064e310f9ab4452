package mqadmin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/trace"
	"github.com/aerobee-mq/aerobee/message"
)

// event is one thing that a client says it did with a message.
type event struct {
	group, host string
	at          time.Time
	cost        time.Duration
	success     bool
}

func queryMsgTraceByID(ctx context.Context, c *call) error {
	most, err := c.small("maxNum", 64)
	q := admin.Query{Topic: c.textOr("traceTopic", message.TopicTrace), Key: c.text("msgId"), Max: int(most)}
	if err := errors.Join(err, c.span(&q, "beginTimestamp", "endTimestamp")); err != nil {
		return err
	}
	list, err := c.Messages(ctx, q)
	sent, handled, errTraces := events(list, q.Key)
	for i := range sent {
		c.printEvents("sent", "Pub", "#ProducerGroup", "#SendTime", sent[i:i+1])
	}
	for _, group := range slices.Sorted(maps.Keys(handled)) {
		c.printEvents("consumed", "Sub", "#ConsumerGroup", "#ConsumerTime", handled[group])
	}
	if err = errors.Join(err, errTraces); err == nil && len(sent) == 0 && len(handled) == 0 {
		err = fmt.Errorf("topic %s has no trace of message %s: its clients write none, or it is gone", q.Topic, q.Key)
	}
	return err
}

// events are what traces say of a message: that it was sent, and by group that it was handled.
func events(list []admin.Message, id string) (sent []event, handled map[string][]event, err error) {
	handled = map[string][]event{}
	for i := range list {
		all, errParse := trace.Parse(list[i].Body)
		err = errors.Join(err, errParse)
		host := list[i].BornHost.Addr().Unmap().String()
		for _, t := range all {
			switch t := t.(type) {
			case *trace.Sent:
				if t.ID == id {
					sent = append(sent, event{t.Group, host, t.At, t.Cost, t.Success})
				}
			case *trace.Ended:
				if t.ID == id {
					handled[t.Group] = append(handled[t.Group], event{t.Group, host, t.At, t.Cost, t.Success})
				}
			}
		}
	}
	return sent, handled, err
}

func (c *call) printEvents(list, kind, group, at string, events []event) {
	const format = "%-10s %-20s %-20s %-20s %-10s %-10s\n"
	t := c.Table(list, format, format, "#Type", group, "#ClientHost", at, "#CostTimes", "#Status")
	for _, e := range events {
		status := "success"
		if !e.success {
			status = "failed"
		}
		t.Add(kind, e.group, e.host, c.stamp(e.at.UnixMilli()), fmt.Sprintf("%dms", e.cost.Milliseconds()), status)
	}
	c.Say("\n")
}

func decodeMessageID(_ context.Context, c *call) error {
	ip, at, err := takeApart(c.text("messageId"), c.env.Now())
	if err != nil {
		return c.usage("%v", err)
	}
	c.Set("date", at.UnixMilli())
	c.Fact("ip", ip.String(), "ip=%s\ndate=%s\n", ip, at.Format("2006-01-02#15:04:05:")+fmt.Sprintf("%03d", at.UnixMilli()%1000))
	return nil
}

// takeApart reads the maker's address and the time out of a unique id, which holds the time since a month began: of the months
// the last one that it can have been.
func takeApart(id string, now time.Time) (netip.Addr, time.Time, error) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 16 && len(raw) != 28 {
		return netip.Addr{}, now, fmt.Errorf("%q is no unique id: it has 32 hexadecimal digits, of a client with IPv6 56", id)
	}
	n := len(raw) - 12
	ip, _ := netip.AddrFromSlice(raw[:n])
	raw = raw[n+6:]
	span := time.Duration(uint32(raw[0])<<24|uint32(raw[1])<<16|uint32(raw[2])<<8|uint32(raw[3])) * time.Millisecond
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	if !month.Add(span).Before(now) {
		month = month.AddDate(0, -1, 0)
	}
	return ip, month.Add(span), nil
}
