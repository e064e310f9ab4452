package broker

// SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320).
//
// Callers: every producer; consumers whose send-back (36) failed send to %RETRY%group; admin tools. Go clients send single
// messages with 10, Java with 310; a batch is told by the header's batch flag, not by the code.
//
// Behaviour: checks in Apache's order: StartAccept, broker permission (order topics only), topic name, forbidden topics,
// topic look-up (made from the template on first use), queue id; a queue id below 0 means any. The message is encoded into
// the store's open group before the handler returns; the answer is written when it is on disk. Nothing is allocated on that
// way. See lights.go, send_retry.go, send_batch.go, send_half.go and timed.go for the rest.
//
// Codes: 0; 10 stored, not confirmed in time; 1 not yet accepting, or unreadable header; 2 busy, or beyond the topic's quota; 13 body, properties or
// delay illegal, timer too far ahead, names of light queues, a batch of half messages; 14 disk full or store stopped; 16 forbidden; 17 no such topic; 26 no
// such group (retry topics); 2017 too many light queues; 29 topic name or queue id. MSG_REGION and TRACE_ON stand on every answer.

import (
	"bytes"
	"math/rand/v2"

	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/broker/quota"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// sendWork is the scratch space of one send. It is used by one goroutine and reused from message to message.
type sendWork struct {
	hdr     protocol.SendMessageHeader
	rec     message.Record
	props   []byte
	found   property.Found
	batch   []message.Record
	spans   []span
	resumed bool // this send has waited for its topic already

	// The topic of the last send, as it was when the store had counted so many changes.
	topic        *topic.Config
	topicName    []byte
	topicChanges uint64
	limits       quota.Limits
	in           *meter.In // what counts it; nil if nothing does
}

// sendTopic finds the topic of a send. Most senders send to one topic.
func (b *Broker) sendTopic(w *sendWork, name []byte) (*topic.Config, bool) {
	changes := b.store.TopicChanges()
	if w.topic != nil && w.topicChanges == changes && bytes.Equal(w.topicName, name) {
		return w.topic, true
	}
	cfg, known := b.store.TopicBytes(name)
	if known {
		w.topic, w.topicName, w.topicChanges = cfg, append(w.topicName[:0], name...), changes
		w.limits = quota.OfTopic(cfg.Attributes)
	}
	return cfg, known
}

// want names what must be made before a send can go on: a topic, or the group of a retry topic.
type want struct {
	topic string
	group string
}

func (w want) key() string { return w.topic + "\x00" + w.group }

func (b *Broker) handleSend(c *remoting.Conn, f *protocol.Frame) {
	s := b.session(c)
	if s.work == nil {
		s.work = &sendWork{}
	}
	if err := b.sendOne(s.work, s, f); err != nil {
		b.sendStopped(s, f, err)
	}
}

// needs is the error of a send that must wait for something to be made.
type needs struct{ want want }

// Error says what is missing.
func (n *needs) Error() string { return "waiting for topic " + n.want.topic + n.want.group }

// sendStopped deals with a send that did not reach the store: it waits for what must be made, or is refused.
func (b *Broker) sendStopped(s *session, request *protocol.Frame, err error) {
	n, waits := err.(*needs)
	if !waits {
		b.refuseSend(s, request, err)
		return
	}
	f, size, err := b.copyToWait(request)
	if err != nil {
		b.refuseSend(s, request, err)
		return
	}
	hdr := protocol.SendMessageHeader{}
	if err := hdr.DecodeSend(f.Code, f.Fields); err != nil {
		b.waitingBytes.Add(-size)
		b.refuseSend(s, f, err)
		return
	}
	resume := func(err error) {
		defer b.waitingBytes.Add(-size)
		b.resumeSend(s, f, err)
	}
	if !b.makes.Join(s.conn.Go, n.want.key(), func() error { return b.make(n.want, &hdr) }, resume) {
		b.waitingBytes.Add(-size)
		b.refuseSend(s, f, apart.Refuse(protocol.ResSystemBusy, "%s%d sends wait for topics being made, the limit is %d", remarkBusy, b.makes.Waiting(), b.opt.MaxDeferred))
	}
}

// resumeSend goes on with a send whose topic or group has been made, or could not be.
func (b *Broker) resumeSend(s *session, f *protocol.Frame, err error) {
	if err != nil {
		b.refuseSend(s, f, err)
		return
	}
	w := b.works.Get().(*sendWork)
	w.resumed = true
	defer b.works.Put(w)
	if err := b.sendOne(w, s, f); err != nil {
		b.sendStopped(s, f, err)
		return
	}
	b.store.Kick()
}

// refuseSend answers a send that was not taken.
func (b *Broker) refuseSend(s *session, f *protocol.Frame, err error) {
	b.stats.putFailed.Add(1)
	b.noteRefused(err)
	r := b.refusalOf(err)
	b.opt.Spans.Refused(f, s.remote, r.Code, r.Remark)
	if f.IsOneway() {
		return
	}
	out := f.Reply(r.Code, r.Remark)
	out.Fields = append(out.Fields, b.regionFields...)
	b.send(s.conn, &out)
}

// sendOne takes one send up to the store. An error is a refusal, or *needs.
func (b *Broker) sendOne(w *sendWork, s *session, f *protocol.Frame) error {
	if err := w.hdr.DecodeSend(f.Code, f.Fields); err != nil {
		return apart.Refuse(protocol.ResSystemError, "%v", err)
	}
	h := &w.hdr
	cfg, err := b.checkSend(w, h)
	if err != nil {
		return err
	}
	queue := message.QueueID(h.QueueID)
	if queue < 0 {
		if cfg.WriteQueues < 1 {
			return queueIllegal(h.QueueID, string(h.Topic), cfg.WriteQueues)
		}
		queue = message.QueueID(rand.Int32N(cfg.WriteQueues)) // #nosec G404 -- spreads load, guards nothing
	}
	if len(f.Body) == 0 {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: its body is empty: msg body is %d bytes, the least is 1", len(f.Body))
	}
	if len(f.Body) > b.live.Load().MaxMessageSize {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: msg body is %d bytes, the limit is %d (maxMessageSize)", len(f.Body), b.live.Load().MaxMessageSize)
	}
	w.rec = message.Record{
		QueueID: queue, Flag: h.Flag, SysFlag: message.SysFlag(h.SysFlag), BornTime: h.BornTimestamp, BornHost: s.remote,
		ReconsumeTimes: h.ReconsumeTimes, Body: f.Body, Topic: h.Topic,
	}
	if cfg.FilterType == topic.MultiTag {
		w.rec.SysFlag |= message.FlagMultiTags
	}
	if h.Batch {
		return b.sendBatch(w, s, f, cfg)
	}
	return b.sendSingle(w, s, f, cfg)
}

// checkSend looks at everything that the header alone decides, in Apache's order.
func (b *Broker) checkSend(w *sendWork, h *protocol.SendMessageHeader) (*topic.Config, error) {
	if b.opt.StartAccept > 0 && b.opt.Now().UnixMilli() < b.opt.StartAccept {
		return nil, apart.Refuse(protocol.ResSystemError, "broker unable to service, until %d ms since 1970", b.opt.StartAccept)
	}
	cfg, known := b.sendTopic(w, h.Topic)
	if known && cfg.Order && b.live.Load().Permission&permWrite == 0 {
		return nil, apart.Refuse(protocol.ResNoPermission, "the broker[%s] sending message is forbidden", b.opt.StoreHost.Addr())
	}
	if !known {
		if wrong := checkTopicName(string(h.Topic)); wrong != "" {
			return nil, apart.Refuse(protocol.ResInvalidParameter, "%s", wrong)
		}
	}
	if sendForbidden(h.Topic) {
		return nil, apart.Refuse(protocol.ResNoPermission, "Sending message to topic[%s] is forbidden.", h.Topic)
	}
	if !known {
		return nil, &needs{want{topic: string(h.Topic)}}
	}
	if !w.resumed && b.makes.Active() {
		// Sends that waited for this topic come first: a producer's order is kept over the making of its topic.
		if t := (want{topic: string(h.Topic)}); b.makes.Open(t.key()) {
			return nil, &needs{t}
		}
	}
	if limit := max(cfg.WriteQueues, cfg.ReadQueues); h.QueueID >= limit {
		return nil, queueIllegal(h.QueueID, cfg.Name, limit)
	}
	return cfg, nil
}

func (b *Broker) sendSingle(w *sendWork, s *session, f *protocol.Frame, cfg *topic.Config) error {
	w.props = w.found.Scan(w.props[:0], w.hdr.Properties)
	if err := b.checkProperties(&w.found, &w.rec, cfg); err != nil {
		return err
	}
	if w.found.Timed && w.found.Delay > 0 {
		w.props = w.found.Scan(nil, property.StripTimer(w.props))
	}
	if err := b.light(w); err != nil {
		return err
	}
	if err := b.admit(w, cfg, 1, len(f.Body)+len(w.props)); err != nil {
		return err
	}
	b.prioritize(w, cfg)
	answered, half := w.rec.QueueID, w.found.Half(w.rec.ReconsumeTimes)
	b.meterOf(w, cfg, meter.KindOf(half, w.found.Keyed, w.found.Timed || w.found.Delay > 0))
	if isRetry(w.hdr.Topic) {
		if err := b.retryOrDead(w, f); err != nil {
			return err
		}
	}
	w.props = append(w.found.Identify(w.props, b.uniq), b.propsTail...)
	w.rec.Properties = w.props
	if half {
		return b.putHalf(w, s, f, answered)
	}
	return b.putSingle(w, s, f, answered)
}

// prioritize sends a message with a priority, if it is nothing else besides, to the queue of that number, or the last one.
func (b *Broker) prioritize(w *sendWork, cfg *topic.Config) {
	switch {
	case w.found.Level < 0:
	case w.found.Special:
		w.props = w.found.Scan(nil, message.Properties(w.props).Without(property.Priority))
	default:
		w.rec.QueueID = message.QueueID(max(min(w.found.Level, int(cfg.WriteQueues)-1), 0))
	}
}

// checkProperties refuses what the properties ask for and this broker does not do, and what cannot be right.
func (b *Broker) checkProperties(p *property.Found, r *message.Record, cfg *topic.Config) error {
	if p.BadDelay {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: property DELAY is no number: %.40q", p.BadText)
	}
	half := p.Half(r.ReconsumeTimes)
	if half && b.live.Load().DenyTransactions {
		return apart.Refuse(protocol.ResNoPermission, "the broker[%s] sending transaction message is forbidden", b.opt.StoreHost.Addr())
	}
	if t := r.SysFlag.Transaction(); !half && (t == message.FlagTransactionPrepared || t == message.FlagTransactionRollback) {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: its system flag %d says that it belongs to a transaction, but it has no TRAN_MSG", r.SysFlag)
	}
	if p.InnerNum || r.SysFlag&message.FlagInnerBatch != 0 {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: inner batches (property INNER_NUM, or bit %d of its system flag %d) need a BatchCQ topic, which this version does not support", message.FlagInnerBatch, r.SysFlag)
	}
	if cfg.Attributes["cleanup.policy"] == "COMPACTION" && !p.HasKeys {
		return apart.Refuse(protocol.ResMessageIllegal, "Required message key is missing: topic %s keeps the last message of each key (cleanup.policy=COMPACTION)", cfg.Name)
	}
	return nil
}
