package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// offsetStore keeps how far a group has come in each queue.
type offsetStore interface {
	// Load is the offset to go on from; found is false when there is none yet.
	Load(ctx context.Context, q Queue) (offset int64, found bool, err error)
	// Save keeps offsets and returns when they are kept.
	Save(ctx context.Context, offsets map[Queue]int64) error
	// SaveSoon keeps offsets without waiting; what fails is told again next time.
	SaveSoon(ctx context.Context, offsets map[Queue]int64) error
}

// brokerOffsets keeps a group's offsets at the brokers of the queues.
type brokerOffsets struct {
	c     *Client
	group string
	// young lets a broker begin a new group with the first message of a queue that has lost none yet, as Java's clients have it. So a
	// group that begins with the last message does not miss those in queues that a topic has just been given.
	young bool
}

func (o *brokerOffsets) Load(ctx context.Context, q Queue) (int64, bool, error) {
	f := protocol.Frame{Code: protocol.ReqQueryConsumerOffset}
	header := protocol.QueryConsumerOffsetHeader{ConsumerGroup: o.group, Topic: q.Topic, QueueID: q.QueueID, SetZeroIfNotFound: o.young}
	header.Append(&f.Fields)
	offset, err := o.c.askOffset(ctx, q, &f)
	if errors.Is(err, cluster.ErrNotFound) {
		return 0, false, nil
	}
	return offset, err == nil, err
}

func (o *brokerOffsets) Save(ctx context.Context, offsets map[Queue]int64) error {
	var mu sync.Mutex
	var errs []error // guarded by mu
	eachBroker(slices.Collect(maps.Keys(offsets)), func(part []Queue) {
		for _, q := range part {
			f := o.update(q, offsets[q])
			_, err := o.c.askQueue(ctx, q, &f)
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	})
	return errors.Join(errs...)
}

func (o *brokerOffsets) SaveSoon(ctx context.Context, offsets map[Queue]int64) error {
	var errs []error
	for q, offset := range offsets {
		f := o.update(q, offset)
		errs = append(errs, o.c.tellQueue(ctx, q, &f))
	}
	return errors.Join(errs...)
}

func (o *brokerOffsets) update(q Queue, offset int64) protocol.Frame {
	f := protocol.Frame{Code: protocol.ReqUpdateConsumerOffset}
	header := protocol.UpdateConsumerOffsetHeader{ConsumerGroup: o.group, Topic: q.Topic, QueueID: q.QueueID, CommitOffset: offset}
	header.Append(&f.Fields)
	return f
}

// queryTimeout is how long a broker may take to answer a small request.
const queryTimeout = 5 * time.Second

// masterOf is the address of the master of a queue's broker.
func (c *Client) masterOf(ctx context.Context, q Queue) (string, error) {
	r, err := c.cluster.Route(ctx, q.Topic)
	if err == nil {
		if addr, ok := r.Master(q.BrokerName); ok {
			return addr, nil
		}
	} else if !isAbsent(err) { // else our own first message may just have made the topic
		return "", err
	}
	if r, err = c.cluster.Refresh(ctx, q.Topic); err != nil {
		return "", err
	}
	if addr, ok := r.Master(q.BrokerName); ok {
		return addr, nil
	}
	return "", fmt.Errorf("client: broker %s of topic %s has no master: %w", q.BrokerName, q.Topic, ErrNoRoute)
}

// askQueue sends a request to the master of a queue's broker; an answer other than SUCCESS is an [*Error].
func (c *Client) askQueue(ctx context.Context, q Queue, f *protocol.Frame) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	addr, err := c.masterOf(ctx, q)
	if err != nil {
		return nil, err
	}
	cluster.NameBroker(f, q)
	return c.ask(ctx, addr, f)
}

func (c *Client) ask(ctx context.Context, addr string, f *protocol.Frame) (*protocol.Frame, error) {
	answer, err := c.cluster.Invoke(ctx, addr, f)
	if err != nil {
		return nil, err
	}
	return answer, cluster.Check(answer, addr, f.Code)
}

// tellQueue sends a one-way request to the master of a queue's broker.
func (c *Client) tellQueue(ctx context.Context, q Queue, f *protocol.Frame) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	addr, err := c.masterOf(ctx, q)
	if err != nil {
		return err
	}
	conn, err := c.cluster.Conn(ctx, addr)
	if err != nil {
		return err
	}
	cluster.NameBroker(f, q)
	f.Flag, f.Language, f.Version = protocol.FlagOneway, protocol.LanguageGo, protocol.CurrentVersion
	return conn.Send(f)
}

// askOffset is askQueue for a request whose answer is an offset.
func (c *Client) askOffset(ctx context.Context, q Queue, f *protocol.Frame) (int64, error) {
	answer, err := c.askQueue(ctx, q, f)
	if err != nil {
		return 0, err
	}
	var h protocol.OffsetResponseHeader
	if err := h.Decode(answer.Fields); err != nil {
		return 0, fmt.Errorf("client: answer to request %d: %w", f.Code, err)
	}
	return h.Offset, nil
}

// bound asks for a queue's last offset (30) or its first (31).
func (c *Client) bound(code int32) func(ctx context.Context, q Queue) (int64, error) {
	return func(ctx context.Context, q Queue) (int64, error) {
		f := protocol.Frame{Code: code}
		header := protocol.QueueHeader{Topic: q.Topic, QueueID: q.QueueID, Committed: true}
		header.Append(&f.Fields)
		return c.askOffset(ctx, q, &f)
	}
}

// offsetAt is the offset of the first message stored at t or later.
func (c *Client) offsetAt(ctx context.Context, q Queue, t time.Time) (int64, error) {
	f := protocol.Frame{Code: protocol.ReqSearchOffsetByTimestamp}
	header := protocol.SearchOffsetHeader{Topic: q.Topic, QueueID: q.QueueID, Timestamp: t.UnixMilli()}
	header.Append(&f.Fields)
	return c.askOffset(ctx, q, &f)
}

// startOf is where a group without an offset begins in a queue.
func (c *Client) startOf(ctx context.Context, q Queue, from Start) (int64, error) {
	switch {
	case message.IsRetry(q.Topic) || from == FromFirst:
		return 0, nil // the broker's answer to a pull says where the first message is
	case from == FromLast:
		return c.bound(protocol.ReqGetMaxOffset)(ctx, q)
	}
	return c.offsetAt(ctx, q, time.UnixMilli(int64(from)))
}
