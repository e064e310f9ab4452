package popping

// NOTIFICATION (200054), POLLING_INFO (200055).
//
// Callers: gRPC proxies and pop consumers that want to know when there is something to pop; POLLING_INFO admin tools.
//
// Behaviour: 200054 is answered as soon as a pop of the group would find something to read, else when its time is up; ordered
// queues that are blocked do not count, and a queue that another pop is reading is looked at again when that has ended. 200055 counts the pops that wait for the queue.
//
// Codes: 0; 16 broker, topic or group forbidden; 17 no such topic; 23 expression unreadable; 26 no such group; 29 queue id; 1
// unreadable header.

import (
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandleNotification serves NOTIFICATION.
func (p *Pops) HandleNotification(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		r := &request{conn: c, frame: replyTo(f)}
		var h protocol.NotificationHeader
		if err := h.Decode(f.Fields); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		if err := p.checkNotification(r, &h); err != nil {
			p.refuseWith(c, f, err, &protocol.NotificationResponseHeader{})
			return
		}
		p.serveNotification(r)
	})
}

func (p *Pops) checkNotification(r *request, h *protocol.NotificationHeader) error {
	k, err := p.check("peeking", h.ConsumerGroup, h.Topic, h.QueueID)
	if err != nil {
		return err
	}
	p.patience(r, h.BornTime, h.PollTime)
	r.hdr = protocol.PopMessageHeader{Order: h.Order, AttemptID: attempt(h.AttemptID)}
	p.about(r, k, h.QueueID, h.Order)
	r.key.notify = true
	if h.Expression != "" {
		r.filter, err = p.host.Compile(h.ExpressionType, h.Expression)
	}
	return err
}

// serveNotification answers as soon as there is something.
func (p *Pops) serveNotification(r *request) {
	ready, until, busy := p.readyOrFree(r)
	for !ready {
		r.busy = busy
		code := p.wait(r, until)
		if code != 0 {
			p.answer(r.conn, &r.frame, protocol.ResSuccess, "", &protocol.NotificationResponseHeader{PollingFull: code == protocol.ResPollingFull})
			return
		}
		// What came between the look and the wait woke nobody.
		again, _, held := p.readyOrFree(r)
		if again = again || busy == (found{}) && held != busy; !again || !p.table.remove(r) {
			return
		}
		ready, until, busy = p.readyOrFree(r)
	}
	p.answer(r.conn, &r.frame, protocol.ResSuccess, "", &protocol.NotificationResponseHeader{HasMsg: true})
}

// readyOrFree reports whether a pop would find something, when to look again, in ms, 0 for not before the end, and the first queue that
// is busy.
func (p *Pops) readyOrFree(r *request) (ready bool, until int64, busy found) {
	now := p.opt.Now().UnixMilli()
	for _, s := range p.sources(r) {
		ready, refused := p.store.PopReady(r.key.group, s.queue, p.leaseRequest(r, s, pop.MaxMessages, now))
		if ready {
			return true, 0, found{}
		}
		at := int64(0)
		switch {
		case refused == nil:
		case refused.Reason == pop.Blocked:
			at = refused.Until
		case refused.Reason == pop.Full:
			at = now + fullNap
		case refused.Reason == pop.Busy:
			at = now + busyNap
			if busy == (found{}) {
				busy = found{r.key.group, s.queue}
			}
		}
		if at > 0 && (until == 0 || at < until) {
			until = at
		}
	}
	return false, until, busy
}

// HandlePollingInfo serves POLLING_INFO.
func (p *Pops) HandlePollingInfo(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		var h protocol.PollingInfoHeader
		if err := h.Decode(f.Fields); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		if _, err := p.check("peeking", h.ConsumerGroup, h.Topic, h.QueueID); err != nil {
			p.refuseWith(c, f, err, &protocol.PollingInfoResponseHeader{})
			return
		}
		n := p.table.of(h.Topic, key{group: h.ConsumerGroup, queue: max(h.QueueID, -1)})
		p.answer(c, f, protocol.ResSuccess, "", &protocol.PollingInfoResponseHeader{PollingNum: int32(n)})
	})
}
