package broker

// PULL_MESSAGE (11), LITE_PULL_MESSAGE (361).
//
// Callers: push, pull and lite pull consumers, slaves, admin tools.
//
// Behaviour: checks in Apache's order, see checkPull. A pull that finds nothing and may wait goes on hold, keyed by queue,
// until a message with a wanted tag arrives, its time is up, or its connection ends; then it runs once more and is answered
// whatever it finds. With SQL92 any message lets it run, and it goes back on hold while it finds nothing that it wants. A pull whose
// records are in memory is answered where it is read, together with others that came with it; one whose records lie on the disk only, and
// one with SQL92, which takes longer, runs on a goroutine.
// A pull of a group with a quota takes no more than that has room for, and waits for room, see quotas.go.
// commitOffset counts on the first run only, and a stranger's move by it is logged as that of a commit (15). After a reset (222) the
// next pull is told the new offset, whatever it asks for. All four offsets of the header stand on every answer that has run.
//
// Codes: 0 found; 19 nothing new; 20 nothing matched, ask again; 21 offset moved; 2 too many holds; 16 broker, lite pull,
// group, topic, broadcast or subscription forbidden (forbiddenType says which); 17 no such topic; 23 expression unreadable;
// 24 no such subscription; 25 subscription older here; 26 no such group; 27 the heartbeat's expression was unreadable; 29 queue
// id; 1 expression type unknown or switched off.

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// Values of a pull answer's forbiddenType.
const (
	forbiddenBroker       = 1
	forbiddenGroup        = 2
	forbiddenTopic        = 3
	forbiddenBroadcast    = 4
	forbiddenSubscription = 5
)

// pullRequest is one pull, taken out of its frame so that it can wait. Of its header's texts the group's name lives on, see
// forgetTexts.
type pullRequest struct {
	session      *session
	request      protocol.Frame // what an answer needs of the request, without fields and body
	hdr          protocol.PullMessageHeader
	queue        message.Queue
	filter       *filter.Filter
	topicSysFlag int32
	groupSysFlag int32
	deadline     int64         // ms by the steady clock, when it may wait
	held         bool          // it has been on hold: this is not its first run
	passed       bool          // on hold it has passed messages that it did not want
	wait         time.Duration // for room in the group's quota, as it was last asked for
	slowUntil    time.Time     // by the steady clock, once it has waited for room
	last         bool          // nothing is put on hold any more: it is answered whatever it finds
}

// pullRefusal is a refusal that also says what is forbidden.
type pullRefusal struct {
	apart.Refusal
	forbidden int32
}

func (b *Broker) handlePull(c *remoting.Conn, f *protocol.Frame) {
	p := &pullRequest{session: b.session(c), request: protocol.Frame{Encoding: f.Encoding, Code: f.Code, Opaque: f.Opaque, Flag: f.Flag, Received: f.Received}}
	if err := p.hdr.Decode(f.Fields); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if _, ok := b.store.Group(p.hdr.ConsumerGroup); !ok && b.groupMakeable(p.hdr.ConsumerGroup) == nil {
		b.later(c, f, func(*protocol.Frame) { b.pullNewGroup(p) })
		return
	}
	b.startPull(p)
}

// pullNewGroup serves the first pull of a group that nobody has announced.
func (b *Broker) pullNewGroup(p *pullRequest) {
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	if _, err := b.ensureGroup(ctx, p.hdr.ConsumerGroup); err != nil {
		b.refuse(p.session.conn, &p.request, err)
		return
	}
	b.startPull(p)
}

// startPull checks a pull and runs it; one that has nothing to read yet is put on hold without a goroutine.
func (b *Broker) startPull(p *pullRequest) {
	if r := b.checkPull(p); r != nil {
		b.refusePull(p, r)
		return
	}
	p.forgetTexts()
	if b.answerReset(p) {
		return
	}
	suspend, wait := b.mayWait(p)
	p.deadline = b.steady().Add(wait).UnixMilli()
	from, next := message.QueueOffset(p.hdr.QueueOffset), b.store.MaxOffset(p.queue)
	if suspend && from == next {
		b.statistics.Missed()
		b.commitWithPull(p, from)
		b.holdPull(p)
		return
	}
	select {
	case <-p.session.conn.Done():
		return
	default:
	}
	if !p.filter.ByProperties() {
		switch b.readForPull(p, suspend, false) {
		case pullAnswered:
			return
		case pullWaits:
			b.holdPull(p)
			return
		case pullSlowed:
			b.slow(p, suspend)
			return
		}
	}
	if !p.session.conn.Go(func() { b.runPull(p, suspend) }) {
		b.answer(p.session.conn, &p.request, protocol.ResSystemBusy, p.session.conn.TooMany())
	}
}

// forgetTexts drops the header's texts that nothing asks for once the pull is checked: queue and filter stand for them. Clients choose
// how long they are, and a pull may wait for long.
func (p *pullRequest) forgetTexts() {
	h := &p.hdr
	h.Topic, h.Subscription, h.ExpressionType, h.ProxyClientID, h.BrokerName = "", "", "", "", ""
}

func (b *Broker) mayWait(p *pullRequest) (bool, time.Duration) {
	if p.hdr.SysFlag&protocol.PullSuspend == 0 || p.hdr.SuspendTimeoutMillis <= 0 {
		return false, 0
	}
	if b.live.Load().NoLongPolling {
		return true, b.opt.ShortPolling
	}
	return true, time.Duration(p.hdr.SuspendTimeoutMillis) * time.Millisecond
}

func (b *Broker) checkPull(p *pullRequest) *pullRefusal {
	h := &p.hdr
	forbid := func(kind int32, format string, args ...any) *pullRefusal {
		return &pullRefusal{*apart.Refuse(protocol.ResNoPermission, format, args...), kind}
	}
	plain := func(r *apart.Refusal) *pullRefusal { return &pullRefusal{Refusal: *r} }
	if b.live.Load().Permission&permRead == 0 {
		return forbid(forbiddenBroker, "the broker[%s] pulling message is forbidden", b.opt.StoreHost.Addr())
	}
	if p.request.Code == protocol.ReqLitePullMessage && b.opt.DenyLitePull {
		return forbid(forbiddenBroker, "the broker[%s] for lite pull consumer is forbidden", b.opt.StoreHost.Addr())
	}
	g, ok := b.store.Group(h.ConsumerGroup)
	if !ok {
		return plain(apart.Refuse(protocol.ResSubscriptionGroupNotExist, "subscription group [%.300s] does not exist", h.ConsumerGroup))
	}
	if !g.ConsumeEnable {
		return forbid(forbiddenGroup, "subscription group no permission, %s", h.ConsumerGroup)
	}
	t, ok := b.store.Topic(h.Topic)
	if !ok {
		return plain(topicMissing(h.Topic))
	}
	if !t.Perm.Readable() || message.Hidden(h.Topic) {
		return forbid(forbiddenTopic, "the topic[%s] pulling message is forbidden", h.Topic)
	}
	if h.QueueID < 0 || h.QueueID >= t.ReadQueues {
		return plain(apart.Refuse(protocol.ResInvalidParameter, "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d] consumer:[%s]",
			h.QueueID, h.Topic, t.ReadQueues, p.session.remote))
	}
	p.queue = message.Queue{Topic: t.Name, ID: message.QueueID(h.QueueID)}
	p.topicSysFlag, p.groupSysFlag = t.SysFlag, g.SysFlag
	if h.SysFlag&protocol.PullSubscription != 0 {
		return b.pullFilter(p)
	}
	return b.groupFilter(p, &g)
}

// groupFilter takes the filter that the group's heartbeats have announced.
func (b *Broker) groupFilter(p *pullRequest, g *group.Config) *pullRefusal {
	forbidden := b.store.Forbidden(g.Name, p.hdr.Topic)&forbidReadBit != 0
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	known := b.clients.Group(g.Name)
	if known == nil {
		return &pullRefusal{Refusal: *apart.Refuse(protocol.ResSubscriptionNotExist, "the consumer's group info not exist: no client of group %s is connected", g.Name)}
	}
	if !g.ConsumeBroadcastEnable && known.Model == protocol.ModelBroadcasting {
		return &pullRefusal{*apart.Refuse(protocol.ResNoPermission, "the consumer group[%s] can not consume by broadcast way", g.Name), forbiddenBroadcast}
	}
	if forbidden {
		return &pullRefusal{*apart.Refuse(protocol.ResNoPermission, "the consumer group[%s] is forbidden for topic[%s]", g.Name, p.hdr.Topic), forbiddenSubscription}
	}
	sub := known.Subscription(p.hdr.Topic)
	if sub == nil {
		return &pullRefusal{Refusal: *apart.Refuse(protocol.ResSubscriptionNotExist, "the consumer's subscription not exist: group %s does not subscribe to topic %.300s", g.Name, p.hdr.Topic)}
	}
	if sub.Version < p.hdr.SubVersion {
		return &pullRefusal{Refusal: *apart.Refuse(protocol.ResSubscriptionNotLatest, "the consumer's subscription not latest: the group's is of version %d, the pull's of %d", sub.Version, p.hdr.SubVersion)}
	}
	return b.announcedFilter(p, sub)
}

// forbidReadBit is the bit of a group's forbidden bits that stops it from reading a topic.
const forbidReadBit = 1 << 2

// refusePull answers a pull that did not run. The header's four offsets stand there too: some clients read them always.
func (b *Broker) refusePull(p *pullRequest, r *pullRefusal) {
	out := p.request.Reply(r.Code, r.Remark)
	h := protocol.PullMessageResponseHeader{NextBeginOffset: p.hdr.QueueOffset, ForbiddenType: r.forbidden}
	h.Append(&out.Fields)
	b.send(p.session.conn, &out)
}

// runPull reads for a pull and answers it, or puts it on hold. It may read from the disk.
func (b *Broker) runPull(p *pullRequest, suspend bool) {
	if p.held && b.answerReset(p) {
		return
	}
	select {
	case b.reading <- struct{}{}:
	case <-p.session.conn.Done():
		return
	}
	outcome := b.readForPull(p, suspend, true)
	<-b.reading
	switch outcome {
	case pullWaits:
		b.holdPull(p)
	case pullSlowed:
		b.slow(p, suspend)
	}
}

// pullOutcome is how far a pull has come.
type pullOutcome uint8

const (
	pullAnswered pullOutcome = iota
	pullWaits                // there is nothing for it, and it may wait
	pullOnDisk               // what it asks for is not in memory
	pullSlowed               // its group's quota is used up
)

// readForPull reads and answers, if it can: without wait it does not ask the disk.
func (b *Broker) readForPull(p *pullRequest, suspend, wait bool) pullOutcome {
	count := min(max(int(p.hdr.MaxMsgNums), 1), b.live.Load().PullMaxMessages)
	size := b.opt.PullMaxBytes
	if p.hdr.MaxMsgBytes > 0 {
		size = min(size, int(p.hdr.MaxMsgBytes))
	}
	if count, size, p.wait = b.reserveFor(p.hdr.ConsumerGroup, count, size); p.wait > 0 {
		return pullSlowed
	}
	buf := b.buffers.get()
	defer b.buffers.put(buf)
	began := b.steady()
	body, got := b.get((*buf)[:0], p, count, size, wait)
	*buf = body
	b.pulls.Settle(p.hdr.ConsumerGroup, int64(got.Count-count), int64(len(body)-size))
	switch {
	case errors.Is(got.Err, message.ErrWouldWait):
		return pullOnDisk
	case got.Err != nil:
		b.refuse(p.session.conn, &p.request, got.Err)
		return pullAnswered
	}
	code := pullCode(got.Status, p.hdr.QueueOffset)
	if p.held {
		b.notePulled(p, got.Next)
	} else {
		b.commitWithPull(p, got.Next)
	}
	if code == protocol.ResPullNotFound && suspend || b.waitsOn(p, &got) {
		b.statistics.Missed()
		return pullWaits
	}
	out := p.request.Reply(code, got.Status.String())
	h := protocol.PullMessageResponseHeader{NextBeginOffset: int64(got.Next), MinOffset: int64(got.Min), MaxOffset: int64(got.Max),
		TopicSysFlag: p.topicSysFlag, GroupSysFlag: p.groupSysFlag}
	h.Append(&out.Fields)
	if code != protocol.ResSuccess {
		body = nil
		b.statistics.Missed()
	} else {
		b.meters.Out(p.queue.Topic, p.hdr.ConsumerGroup, meter.Pulled, got.Count, len(body))
		b.statistics.Got(p.hdr.ConsumerGroup, p.queue.Topic, int32(p.queue.ID), got.Count, len(body), b.steady().Sub(began).Milliseconds())
		b.opt.Spans.Pulled(p.hdr.ConsumerGroup, p.queue, p.session.remote, body, b.steady().Sub(began))
	}
	if err := p.session.conn.SendBody(&out, body); err != nil {
		b.opt.Logger.Debug("pull answer not sent", "remote", p.session.remote, "error", err)
	}
	return pullAnswered
}

// pullCode is the response code for what the store found.
func pullCode(s store.GetStatus, asked int64) int32 {
	switch s {
	case store.Found:
		return protocol.ResSuccess
	case store.NoMatchedMessage, store.MessageWasRemoving:
		return protocol.ResPullRetryImmediately
	case store.OffsetFoundNull, store.OffsetOverflowOne:
		return protocol.ResPullNotFound
	case store.NoMatchedLogicQueue, store.NoMessageInQueue:
		if asked == 0 {
			return protocol.ResPullNotFound
		}
	}
	return protocol.ResPullOffsetMoved
}

// pulledKey names a group's place in a queue.
type pulledKey struct {
	group string
	queue message.Queue
}

// commitWithPull commits the offset that a pull's first run carries, and notes how far it has read.
func (b *Broker) commitWithPull(p *pullRequest, next message.QueueOffset) {
	b.notePulled(p, next)
	if p.hdr.SysFlag&protocol.PullCommitOffset == 0 || p.hdr.CommitOffset < 0 {
		return
	}
	if err := b.commitOffset(p.session, p.hdr.ConsumerGroup, p.queue, message.QueueOffset(p.hdr.CommitOffset), "committed with a pull"); err != nil {
		b.opt.Logger.Warn("offset of a pull not committed", "group", p.hdr.ConsumerGroup, "topic", p.queue.Topic, "queue", p.queue.ID, "error", err)
	}
}

// forgetPulled drops what is known of how far groups have read and what they will be told, where topic or group is gone.
func (b *Broker) forgetPulled(gone func(pulledKey) bool) {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	maps.DeleteFunc(b.pulled, func(k pulledKey, _ lastPull) bool { return gone(k) })
	b.mover.Forget(func(group string, q message.Queue) bool { return gone(pulledKey{group, q}) })
}

func (b *Broker) notePulled(p *pullRequest, next message.QueueOffset) {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	b.pulled[pulledKey{p.hdr.ConsumerGroup, p.queue}] = lastPull{next, b.opt.Now().UnixMilli(), p.session.remote}
}
