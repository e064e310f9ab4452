package popping

// POP_LITE_MESSAGE (200070).
//
// Callers: RocketMQ's gRPC proxy, for clients of lite topics.
//
// Behaviour: an ordered pop of all lite topics that the client reads, as it has said with LITE_SUBSCRIPTION_CTL: at most one batch of each is under way in a group. A
// client that says more, or less, while its pop waits is heard at once. A group with the attribute lite.sub.wildcard reads all lite topics of its parent (wild.go). Acknowledgements and changes of invisible times name the lite topic beside its parent.
//
// Codes: as for POP_MESSAGE; 29 the topic is not of message type LITE, or the group is bound to another one.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// LiteBindTopic is the group attribute that names the parent of the lite topics that a group reads. Source: SubscriptionGroupAttributes of RocketMQ 5.5.
const LiteBindTopic = "lite.bind.topic"

// HandlePopLite serves POP_LITE_MESSAGE.
func (p *Pops) HandlePopLite(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		r := &request{conn: c, frame: replyTo(f), lite: true}
		var h protocol.PopLiteMessageHeader
		if err := h.Decode(f.Fields); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		r.hdr = protocol.PopMessageHeader{ConsumerGroup: h.ConsumerGroup, Topic: h.Topic, QueueID: -1, MaxMsgNums: h.MaxMsgNum, InvisibleTime: h.InvisibleTime,
			PollTime: h.PollTime, BornTime: h.BornTime, InitMode: 1, Order: true, AttemptID: h.AttemptID}
		if err := p.checkPopLite(r, h.ClientID); err != nil {
			p.refuseWith(c, f, err, &protocol.PopMessageResponseHeader{})
			return
		}
		p.servePop(r)
	})
}

func (p *Pops) checkPopLite(r *request, clientID string) error {
	if err := p.checkPop(r); err != nil {
		return err
	}
	parent := r.topics[0]
	t, _ := p.store.Topic(parent)
	if kind.OfTopic(t.Attributes) != kind.Lite {
		return apart.Refuse(protocol.ResInvalidParameter, "the topic [%s] message type not match", parent)
	}
	g, _ := p.store.Group(r.key.group)
	if g.Attributes[LiteBindTopic] != parent {
		return apart.Refuse(protocol.ResInvalidParameter, "subscription bind topic not match, %s", r.key.group)
	}
	r.client, r.parent = strings.Clone(clientID), parent
	p.readLites(r)
	return nil
}

// liteTopics are the queues that the client reads now, or what stands for all of the parent. idle says that there are none: nothing comes of the parent, but the
// request waits, so that it is not asked again at once.
func (p *Pops) liteTopics(r *request) (topics []string, idle bool) {
	if topics = p.host.LiteQueues(r.client, r.key.group); len(topics) == 0 {
		return []string{r.parent}, true
	}
	return topics, false
}

// readLites has a request read what its client reads now.
func (p *Pops) readLites(r *request) {
	r.topics, r.idle = p.liteTopics(r)
	if len(r.topics) == 1 && r.topics[0] == light.Wild(r.parent, r.key.group) {
		r.wild = r.topics[0]
	}
}

// current is the request, or one like it if its client reads other lite topics now. The request must not wait.
func (p *Pops) current(r *request) *request {
	if !p.outdated(r) {
		return r
	}
	fresh := &request{conn: r.conn, frame: r.frame, hdr: r.hdr, filter: r.filter, key: r.key, deadline: r.deadline, waits: r.waits, lite: true, client: r.client, parent: r.parent}
	p.readLites(fresh)
	for _, name := range r.topics {
		if !slices.Contains(fresh.topics, name) {
			p.runAll(p.table.next(name, r.key)) // it may have been woken for a message that is another's
		}
	}
	return fresh
}

// outdated reports whether a client reads other lite topics than it did when its pop was begun.
func (p *Pops) outdated(r *request) bool {
	if !r.lite {
		return false
	}
	topics, _ := p.liteTopics(r)
	return !slices.Equal(topics, r.topics)
}

// LitesChanged lets the pops of a client that wait on a connection look again, since it reads other lite topics now. Those that wait on another one, of a proxy
// with many, see it when they are woken, or begun again.
func (p *Pops) LitesChanged(c *remoting.Conn, clientID string) { p.runAll(p.table.lites(c, clientID)) }

// Dispatch is LitesChanged for a client whose subscriptions are as they were: one that reads all lite topics of a parent looks at each of them.
func (p *Pops) Dispatch(c *remoting.Conn, clientID string) {
	woken := p.table.lites(c, clientID)
	for _, r := range woken {
		p.wilds.stale(r.wild)
	}
	p.runAll(woken)
}

// liteSources are the lite topics that hold anything.
func (p *Pops) liteSources(r *request) (out []source) {
	if r.idle {
		return nil
	}
	for _, name := range r.topics {
		if q := (message.Queue{Topic: name}); p.store.MaxOffset(q) > 0 {
			out = append(out, source{q, protocol.PopNormal})
		}
	}
	return out
}

// liteHeader is the header of an answer to a pop of lite topics.
func (g *gathering) liteHeader() *protocol.PopLiteMessageResponseHeader {
	var counts []string
	for i := range g.infos {
		for j := range g.infos[i].offs {
			n := int32(0)
			if j < len(g.infos[i].counts) {
				n = g.infos[i].counts[j]
			}
			counts = append(counts, strconv.Itoa(int(n)))
		}
	}
	return &protocol.PopLiteMessageResponseHeader{PopTime: g.popTime, InvisibleTime: g.r.hdr.InvisibleTime, ReviveQueue: protocol.PopOrderQueue,
		OrderCountInfo: strings.Join(counts, ";")}
}

// liteTopic is the topic of an acknowledgement: the light queue of the lite topic, if it names one.
func liteTopic(topic, lite string) (string, error) {
	if lite == "" {
		return topic, nil
	}
	q, err := light.LiteQueue(topic, lite)
	if err != nil {
		return "", apart.Refuse(protocol.ResInvalidParameter, "%v", err)
	}
	return q, nil
}
