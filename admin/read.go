package admin

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

// readGroup is the group that RocketMQ's own tools read with: every broker has it, and nobody's offsets are moved by it.
const readGroup = "TOOLS_CONSUMER"

// readBatch is how many messages one read asks for; brokers give no more by default.
const readBatch = 32

// Reader reads one queue as anybody may: it is no member of a group, moves no offset, and the broker does not know it
// afterwards. It is for one goroutine at a time; make one with [Admin.Reader].
type Reader struct {
	// Queue is what it reads.
	Queue Queue
	// Next is the offset to read next. It may be set between reads.
	Next int64
	// Tags chooses messages by tag, "a || b"; "" and "*" take all.
	Tags string
	// SQL chooses messages by their properties instead, an SQL92 expression as package filter describes it. Apache RocketMQ refuses it unless its
	// enablePropertyFilter is true, and passes everything where it cannot read it.
	SQL string
	// NoBody leaves the messages' bodies out.
	NoBody bool

	admin *Admin
	addr  string
}

// Reader makes a reader of the queue that begins at the offset.
func (a *Admin) Reader(ctx context.Context, q Queue, offset int64) (*Reader, error) {
	addr, err := a.address(ctx, q)
	return &Reader{Queue: q, Next: offset, admin: a, addr: addr}, err
}

// Readers makes readers of all of a topic's queues that can be read; each begins at the queue's first message.
func (a *Admin) Readers(ctx context.Context, topic string) ([]*Reader, error) {
	state, err := a.Topic(ctx, topic)
	if err != nil {
		return nil, err
	}
	var out []*Reader
	for _, q := range state.Queues {
		if q.QueueID >= state.Configs[q.BrokerName].ReadQueueNums {
			continue
		}
		for _, b := range state.Brokers {
			if addr, ok := b.any(); ok && b.Name == q.BrokerName {
				out = append(out, &Reader{Queue: q.Queue, Next: q.Min, admin: a, addr: addr})
			}
		}
	}
	return out, nil
}

// Read returns the next messages and moves Next behind them (11). Where there is none yet, the broker waits for one up to wait; then the
// result is empty. It is also empty where messages were left out by their tag or properties: Next says how far it is. A place that the queue does not
// have any more, or not yet, moves Next to the nearest one that it has.
func (r *Reader) Read(ctx context.Context, wait time.Duration) ([]Message, error) {
	h := &protocol.PullMessageHeader{ConsumerGroup: readGroup, Topic: r.Queue.Topic, QueueID: r.Queue.QueueID, QueueOffset: r.Next, MaxMsgNums: readBatch,
		SysFlag: protocol.PullSubscription, Subscription: r.expression(), ExpressionType: protocol.ExpressionTag}
	if r.SQL != "" {
		h.Subscription, h.ExpressionType = r.SQL, protocol.ExpressionSQL92
	}
	if wait > 0 {
		h.SysFlag |= protocol.PullSuspend
		h.SuspendTimeoutMillis = min(wait.Milliseconds(), math.MaxInt32)
	}
	ctx, cancel := context.WithTimeout(ctx, r.admin.opt.Timeout+wait)
	defer cancel()
	answer, err := r.admin.cluster.Invoke(ctx, r.addr, frame(protocol.ReqPullMessage, h, nil))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	switch answer.Code {
	case protocol.ResSuccess, protocol.ResPullNotFound, protocol.ResPullRetryImmediately, protocol.ResPullOffsetMoved:
	default:
		return nil, cluster.Check(answer, r.addr, protocol.ReqPullMessage)
	}
	var rh protocol.PullMessageResponseHeader
	if err := rh.Decode(answer.Fields); err != nil {
		return nil, fmt.Errorf("admin: answer of %s to request %d: %w", r.addr, protocol.ReqPullMessage, err)
	}
	var out []Message
	if answer.Code == protocol.ResSuccess {
		if out, err = parseMessages(answer.Body, r.Queue.BrokerName, r.NoBody); err != nil {
			return nil, err
		}
		out = slices.DeleteFunc(out, func(m Message) bool { return m.Offset < r.Next || !r.wants(m.Tag) })
	}
	r.Next = rh.NextBeginOffset
	return out, nil
}

func (r *Reader) expression() string {
	if r.Tags == "" {
		return "*"
	}
	return r.Tags
}

// wants looks at the tag itself: brokers compare hashes.
func (r *Reader) wants(tag string) bool {
	if r.SQL != "" || r.Tags == "" || r.Tags == "*" {
		return true
	}
	for want := range strings.SplitSeq(r.Tags, "||") {
		if strings.TrimSpace(want) == tag {
			return true
		}
	}
	return false
}
