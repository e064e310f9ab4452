package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/cli/member"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/internal/javatext"
)

// closeTimeout bounds what the end of a producer may wait for.
const closeTimeout = 3 * time.Second

// producing gives do a producer that stays off the group's other business, and closes it.
func (c *call) producing(ctx context.Context, group string, do func(p *client.Producer) error) error {
	cl, err := c.env.Client(c.truth("msgTraceEnable"))
	if err != nil {
		return err
	}
	p, err := cl.NewProducer(client.ProducerConfig{Group: group})
	if err == nil {
		err = do(p)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, cl.Close(closing))
}

// javaSent is what SendResult.toString says.
func javaSent(r *client.SendResult) string {
	return fmt.Sprintf("SendResult [sendStatus=%s, msgId=%s, offsetMsgId=%s, messageQueue=%s, queueOffset=%d, recallHandle=%s]", r.Status, r.ID, r.OffsetID,
		member.QueueText(r.Queue), r.Offset, javatext.Text(r.RecallHandle))
}

// sentView is the same for --json.
func sentView(r *client.SendResult) map[string]any {
	return map[string]any{"sendStatus": r.Status.String(), "msgId": r.ID, "offsetMsgId": r.OffsetID, "brokerName": r.Queue.BrokerName, "queueId": r.Queue.QueueID,
		"queueOffset": r.Offset}
}

func sendMessage(ctx context.Context, c *call) error {
	m := &client.Message{Topic: c.text("topic"), Body: []byte(c.text("body")), Tag: c.text("tags"), Keys: strings.Fields(c.text("key"))}
	var opts []client.SendOption
	if c.has("qid") {
		id, err := c.small("qid", 0)
		if err != nil {
			return err
		}
		if !c.has("broker") {
			return c.usage("broker name must be set if the queue is chosen")
		}
		opts = append(opts, client.ToQueue(admin.Queue{Topic: m.Topic, BrokerName: c.text("broker"), QueueID: id}))
	}
	return c.producing(ctx, "aerobee-admin", func(p *client.Producer) error {
		r, err := p.Send(ctx, m, opts...)
		if err != nil {
			return err
		}
		t := c.Table("sent", "%-32s  %-4s  %-20s    %s\n", "%-32s  %-4d  %-20s    %s\n", "#Broker Name", "#QID", "#Send Result", "#MsgId")
		t.Add(r.Queue.BrokerName, r.Queue.QueueID, r.Status.String(), r.ID)
		return nil
	})
}

// filler is a body of so many bytes.
func filler(n int64) []byte { return []byte(strings.Repeat("a", int(max(n, 0)))) }

// maxFiller bounds the bodies that are made up, as brokers bound messages.
const maxFiller = 4 << 20

// size reads an option that says how large messages are.
func (c *call) size(name string) (int64, error) {
	n, err := c.number(name, 128)
	if err == nil && (n < 1 || n > maxFiller) {
		err = c.usage("option %s: %d bytes, where 1 to %d may be", name, n, maxFiller)
	}
	return n, err
}

func sendMsgStatus(ctx context.Context, c *call) error {
	count, err := c.number("count", 50)
	size, errSize := c.size("messageSize")
	if err := errors.Join(err, errSize); err != nil {
		return err
	}
	return c.producing(ctx, "PID_SMSC", func(p *client.Producer) error {
		if _, err := p.Send(ctx, &client.Message{Topic: c.text("brokerName"), Body: filler(16)}); err != nil {
			return err
		}
		for range count {
			begin := c.env.Now()
			r, err := p.Send(ctx, &client.Message{Topic: c.text("brokerName"), Body: filler(size)})
			if err != nil {
				return err
			}
			took := c.env.Now().Sub(begin).Milliseconds()
			v := sentView(&r)
			v["rt"] = took
			c.Add("sent", v)
			c.Say("rt=%dms, SendResult=%s\n", took, javaSent(&r))
		}
		return nil
	})
}

func checkMsgSendRT(ctx context.Context, c *call) error {
	amount, err := c.number("amount", 100)
	size, errSize := c.size("size")
	if err := errors.Join(err, errSize); err != nil {
		return err
	}
	return c.producing(ctx, "aerobee-admin", func(p *client.Producer) error {
		const format = "%-32s  %-4v  %-20v    %v\n"
		t := c.Table("sent", format, format, "#Broker Name", "#QID", "#Send Result", "#RT")
		var total int64
		var failure error // the first
		for i := range amount {
			begin := c.env.Now()
			var queue admin.Queue
			_, err := p.Send(ctx, &client.Message{Topic: c.text("topic"), Body: filler(size)}, client.Select(func(queues []client.Queue, _ *client.Message) client.Queue {
				queue = queues[i%int64(len(queues))]
				return queue
			}))
			took := c.env.Now().Sub(begin).Milliseconds()
			if i > 0 {
				total += took
			}
			if failure == nil {
				failure = err
			}
			t.Add(queue.BrokerName, queue.QueueID, err == nil, took)
			if ctx.Err() != nil {
				break
			}
		}
		average := float64(total) / float64(max(amount-1, 1))
		c.Fact("averageRT", average, "Avg RT: %.2f\n", average)
		return failure
	})
}

func clusterRT(ctx context.Context, c *call) error {
	amount, err := c.number("amount", 100)
	size, errSize := c.size("size")
	interval, errInterval := c.number("interval", 10)
	if err := errors.Join(err, errSize, errInterval); err != nil {
		return err
	}
	brokers, err := c.fleet(ctx, c.text("cluster"))
	if err != nil {
		return err
	}
	if !c.truth("print log") {
		c.Say("%-24s  %-24s  %-4s  %-8s  %-8s\n", "#Cluster Name", "#Broker Name", "#RT", "#successCount", "#failCount")
	}
	return c.producing(ctx, "aerobee-admin", func(p *client.Producer) error {
		for {
			t := c.Quiet("brokers", "%-24s  %-24s  %-8s  %-16d  %-16d\n", "cluster", "broker", "rt", "successCount", "failCount")
			for i := range brokers {
				rt, failed := c.sendRound(ctx, p, brokers[i].Name, amount, size)
				if c.truth("print log") && !c.JSON {
					c.Say("%s|%s|%s|%s|%.0f\n", c.stamp(c.env.Now().UnixMilli()), c.textOr("machine room", "noname"), brokers[i].Cluster, brokers[i].Name, rt)
					continue
				}
				t.Add(brokers[i].Cluster, brokers[i].Name, strconv.FormatFloat(rt, 'f', 2, 64), amount-failed, failed)
			}
			if err := c.Flush(); err != nil || !c.pause(ctx, time.Duration(interval)*time.Second) {
				return err
			}
		}
	})
}

// sendRound sends messages to the topic that has a broker's name, and returns the mean time of all but the first, in milliseconds.
func (c *call) sendRound(ctx context.Context, p *client.Producer, broker string, amount, size int64) (rt float64, failed int64) {
	var total time.Duration
	for i := range amount {
		begin := c.env.Now()
		if _, err := p.Send(ctx, &client.Message{Topic: broker, Body: filler(size)}); err != nil {
			failed++
		}
		if i > 0 {
			total += c.env.Now().Sub(begin)
		}
	}
	return float64(total.Microseconds()) / 1000 / float64(max(amount-1, 1)), failed
}
