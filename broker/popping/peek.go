package popping

// PEEK_MESSAGE (200052).
//
// Callers: programs that look at what a pop would bring.
//
// Behaviour: as a pop, but nothing is handed out and nothing waits; the answer's header tells how much is left alone.
//
// Codes: 0; 19 nothing there; 16, 17, 26, 29 as a pop; 1 unreadable header.

import (
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandlePeek serves PEEK_MESSAGE.
func (p *Pops) HandlePeek(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		var h protocol.PeekMessageHeader
		if err := h.Decode(f.Fields); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		k, err := p.check("peeking", h.ConsumerGroup, h.Topic, h.QueueID)
		if err != nil {
			p.refuseWith(c, f, err, &protocol.PopMessageResponseHeader{})
			return
		}
		r := &request{conn: c, frame: replyTo(f), hdr: protocol.PopMessageHeader{InitMode: 0}}
		r.key = key{group: k.group.Name, queue: max(h.QueueID, -1)}
		r.topics = append([]string{k.topic.Name}, p.retryTopics(k.group.Name, k.topic.Name, false)...)
		g := gathering{p: p, r: r, look: true, began: p.opt.Steady(), popTime: p.opt.Now().UnixMilli(), room: min(max(int(h.MaxMsgNums), 1), pop.MaxMessages), size: p.opt.MaxBytes}
		if err := g.peek(); err != nil {
			p.refuseWith(c, f, err, &protocol.PopMessageResponseHeader{})
			return
		}
		if g.count == 0 {
			p.answer(c, f, protocol.ResPullNotFound, "NO_MESSAGE_IN_QUEUE", &protocol.PopMessageResponseHeader{RestNum: g.rest})
			return
		}
		p.host.Got(g.caught())
		g.tally(false)
		p.answer(c, f, protocol.ResSuccess, "FOUND", &protocol.PopMessageResponseHeader{RestNum: g.rest}, g.body)
	})
}

// peek gathers what a pop would.
func (g *gathering) peek() (err error) {
	for _, s := range g.p.sources(g.r) {
		if g.room <= 0 || err != nil {
			break
		}
		err = g.from(s)
	}
	g.countRest()
	for i := range g.taken { // as RocketMQ counts: nothing has been taken
		g.rest += int64(g.taken[i].Next - g.taken[i].Lease.From)
	}
	return err
}
