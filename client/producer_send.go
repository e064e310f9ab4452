package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/intercept"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// sending is one request on its way: a message, or a batch of them. It is used again for others, so that a send allocates next to
// nothing. One goroutine has it at a time: the sender's until remoting.Conn.Begin, then the connection's until the answer, then the
// sender's again, or the one that retries or calls back.
type sending struct {
	p       *Producer
	m       *Message // a batch's first
	option  SendOption
	batch   *batch // nil for a single message; else room
	room    batch
	oneWay  bool
	waits   bool                    // a goroutine waits on done; else it goes on when the answer is there
	done    chan struct{}           // gets a value when the answer is there
	outcome func(SendResult, error) // of an asynchronous send
	ctx     context.Context         // of an asynchronous send, whose retries happen after the call has returned

	id      []byte
	props   message.Properties
	packed  []byte // room for the compressed body
	head    []byte
	body    []byte
	sysFlag message.SysFlag
	flag    int32
	size    int64 // what it has of the gate

	began  time.Time // of the first try: the born time
	limit  time.Time // the context's deadline, zero without
	tried  time.Time // when the present try began
	tries  int
	topic  *publishing
	info   *publishInfo
	at     int // the queue, in info
	conn   *remoting.Conn
	opaque int32

	result SendResult
	err    error
	trace  traceInfo
}

// get takes a sending that nobody uses.
func (p *Producer) get() *sending {
	if s, ok := p.pool.Get().(*sending); ok {
		return s
	}
	return &sending{p: p, done: make(chan struct{}, 1)}
}

// The room that a sending may keep between uses, for a compressed body and for that of a batch.
const (
	maxKept      = 64 << 10
	maxKeptBatch = 256 << 10
)

// put gives a sending back, without what belongs to its user.
func (p *Producer) put(s *sending) {
	if cap(s.packed) > maxKept {
		s.packed = nil
	}
	if cap(s.room.body) > maxKeptBatch || cap(s.room.ids) > maxKept {
		s.room = batch{}
	}
	*s = sending{p: p, done: s.done, id: s.id, props: s.props, packed: s.packed, head: s.head, room: batch{ids: s.room.ids[:0], body: s.room.body[:0]}}
	p.pool.Put(s)
}

// Send sends a message and waits until the broker has stored it. A failed try is repeated as [ProducerConfig] says. Without a
// deadline in ctx each try may take SendTimeout. Errors: a broker's refusal is an [*Error]; [ErrTimeout], [ErrUnreachable], [ErrTopicNotFound],
// [ErrNoRoute], [ErrIllegal], [ErrClosed], or ctx's. After a timeout or a lost connection the message may be stored all the same.
func (p *Producer) Send(ctx context.Context, m *Message, opts ...SendOption) (SendResult, error) {
	if len(p.client.config.Interceptors) > 0 && m != nil {
		ctx, ms, end := intercept.BeginSend(ctx, p.client.config.Interceptors, p.config.Group, []*Message{m}, false)
		r, err := p.send(ctx, ms[0], opts)
		end(r, err)
		return r, err
	}
	return p.send(ctx, m, opts)
}

func (p *Producer) send(ctx context.Context, m *Message, opts []SendOption) (SendResult, error) {
	s, err := p.begin(ctx, m, opts)
	if err != nil {
		return SendResult{}, err
	}
	s.waits = true
	s.loop(ctx)
	r, err := s.result, s.err
	p.gate.Release(s.size)
	p.end(s)
	return r, err
}

// SendAsync sends a message and returns. done is called once with the outcome, unless SendAsync returns an error. It waits only while
// MaxPendingBytes are in flight, and for the route and connection of the first message to a topic; ctx bounds that and all tries,
// but does not take back what has been sent. Callbacks of a producer run one after the other: one that takes long delays the others, not the sending.
// The message must be left alone until then.
func (p *Producer) SendAsync(ctx context.Context, m *Message, done func(SendResult, error), opts ...SendOption) error {
	if len(p.client.config.Interceptors) > 0 && m != nil {
		next, ms, end := intercept.BeginSend(ctx, p.client.config.Interceptors, p.config.Group, []*Message{m}, false)
		err := p.sendAsync(next, ms[0], func(r SendResult, err error) {
			end(r, err)
			done(r, err)
		}, opts)
		if err != nil {
			end(SendResult{}, err)
		}
		return err
	}
	return p.sendAsync(ctx, m, done, opts)
}

func (p *Producer) sendAsync(ctx context.Context, m *Message, done func(SendResult, error), opts []SendOption) error {
	s, err := p.begin(ctx, m, opts)
	if err != nil {
		return err
	}
	s.outcome, s.ctx = done, ctx
	if err := s.start(ctx); err != nil {
		s.settle(err)
	}
	return nil
}

// SendOneWay sends a message without asking for an answer: it may be lost, and nobody knows. It returns when the message is handed to the
// connection, and waits for that while the connection holds more than MaxPendingBytes unsent.
func (p *Producer) SendOneWay(ctx context.Context, m *Message, opts ...SendOption) error {
	if len(p.client.config.Interceptors) > 0 && m != nil {
		next, ms, end := intercept.BeginSend(ctx, p.client.config.Interceptors, p.config.Group, []*Message{m}, true)
		r, err := p.sendOneWay(next, ms[0], opts)
		end(r, err)
		return err
	}
	_, err := p.sendOneWay(ctx, m, opts)
	return err
}

func (p *Producer) sendOneWay(ctx context.Context, m *Message, opts []SendOption) (SendResult, error) {
	s, err := p.begin(ctx, m, opts)
	if err != nil {
		return SendResult{}, err
	}
	s.oneWay, s.waits = true, true
	s.loop(ctx)
	r, err := s.result, s.err
	p.gate.Release(s.size)
	p.end(s)
	return r, err
}

// begin checks and prepares a message, waits for room and finds the topic's route.
func (p *Producer) begin(ctx context.Context, m *Message, opts []SendOption) (*sending, error) {
	if err := p.takeOff(); err != nil {
		return nil, err
	}
	s := p.get()
	err := s.prepare(m)
	if err == nil {
		err = s.admit(ctx, opts)
	}
	if err != nil {
		p.end(s)
		return nil, err
	}
	return s, nil
}

// admit waits for room for a prepared request, and finds the topic's route.
func (s *sending) admit(ctx context.Context, opts []SendOption) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("client: not sent: %w", err)
	}
	p := s.p
	for i := range opts {
		s.option = opts[i]
	}
	s.limit, _ = ctx.Deadline()
	var err error
	if s.topic, s.info, err = p.publish(ctx, s.m.Topic, s.began); err != nil {
		return err
	}
	size := int64(len(s.body) + len(s.props) + 256)
	if err := p.gate.Acquire(ctx, size); err != nil {
		return fmt.Errorf("client: waiting for room, %d bytes are in flight and MaxPendingBytes is %d: %w", p.gate.Used(), p.gate.Limit(), err)
	}
	s.size = size
	return nil
}

// end gives a sending back when its outcome has been told.
func (p *Producer) end(s *sending) {
	p.put(s)
	p.land()
}

// loop tries until it succeeds, or until there is no sense in another try. The outcome is in s.
func (s *sending) loop(ctx context.Context) {
	for {
		switch err := s.start(ctx); { // the answer may be in s already, so only an error is written
		case err != nil || s.oneWay:
			s.err = err
		default:
			s.wait(ctx)
		}
		if !s.again(ctx) {
			return
		}
	}
}

// start begins a try. Without waits, s belongs to the connection when it returns without error.
func (s *sending) start(ctx context.Context) error {
	p := s.p
	last := ""
	s.tried = s.began
	if s.tries > 0 {
		s.tried = time.Now()
		last = s.info.queues[s.at].BrokerName
		if info := s.topic.info.Load(); info != nil {
			s.info = info
		}
	}
	s.tries++
	var err error
	if s.at, err = p.choose(s.topic, s.info, s.m, &s.option, last, s.tried); err != nil {
		s.at = 0
		return err
	}
	addr := s.info.addrs[s.at]
	if addr == "" {
		return fmt.Errorf("client: broker %s has no master now: %w", s.info.queues[s.at].BrokerName, ErrNoRoute)
	}
	conn, err := p.client.cluster.Conn(ctx, addr)
	if err != nil {
		return err
	}
	s.encode(s.info.heads[s.at])
	if s.oneWay {
		return s.post(ctx, conn)
	}
	deadline := s.tried.Add(p.config.SendTimeout)
	if !s.limit.IsZero() && s.limit.Before(deadline) {
		deadline = s.limit
	}
	if s.waits {
		s.conn = conn
		s.opaque, err = conn.Begin(s.head, s.body, deadline, s)
	} else {
		err = p.beginAside(conn, s, deadline)
	}
	if err != nil {
		return fmt.Errorf("client: %s is %w: %w", addr, ErrUnreachable, err)
	}
	return nil
}

// beginAside sends for a caller who does not wait: together with what callbacks are about to send, if they are.
func (p *Producer) beginAside(conn *remoting.Conn, s *sending, deadline time.Time) error {
	more, ok := p.callbacks.Gathering()
	if !ok {
		_, err := conn.BeginSoon(s.head, s.body, deadline, s)
		return err
	}
	left, err := conn.BeginLater(s.head, s.body, deadline, s, more)
	if left {
		p.callbacks.Left(conn)
	}
	return err
}

// drainPause is how often a one-way send looks whether a full connection has room again.
const drainPause = time.Millisecond

// post sends one way.
func (s *sending) post(ctx context.Context, conn *remoting.Conn) error {
	for conn.PendingBytes() > s.p.config.MaxPendingBytes {
		pause := time.NewTimer(drainPause)
		select {
		case <-pause.C:
		case <-conn.Done():
			pause.Stop()
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("client: %d bytes are unsent, MaxPendingBytes is %d: %w", conn.PendingBytes(), s.p.config.MaxPendingBytes, ctx.Err())
		}
	}
	if _, err := conn.Begin(s.head, s.body, time.Time{}, nil); err != nil {
		return fmt.Errorf("client: %s is %w: %w", s.info.addrs[s.at], ErrUnreachable, err)
	}
	s.result = SendResult{ID: string(s.id), Queue: s.info.queues[s.at]}
	return nil
}

// wait waits for the answer to the present try.
func (s *sending) wait(ctx context.Context) {
	done := ctx.Done()
	if done == nil {
		<-s.done
		return
	}
	select {
	case <-s.done:
	case <-done:
		if s.conn.Cancel(s.opaque) {
			s.err = fmt.Errorf("client: no answer from %s, the message may be stored: %w", s.info.addrs[s.at], ctx.Err())
			return
		}
		<-s.done // the answer is there, or about to be
	}
}

// Answered takes the answer on the connection's reader goroutine.
func (s *sending) Answered(f *protocol.Frame, err error) {
	if err == nil {
		err = s.read(f)
	} else {
		err = s.unanswered(err)
	}
	if s.waits {
		s.err = err
		s.done <- struct{}{}
		return
	}
	s.settle(err)
}

func (s *sending) unanswered(err error) error {
	addr := s.info.addrs[s.at]
	switch {
	case !errors.Is(err, remoting.ErrNoAnswer):
		return fmt.Errorf("client: %s is %w, the message may be stored: %w", addr, ErrUnreachable, err)
	case !s.limit.IsZero() && !s.limit.After(time.Now()):
		return fmt.Errorf("client: %w from %s, the message may be stored: %w", ErrTimeout, addr, context.DeadlineExceeded)
	}
	return fmt.Errorf("client: %w from %s within %s, the message may be stored", ErrTimeout, addr, s.p.config.SendTimeout)
}

// settle ends an asynchronous try: with the callback, or with more tries on a goroutine of their own.
func (s *sending) settle(err error) {
	s.err = err
	if err == nil && (s.result.Status == SendOK || !s.p.config.RetryNotStored) {
		s.again(s.ctx)
		s.p.callBack(s, true)
		return
	}
	s.p.client.background(func() {
		s.waits = true
		if s.again(s.ctx) {
			s.loop(s.ctx)
		}
		s.p.callBack(s, false)
	})
}

// callBack has the outcome of an asynchronous send told. What it held of the gate is free before: a callback may send.
func (p *Producer) callBack(s *sending, reading bool) {
	p.gate.Release(s.size)
	switch start := p.callbacks.Add(s); {
	case start && reading: // more answers may be there
		p.client.callers.Soon(p.callbacks)
	case start:
		p.callbacks.Start()
	}
}

// read reads an answer. The frame is the connection's.
func (s *sending) read(f *protocol.Frame) error {
	switch f.Code {
	case protocol.ResSuccess:
		s.result.Status = SendOK
	case protocol.ResFlushDiskTimeout:
		s.result.Status = FlushDiskTimeout
	case protocol.ResFlushSlaveTimeout:
		s.result.Status = FlushSlaveTimeout
	case protocol.ResSlaveNotAvailable:
		s.result.Status = SlaveNotAvailable
	default:
		code := int32(protocol.ReqSendMessageV2)
		if s.batch != nil {
			code = protocol.ReqSendBatchMessage
		}
		return fmt.Errorf("client: %w", &cluster.Error{Code: f.Code, Remark: f.Remark, Addr: s.info.addrs[s.at], Request: code})
	}
	var h protocol.SendMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		return fmt.Errorf("client: the answer of %s: %w", s.info.addrs[s.at], err)
	}
	s.result.Queue = s.info.queues[s.at]
	s.result.Queue.QueueID = h.QueueID
	s.result.Offset, s.result.RecallHandle = message.QueueOffset(h.QueueOffset), h.RecallHandle
	if s.p.client.tracer != nil {
		s.trace.read(f.Fields)
	}
	if s.batch != nil {
		s.result.OffsetID = string(h.MsgID)
		return nil
	}
	var room [128]byte
	text := string(append(append(room[:0], s.id...), h.MsgID...)) // both ids in one allocation
	s.result.ID, s.result.OffsetID = text[:len(s.id)], text[len(s.id):]
	return nil
}
