package broker

// HEART_BEAT (34), UNREGISTER_CLIENT (35), CHECK_CLIENT_CONFIG (46); sends NOTIFY_CONSUMER_IDS_CHANGED (40).
//
// Callers: every client at its start, on each new subscription, every 30 s, and at its end; 46 from consumers that filter
// by anything but tags, before they start.
//
// Behaviour: 34 enters the connection into its producer and consumer groups. A consumer group that nobody knows is made,
// with its retry topic, unless that is switched off: then the group is passed over silently. When members or topics
// change, all members hear of it by 40 and rebalance at once; broadcast groups do not. Fingerprints are understood: a client
// may leave its subscriptions out as long as the group's fingerprint is its own, else IS_SUB_CHANGE asks for them. Expressions
// are compiled here, once; one that cannot be is taken in all the same, but pulls by it are refused. 46 says so beforehand.
//
// Codes: 0; 1 unreadable body or header, too many groups or subscriptions (34), SQL92 switched off (46); 23 expression unreadable or of unknown type, filter class (46).

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// maxClientBody bounds the bodies of clients that name groups, subscriptions and queues: what they say is kept in memory.
const maxClientBody = 1 << 20

func (b *Broker) handleHeartbeat(c *remoting.Conn, f *protocol.Frame) {
	if len(f.Body) > maxClientBody {
		b.answer(c, f, protocol.ResSystemError, bodyTooLarge(f))
		return
	}
	beat, err := protocol.UnmarshalHeartbeat(f.Body)
	if err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	s := b.session(c) // before anything waits, so that the connection's end finds it
	b.clientMu.Lock()
	err = b.clients.Admit(s, &beat, b.opt.Members)
	b.clientMu.Unlock()
	if err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if b.beatReady(&beat) {
		b.beat(c, f, &beat)
		return
	}
	b.later(c, f, func(f *protocol.Frame) {
		b.prepareBeat(&beat)
		b.beat(c, f, &beat)
	})
}

// beatReady reports whether all that the heartbeat needs is there already, which it is all but the first time.
func (b *Broker) beatReady(beat *protocol.HeartbeatData) bool {
	for i := range beat.ConsumerDataSet {
		d := &beat.ConsumerDataSet[i]
		if _, ok := b.store.Group(d.GroupName); !ok {
			if b.groupMakeable(d.GroupName) == nil {
				return false
			}
			continue
		}
		if t, ok := b.store.Topic(message.RetryTopic(d.GroupName)); !ok || t.Order != b.readsInOrder(d) {
			return false
		}
	}
	return true
}

// readsInOrder reports whether a group subscribes to an order topic.
func (b *Broker) readsInOrder(d *protocol.ConsumerData) bool {
	for i := range d.SubscriptionData {
		if t, ok := b.store.Topic(d.SubscriptionData[i].Topic); ok && t.Order {
			return true
		}
	}
	return false
}

// prepareBeat makes the groups and retry topics of a heartbeat.
func (b *Broker) prepareBeat(beat *protocol.HeartbeatData) {
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	for i := range beat.ConsumerDataSet {
		d := &beat.ConsumerDataSet[i]
		g, err := b.ensureGroup(ctx, d.GroupName)
		if err == nil {
			err = b.prepareRetry(ctx, g, d)
		}
		if err != nil {
			b.opt.Logger.Warn("heartbeat: group not prepared", "group", d.GroupName, "client", beat.ClientID, "error", err)
		}
	}
}

func (b *Broker) prepareRetry(ctx context.Context, g group.Config, d *protocol.ConsumerData) error {
	order := b.readsInOrder(d)
	t, err := b.ensureRetry(ctx, g, order, d.UnitMode)
	if err != nil || t.Order == order {
		return err
	}
	done, err := b.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	t.Order = order
	return b.putTopic(ctx, t)
}

func bodyTooLarge(f *protocol.Frame) string {
	return fmt.Sprintf("the request's body has %d bytes, the limit is %d", len(f.Body), maxClientBody)
}

// beat enters a heartbeat into the client table, tells who must know, and answers.
func (b *Broker) beat(c *remoting.Conn, f *protocol.Frame, beat *protocol.HeartbeatData) {
	now := b.steady().UnixMilli()
	who := member.Client[*session]{Conn: b.session(c), ID: beat.ClientID, Language: f.Language.String(), Version: f.Version}
	var notices []member.Notice[*session]
	var told []member.Announcement
	for i := range beat.ConsumerDataSet {
		if a, ok := b.announced(beat, &beat.ConsumerDataSet[i]); ok {
			told = append(told, a)
		}
	}
	subChanged := beat.Fingerprint == 0
	b.clientMu.Lock()
	if who.Conn.ended {
		b.clientMu.Unlock()
		return
	}
	for _, a := range told {
		n, _, changed := b.clients.Consumer(now, who, a)
		subChanged = subChanged || changed
		if len(n.Conns) > 0 {
			notices = append(notices, n)
		}
	}
	for _, d := range beat.ProducerDataSet {
		b.clients.Producer(now, who, d.GroupName)
	}
	b.clientMu.Unlock()
	b.statistics.Registered(len(beat.ProducerDataSet), len(told), b.steady().UnixMilli()-now)
	b.notify(notices...)
	if f.IsOneway() {
		return
	}
	r := f.Reply(protocol.ResSuccess, "")
	r.Fields.AddBool(protocol.FieldHeartbeatV2, true)
	r.Fields.AddBool(protocol.FieldSubChange, subChanged)
	b.send(c, &r)
}

// announced reads one consumer group of a heartbeat; false when the group does not exist and may not be made.
func (b *Broker) announced(beat *protocol.HeartbeatData, d *protocol.ConsumerData) (member.Announcement, bool) {
	g, ok := b.store.Group(d.GroupName)
	if !ok {
		return member.Announcement{}, false
	}
	a := member.Announcement{Group: d.GroupName, Type: d.ConsumeType, Model: d.MessageModel, From: d.ConsumeFromWhere, Notify: g.NotifyConsumerIDsChanged,
		Fingerprint: beat.Fingerprint, KeepSubs: beat.WithoutSub && beat.Fingerprint != 0}
	setDefault(&a.Type, protocol.ConsumePassively)
	setDefault(&a.Model, protocol.ModelClustering)
	for i := range d.SubscriptionData {
		s := &d.SubscriptionData[i]
		sub := &member.Subscription{Topic: s.Topic, Expression: s.SubString, Kind: s.ExpressionType, Version: s.SubVersion, Tags: s.TagsSet, Codes: s.CodeSet}
		sub.Filter, sub.Err = b.compileAnnounced(beat.ClientID, d.GroupName, s)
		a.Subs = append(a.Subs, sub)
	}
	return a, true
}

// notify tells members of groups that they must rebalance (40), and the log where members have begun to disagree.
func (b *Broker) notify(notices ...member.Notice[*session]) {
	b.logTurns()
	for _, n := range notices {
		out := protocol.Frame{Code: protocol.ReqNotifyConsumerIDsChanged, Flag: protocol.FlagOneway, Language: protocol.LanguageJava, Version: protocol.CurrentVersion}
		h := protocol.ConsumerGroupHeader{ConsumerGroup: n.Group}
		h.Append(&out.Fields)
		for _, s := range n.Conns {
			b.send(s.conn, &out)
		}
	}
}

// logTurns says once of which groups the members do not subscribe alike, and once that they do again.
func (b *Broker) logTurns() {
	b.clientMu.Lock()
	turns := b.clients.Turns()
	b.clientMu.Unlock()
	for _, t := range turns {
		if len(t.Disagreements) == 0 {
			b.opt.Logger.Info("the members of a group subscribe alike again", "group", t.Group)
		}
		for _, d := range t.Disagreements {
			b.opt.Logger.Warn("the members of a group do not subscribe alike: messages that one wants go to another, which passes them over", "group", t.Group, "differs", d.String())
		}
	}
}

func (b *Broker) handleUnregister(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.UnregisterClientHeader
	if err := h.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	s := b.session(c)
	var n member.Notice[*session]
	b.clientMu.Lock()
	if h.ProducerGroup != "" {
		b.clients.LeaveProducer(s, h.ProducerGroup)
	}
	if h.ConsumerGroup != "" {
		n = b.clients.LeaveConsumer(s, h.ConsumerGroup)
	}
	b.clientMu.Unlock()
	b.notify(n)
	b.answer(c, f, protocol.ResSuccess, "")
}

func (b *Broker) handleCheckClient(c *remoting.Conn, f *protocol.Frame) {
	var req protocol.CheckClientRequest
	if err := apart.Body(f, &req); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if r := b.checkFilter(&req.SubscriptionData); r != nil {
		b.refuse(c, f, r)
		return
	}
	b.answer(c, f, protocol.ResSuccess, "")
}

// clientScan is the time between two looks for silent clients.
const clientScan = 10 * 1e9

// expireClients lets clients go that have sent no heartbeat for too long, and closes their connections: they come back.
func (b *Broker) expireClients(now int64) {
	b.clientMu.Lock()
	notices, silent := b.clients.Expire(now)
	b.clientMu.Unlock()
	b.notify(notices...)
	for _, s := range silent {
		b.opt.Logger.Info("client has been silent for too long, connection closed", "remote", s.remote, "limit", b.opt.ClientExpiry)
		_ = s.conn.Close()
	}
}
