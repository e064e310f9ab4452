package popping

// CHANGE_MESSAGE_INVISIBLETIME (200053).
//
// Callers: consumers that pop: to gain time, or to give a message back (soon, or after a retry's delay).
//
// Behaviour: the message is out of sight for so long from now, in the log before the answer, which brings what the new handle
// is made of; the old one does not count any more. In an ordered queue the pop time stays. A message that nobody knows any
// more gets its new handle all the same, as from Apache.
//
// Codes: 0; 17 no such topic; 13 queue id; 208 the offset lies outside of the queue; 1 unreadable header or handle.

import (
	"errors"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// renewal is the sink of one change of invisible time.
type renewal struct {
	p     *Pops
	conn  *remoting.Conn
	frame protocol.Frame
	hdr   protocol.ChangeInvisibleResponseHeader
	// ready says that hdr is filled in: the log may be done before PopRenew has returned.
	ready chan struct{}
	free  *ackedQueue // an ordered queue that may be free now
}

// Committed answers: with the new handle when it is written, with the reason when it is not.
func (n *renewal) Committed(_ uint64, _ []commitlog.Appended, err error) {
	<-n.ready
	if err != nil && !errors.Is(err, commitlog.ErrFlushTimeout) {
		n.p.host.Refuse(n.conn, &n.frame, err)
		return
	}
	n.answer()
	if n.free != nil {
		n.p.wakeQueue(n.free.group, n.free.queue)
	}
}

// Flush writes the answer.
func (n *renewal) Flush() { n.conn.Flush() }

func (n *renewal) answer() {
	if n.frame.IsOneway() {
		return
	}
	out := n.frame.Reply(protocol.ResSuccess, "")
	n.hdr.Append(&out.Fields)
	n.conn.Append(&out)
}

// HandleChangeInvisible serves CHANGE_MESSAGE_INVISIBLETIME.
func (p *Pops) HandleChangeInvisible(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ChangeInvisibleHeader
	err := h.Decode(f.Fields)
	var handle protocol.PopHandle
	if err == nil {
		handle, err = protocol.ParsePopHandle(h.ExtraInfo)
	}
	if err != nil {
		p.refuseWith(c, f, apart.Refuse(protocol.ResSystemError, "%v", err), &protocol.ChangeInvisibleResponseHeader{})
		return
	}
	var q message.Queue
	if h.Topic, err = liteTopic(h.Topic, h.LiteTopic); err == nil {
		q, err = p.known(h.ConsumerGroup, h.Topic, handle.Topic, h.QueueID, h.Offset, true)
	}
	if err != nil {
		p.refuseWith(c, f, err, &protocol.ChangeInvisibleResponseHeader{})
		return
	}
	n := &renewal{p: p, conn: c, frame: replyTo(f), ready: make(chan struct{})}
	n.hdr.ReviveQueue = handle.ReviveQueue
	if handle.Ordered() && h.InvisibleTime <= 0 {
		n.free = &ackedQueue{h.ConsumerGroup, q}
	}
	known := false
	n.hdr.PopTime, n.hdr.InvisibleTime, known, err = p.store.PopRenew(h.ConsumerGroup, q, message.QueueOffset(h.Offset), handle.PopTime,
		min(h.InvisibleTime, p.opt.MaxInvisible.Milliseconds()), h.Suspend, n)
	close(n.ready)
	switch {
	case err != nil:
		p.refuseWith(c, f, err, &protocol.ChangeInvisibleResponseHeader{})
	case !known:
		n.answer()
		c.Flush()
	default:
		p.opt.Statistics.Acked(h.ConsumerGroup, q.Topic, 1)
		p.opt.Statistics.Popped(h.ConsumerGroup, q.Topic)
		p.opt.Spans.Renewed(h.ConsumerGroup, q, message.QueueOffset(h.Offset))
	}
}
