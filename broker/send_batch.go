package broker

import (
	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// span is a range of bytes.
type span struct{ from, to int }

// sendBatch stores a batch, whose body is units of [message.Unit] one after the other. Each becomes a record of its own with
// consecutive queue offsets; topic, queue, born time and host come from the envelope. The envelope's properties stay behind: a
// unit is stored with its own alone, without CLUSTER, MSG_REGION and TRACE_ON, as Apache does it. (Its UNIQ_KEY there is that
// of the batch, and would hide the unit's.)
func (b *Broker) sendBatch(w *sendWork, s *session, f *protocol.Frame, cfg *topic.Config) error {
	if len(w.hdr.Topic) > topic.MaxName {
		return apart.Refuse(protocol.ResMessageIllegal, "message topic length too long %d, the limit for batches is %d", len(w.hdr.Topic), topic.MaxName)
	}
	if isRetry(w.hdr.Topic) {
		return apart.Refuse(protocol.ResMessageIllegal, "batch request does not support retry group %s", w.hdr.Topic)
	}
	w.props = w.found.Scan(w.props[:0], w.hdr.Properties)
	if err := b.checkProperties(&w.found, &w.rec, &topic.Config{}); err != nil {
		return err
	}
	if w.found.Half(w.rec.ReconsumeTimes) {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: a batch cannot be sent in a transaction (property TRAN_MSG)")
	}
	if w.found.Delay > 0 {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: a batch cannot be delayed, its DELAY is %d", w.found.Delay)
	}
	if w.found.IsTimer() {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: a batch cannot wait for a time, its messages would not come apart")
	}
	b.meterOf(w, cfg, meter.Normal)
	token := s.sink.open(f, w.in, w.rec.QueueID, w.found.UniqueKey(w.props), "")
	err := b.splitBatch(w, f.Body, cfg)
	if err == nil {
		err = b.admit(w, cfg, len(w.batch), len(f.Body))
	}
	if err != nil {
		s.sink.close(token)
		return err
	}
	if err := b.store.PutBatch(w.batch, &s.sink, token); err != nil {
		s.sink.close(token)
		return err
	}
	return nil
}

// splitBatch makes w.batch, one record a unit. The properties lie in w.props.
func (b *Broker) splitBatch(w *sendWork, body []byte, cfg *topic.Config) error {
	w.batch, w.spans, w.props = w.batch[:0], w.spans[:0], w.props[:0]
	for rest := body; len(rest) > 0; {
		u, next, err := message.NextUnit(rest)
		if err != nil {
			return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: %v", err)
		}
		rest = next
		from := len(w.props)
		w.props = w.found.Scan(w.props, u.Properties)
		if w.found.Half(w.rec.ReconsumeTimes) {
			return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: message %d of the batch is a half message (property TRAN_MSG)", len(w.batch)+1)
		}
		if err := b.checkProperties(&w.found, &w.rec, cfg); err != nil {
			return err
		}
		if w.found.Lights && !b.opt.NoLights {
			return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: message %d of the batch names light queues, which only single messages go to", len(w.batch)+1)
		}
		r := w.rec
		r.Flag, r.Body = u.Flag, u.Body
		w.batch = append(w.batch, r)
		w.spans = append(w.spans, span{from, len(w.props)})
	}
	for i, s := range w.spans {
		w.batch[i].Properties = w.props[s.from:s.to]
	}
	return nil
}
