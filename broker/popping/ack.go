package popping

// ACK_MESSAGE (200051), BATCH_ACK_MESSAGE (200151).
//
// Callers: consumers that pop, gRPC proxies.
//
// Behaviour: an acknowledgement is in the log before its answer. One that nobody knows any more is a success: the message was
// acknowledged, or its copy is in a retry topic. One of an ordered queue that was not popped at all is refused, as Apache
// does. A batch is answered when all of it is written; what in it lies outside of its queue is passed over. An acknowledgement
// that ends the last batch of an ordered queue wakes who waits for the queue.
//
// Codes: 0; 17 no such topic; 13 queue id, or never popped (ordered); 208 the offset lies outside of the queue, or a batch is
// empty; 1 unreadable header, body or handle.

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// maxBatch bounds a batch's body in bytes.
const maxBatch = 1 << 20

// acks is the sink of the acknowledgements of one request: the last of them to be written answers it.
type acks struct {
	p     *Pops
	conn  *remoting.Conn
	frame protocol.Frame
	left  atomic.Int32 // those on their way, and one for the request itself
	err   atomic.Pointer[error]
	wake  []ackedQueue // ordered queues; not changed any more when left comes to 0
}

type ackedQueue struct {
	group string
	queue message.Queue
}

func newAcks(p *Pops, c *remoting.Conn, f *protocol.Frame) *acks {
	a := &acks{p: p, conn: c, frame: replyTo(f)}
	a.left.Store(1)
	return a
}

// Committed hears that one acknowledgement is written, or why not.
func (a *acks) Committed(_ uint64, _ []commitlog.Appended, err error) {
	if errors.Is(err, commitlog.ErrFlushTimeout) {
		err = nil // it is written: only a power cut can take it back, and that costs a redelivery
	}
	a.done(err, false)
}

// Flush writes the answers.
func (a *acks) Flush() { a.conn.Flush() }

// done ends one part of the request; the last one answers.
func (a *acks) done(err error, flush bool) {
	if err != nil {
		a.err.CompareAndSwap(nil, &err)
	}
	if a.left.Add(-1) > 0 {
		return
	}
	switch err := a.err.Load(); {
	case err != nil:
		a.p.host.Refuse(a.conn, &a.frame, *err)
	case !a.frame.IsOneway():
		out := a.frame.Reply(protocol.ResSuccess, "")
		if a.conn.Append(&out); flush {
			a.conn.Flush()
		}
	}
	for _, w := range a.wake {
		a.p.wakeQueue(w.group, w.queue)
	}
}

// one is what is acknowledged in one queue of one pop.
type one struct {
	group   string
	queue   message.Queue
	popTime int64
	ordered bool
	offs    []message.QueueOffset // sorted
}

// HandleAck serves ACK_MESSAGE.
func (p *Pops) HandleAck(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.AckMessageHeader
	err := h.Decode(f.Fields)
	var handle protocol.PopHandle
	if err == nil {
		handle, err = protocol.ParsePopHandle(h.ExtraInfo)
	}
	if err != nil {
		p.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	var q message.Queue
	if h.Topic, err = liteTopic(h.Topic, h.LiteTopic); err == nil {
		q, err = p.known(h.ConsumerGroup, h.Topic, handle.Topic, h.QueueID, h.Offset, false)
	}
	if err != nil {
		p.host.Refuse(c, f, err)
		return
	}
	p.acknowledge(c, f, []one{{h.ConsumerGroup, q, handle.PopTime, handle.Ordered(), []message.QueueOffset{message.QueueOffset(h.Offset)}}})
}

// HandleBatchAck serves BATCH_ACK_MESSAGE.
func (p *Pops) HandleBatchAck(c *remoting.Conn, f *protocol.Frame) {
	if len(f.Body) > maxBatch {
		p.host.Refuse(c, f, apart.Refuse(protocol.ResSystemError, "the request's body has %d bytes, the limit is %d", len(f.Body), maxBatch))
		return
	}
	var batch protocol.BatchAckRequest
	if len(f.Body) > 0 {
		if err := protocol.UnmarshalBody(f.Body, &batch); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
	}
	if len(batch.Acks) == 0 {
		p.host.Answer(c, f, protocol.ResNoMessage, "")
		return
	}
	var all []one
	bad, first := 0, error(nil)
	for i := range batch.Acks {
		var err error
		if all, err = p.appendBatch(all, &batch.Acks[i]); err == nil {
			continue
		}
		if bad++; first == nil {
			first = fmt.Errorf("group %.300q, topic %.300q, queue %d: %w", batch.Acks[i].ConsumerGroup, batch.Acks[i].Topic, batch.Acks[i].QueueID, err)
		}
	}
	if bad > 0 {
		p.opt.Logger.Warn("parts of a batch of acknowledgements are passed over", "parts", bad, "of", len(batch.Acks), "the first", first)
	}
	p.acknowledge(c, f, all)
}

// appendBatch appends what one part of a batch acknowledges and the queue may hold. The error says why the part is passed over.
func (p *Pops) appendBatch(dst []one, a *protocol.BatchAck) ([]one, error) {
	from, err := a.PopTopic()
	if err != nil {
		return dst, err
	}
	q, err := p.known(a.ConsumerGroup, a.Topic, from, a.QueueID, a.StartOffset, false)
	var r *apart.Refusal
	if err != nil && !(errors.As(err, &r) && r.Code == protocol.ResNoMessage) {
		return dst, err
	}
	least, end := p.store.MinOffset(q), p.store.MaxOffset(q)
	o := one{group: a.ConsumerGroup, queue: q, popTime: a.PopTime, ordered: a.ReviveQueue == protocol.PopOrderQueue}
	a.Bits.Each(func(n int) bool {
		off := message.QueueOffset(a.StartOffset) + message.QueueOffset(n)
		if off < least || off > end {
			return true
		}
		if o.offs = append(o.offs, off); len(o.offs) == pop.MaxMessages {
			dst = append(dst, o)
			o.offs = nil
		}
		return true
	})
	if len(o.offs) > 0 {
		dst = append(dst, o)
	}
	return dst, nil
}

// acknowledge writes acknowledgements and answers the request.
func (p *Pops) acknowledge(c *remoting.Conn, f *protocol.Frame, all []one) {
	a := newAcks(p, c, f)
	var lost []one
	for _, o := range all {
		if o.ordered {
			a.wake = append(a.wake, ackedQueue{o.group, o.queue})
		}
	}
	var failed error
	for i := range all {
		o := &all[i]
		a.left.Add(1)
		known, gone, err := p.store.PopAck(o.group, o.queue, o.popTime, o.offs, a)
		if err != nil || known == 0 {
			a.left.Add(-1)
		}
		if known > 0 {
			p.opt.Statistics.Acked(o.group, o.queue.Topic, known)
			p.opt.Spans.Acked(o.group, o.queue, o.offs)
		}
		switch {
		case err != nil:
			failed = err
		case len(gone) > 0:
			lost = append(lost, one{group: o.group, queue: o.queue, popTime: o.popTime, offs: gone})
		case known == 0 && o.ordered && len(all) == 1:
			if state, _ := p.store.PopState(o.group, o.queue, o.offs[0]); state == pop.Unpopped {
				failed = apart.Refuse(protocol.ResMessageIllegal, "offset is illegal, key:%s@%d, commit:%d: it was not popped", o.queue.Topic, o.queue.ID, o.offs[0])
			}
		}
	}
	if len(lost) == 0 || failed != nil {
		a.done(failed, true)
		return
	}
	p.host.Later(c, f, func(*protocol.Frame) { p.acknowledgeLost(a, lost) })
}

// acknowledgeLost writes acknowledgements of pops that a crash has taken. It may read from the disk.
func (p *Pops) acknowledgeLost(a *acks, lost []one) {
	var failed error
	for i := range lost {
		o := &lost[i]
		a.left.Add(1)
		written, err := p.store.PopAckLost(o.group, o.queue, o.popTime, o.offs, a)
		if !written {
			a.left.Add(-1)
			failed = err
			continue
		}
		p.opt.Statistics.Acked(o.group, o.queue.Topic, len(o.offs))
	}
	p.store.Kick()
	a.done(failed, true)
}
