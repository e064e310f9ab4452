package broker

// LOCK_BATCH_MQ (41), UNLOCK_BATCH_MQ (42).
//
// Callers: orderly push consumers every 20 s, and when they give a queue up.
//
// Behaviour: a lock belongs to a client of a group and lasts 60 s from its last renewal; the answer names the queues that
// the client holds now, with the broker name that the client gave. Only the holder can unlock. Locks survive a restart.
//
// In strict mode (lockInStrictMode) a client holds what more than half of totalReplicas brokers of this name have given it. There is one: as with RocketMQ where
// one of several is left, or knows of no other, nobody is told that he holds anything then, though the locks are taken. A broker asks another one with onlyThisBroker.
//
// Codes: 0; 1 unreadable or too large body.

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func (b *Broker) handleLock(c *remoting.Conn, f *protocol.Frame) {
	req, ok := b.lockRequest(c, f)
	if !ok {
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		held := make(map[message.Queue]bool)
		for _, q := range b.store.Lock(req.ConsumerGroup, req.ClientID, queuesOf(req.Queues)) {
			held[q] = true
		}
		locked := []protocol.MessageQueue{}
		for _, q := range req.Queues {
			if held[message.Queue{Topic: q.Topic, ID: message.QueueID(q.QueueID)}] {
				locked = append(locked, q)
			}
		}
		if b.opt.LockQuorum > 1 && !req.OnlyThisBroker {
			locked = locked[:0]
		}
		b.answerBody(c, f, protocol.MarshalBody(protocol.LockBatchResponse{Locked: locked}), nil)
	})
}

func (b *Broker) handleUnlock(c *remoting.Conn, f *protocol.Frame) {
	req, ok := b.lockRequest(c, f)
	if !ok {
		return
	}
	b.store.Unlock(req.ConsumerGroup, req.ClientID, queuesOf(req.Queues))
	b.answer(c, f, protocol.ResSuccess, "")
}

// lockRequest reads the body of both requests, or refuses it.
func (b *Broker) lockRequest(c *remoting.Conn, f *protocol.Frame) (req protocol.LockBatchRequest, ok bool) {
	if len(f.Body) > maxClientBody {
		b.answer(c, f, protocol.ResSystemError, bodyTooLarge(f))
		return req, false
	}
	if err := protocol.UnmarshalBody(f.Body, &req); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return req, false
	}
	return req, true
}

func queuesOf(list []protocol.MessageQueue) []message.Queue {
	out := make([]message.Queue, 0, len(list))
	for _, q := range list {
		out = append(out, message.Queue{Topic: q.Topic, ID: message.QueueID(q.QueueID)})
	}
	return out
}
