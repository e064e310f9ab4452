package broker

import (
	"time"

	"github.com/aerobee-mq/aerobee/broker/quota"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// A topic's quota refuses sends with SYSTEM_BUSY: the Java client tries twice more, at other brokers if there are some, and then throws an
// exception with this code, whose cause has the remark; RocketMQ's gRPC proxy makes TOO_MANY_REQUESTS of it. FLOW_CONTROL would be told at once, but never
// tried elsewhere, and be an internal error to that proxy.
//
// A group's quota slows its pulls down: one that finds no room waits for it, and is told that there is nothing new if that takes too long. A refusal
// with FLOW_CONTROL would make the Java client ask again after 20 ms, for each of its queues, for ever; any other code would keep it away for three seconds.

// admit lets a send pass, or refuses it.
func (b *Broker) admit(w *sendWork, cfg *topic.Config, messages, bytes int) error {
	if !w.limits.Any() {
		return nil
	}
	if err := b.sends.Admit(cfg.Name, w.limits, int64(messages), int64(bytes)); err != nil {
		return apart.Refuse(protocol.ResSystemBusy, "%sthe quota is exceeded: topic %v", remarkBusy, err)
	}
	return nil
}

// maxSlowed is how long a pull that may not wait for messages waits for room.
const maxSlowed = 3 * time.Second

// reserveFor sets aside how much a group may get now by its quota, of what is wanted. Without room, wait is how long there is none.
func (b *Broker) reserveFor(name string, messages, bytes int) (m, s int, wait time.Duration) {
	g, _ := b.store.Group(name) // as it is now: the request may have waited long
	limits := quota.OfGroup(g.Attributes)
	if !limits.Any() {
		return messages, bytes, 0
	}
	count, size, wait := b.pulls.Reserve(name, limits, int64(messages), int64(bytes))
	return int(count), int(size), wait
}

// slow lets a pull wait until there is room, or its time is up.
func (b *Broker) slow(p *pullRequest, suspend bool) {
	now := b.steady()
	if p.slowUntil.IsZero() {
		p.slowUntil = now.Add(maxSlowed)
		if end := time.UnixMilli(p.deadline); end.After(now) {
			p.slowUntil = end
		}
		if !p.held {
			b.commitWithPull(p, message.QueueOffset(p.hdr.QueueOffset))
		}
	}
	left := p.slowUntil.Sub(now)
	if left <= 0 {
		b.pullNothing(p)
		return
	}
	if !p.session.conn.Go(func() { b.slowed(p, suspend, min(p.wait, left)) }) {
		b.answer(p.session.conn, &p.request, protocol.ResSystemBusy, p.session.conn.TooMany())
	}
}

func (b *Broker) slowed(p *pullRequest, suspend bool, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.session.conn.Done():
	case <-b.stop:
		b.pullNothing(p)
	case <-timer.C:
		b.runPull(p, suspend)
	}
}

// pullNothing tells a pull that there is nothing new, where it stands.
func (b *Broker) pullNothing(p *pullRequest) {
	out := p.request.Reply(protocol.ResPullNotFound, "the quota of group "+p.hdr.ConsumerGroup+" is used up")
	h := protocol.PullMessageResponseHeader{NextBeginOffset: p.hdr.QueueOffset, MinOffset: int64(b.store.MinOffset(p.queue)), MaxOffset: int64(b.store.MaxOffset(p.queue)),
		TopicSysFlag: p.topicSysFlag, GroupSysFlag: p.groupSysFlag}
	h.Append(&out.Fields)
	b.send(p.session.conn, &out)
}
