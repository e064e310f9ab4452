package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/subscription"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	// pullSlack is how much longer than the broker may hold a pull we wait for its answer, as Java's clients do.
	pullSlack = 15 * time.Second
	// pullRetry is the longest wait after a failed pull.
	pullRetry = 3 * time.Second
	// idlePause follows more than maxIdle pulls in a row of which each was answered with nothing before so much time had passed: the
	// broker holds no pulls, and would be asked as fast as it can answer.
	idlePause = 20 * time.Millisecond
	maxIdle   = 10
)

// request is what a pull asks, taken under the consumer's lock.
type request struct {
	sub    *subscription.Told
	offset int64
	from   int64
	gen    int
}

// pull sends one pull and takes in what it brings. nil says that the next one may follow at once.
func (s *share) pull() error {
	c := s.c
	ctx, cancel := context.WithTimeout(s.ctx, c.o.pullWait+pullSlack)
	defer cancel()
	c.mu.Lock()
	r := request{s.sub, s.pq.Next, s.from, s.gen}
	s.abort, s.lastPull = cancel, time.Now()
	c.mu.Unlock()
	addr, err := s.source(ctx, r.from)
	if err != nil {
		return err
	}
	f := s.frame(&r)
	answer, err := c.client.cluster.Invoke(ctx, addr, &f)
	if err != nil {
		if ctx.Err() != nil && s.movedOn(r.gen) {
			return nil
		}
		return err
	}
	return s.answered(&r, addr, answer)
}

// movedOn reports whether the place to pull from was changed since.
func (s *share) movedOn(gen int) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.gen != gen
}

// source is the address to pull from: the broker id that was suggested, the next slave, or whoever is there, as Java chooses.
func (s *share) source(ctx context.Context, id int64) (addr string, err error) {
	topic, broker := s.queue.Topic, s.queue.BrokerName
	r, err := s.c.client.cluster.Route(ctx, topic)
	if err != nil {
		return "", err
	}
	if addr, ok := r.Addr(broker, id); ok {
		return addr, nil
	}
	if addr, ok := r.Addr(broker, id+1); ok && id != protocol.MasterID {
		return addr, nil
	}
	for _, addr := range r.Brokers[broker].Addrs {
		return addr, nil
	}
	if _, err := s.c.client.cluster.Refresh(ctx, topic); err != nil {
		return "", err
	}
	return "", fmt.Errorf("client: broker %s of topic %s: %w", broker, topic, ErrNoRoute)
}

// frame makes the request. It carries no offset to commit, as Java's pulls do: a broker that is still busy with it could put it behind the last
// one that Close tells. The subscription travels along, so that the answer does not depend on what the broker has heard by
// heartbeat; SQL92 is left to that, since compiling it is dear.
func (s *share) frame(r *request) protocol.Frame {
	o := &s.c.o
	h := protocol.PullMessageHeader{ConsumerGroup: o.group, Topic: s.queue.Topic, QueueID: s.queue.QueueID, QueueOffset: r.offset,
		MaxMsgNums: int32(o.pullBatch), SysFlag: protocol.PullSuspend, SuspendTimeoutMillis: o.pullWait.Milliseconds(),
		SubVersion: r.sub.Data.SubVersion, ExpressionType: r.sub.Data.ExpressionType, RequestSource: -1, BrokerName: s.queue.BrokerName}
	if h.ExpressionType == protocol.ExpressionTag || s.assigned {
		h.SysFlag |= protocol.PullSubscription
		h.Subscription = r.sub.Data.SubString
	}
	f := protocol.Frame{Code: protocol.ReqPullMessage, Fields: make(protocol.Fields, 0, 13)}
	h.Append(&f.Fields)
	return f
}

// answered takes in an answer.
func (s *share) answered(r *request, addr string, f *protocol.Frame) error {
	switch f.Code {
	case protocol.ResSuccess, protocol.ResPullNotFound, protocol.ResPullRetryImmediately, protocol.ResPullOffsetMoved:
	case protocol.ResSubscriptionNotExist, protocol.ResSubscriptionNotLatest, protocol.ResFilterDataNotExist, protocol.ResFilterDataNotLatest:
		if err := s.c.client.beat(s.ctx); err != nil {
			return err
		}
		return cluster.Check(f, addr, protocol.ReqPullMessage)
	default:
		return cluster.Check(f, addr, protocol.ReqPullMessage)
	}
	var h protocol.PullMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		return fmt.Errorf("client: answer to a pull: %w", err)
	}
	if f.Code == protocol.ResPullOffsetMoved {
		return s.correct(r, &h)
	}
	var ds []Delivery
	if f.Code == protocol.ResSuccess {
		ds = s.decode(r, &h, f.Body)
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.gen != r.gen || s.dropped {
		return nil
	}
	s.from = h.SuggestWhichBrokerID
	s.pq.Put(ds, h.NextBeginOffset)
	if s.idle++; h.NextBeginOffset != r.offset || time.Since(s.lastPull) > idlePause {
		s.idle = 0
	}
	if len(ds) > 0 {
		c.retrieve(s)
	} else if f.Code == protocol.ResSuccess && h.NextBeginOffset <= r.offset {
		return errNoProgress
	}
	return nil
}

var errNoProgress = errors.New("client: the broker's answer held nothing and led nowhere")

// decode makes deliveries of an answer's body. Where records are damaged it sets h.NextBeginOffset such that none that is not is passed over.
func (s *share) decode(r *request, h *protocol.PullMessageResponseHeader, body []byte) []Delivery {
	o := &s.c.o
	d := wire.Decoder{Queue: s.queue, Namespace: s.c.client.ns, RetryTopic: o.retryTopic, Tags: r.sub.Tags, Delta: h.OffsetDelta}
	ds, whole, err := d.Decode(body)
	if err != nil {
		s.c.log.Error("client: records left out", "queue", s.queue.String(), "offset", r.offset, "error", err)
	}
	if !whole && len(ds) > 0 {
		h.NextBeginOffset = int64(ds[len(ds)-1].Offset) + 1
	}
	behind := 0 // of a batch that is one record, the beginning may have been handled before
	for behind < len(ds) && int64(ds[behind].Offset) < r.offset {
		behind++
	}
	return ds[behind:]
}

// correct goes on from the offset that the broker says, because the one asked for is outside of the queue or was reset.
func (s *share) correct(r *request, h *protocol.PullMessageResponseHeader) error {
	c := s.c
	c.log.Warn("client: the broker has moved the offset", "queue", s.queue.String(), "asked", r.offset, "min", h.MinOffset, "max", h.MaxOffset, "next", h.NextBeginOffset)
	c.mu.Lock()
	if s.gen != r.gen || s.dropped {
		c.mu.Unlock()
		return nil
	}
	s.moveLocked(h.NextBeginOffset)
	c.mu.Unlock()
	if c.o.commit > 0 {
		if err := c.commitNow(s.ctx); err != nil {
			return err
		}
	}
	if h.NextBeginOffset == r.offset {
		return errNoProgress
	}
	return nil
}
