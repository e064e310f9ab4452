package broker

import (
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// span is a range of bytes.
type span struct{ from, to int }

// sendBatch stores a batch, whose body is units of [message.Unit] one after the other. Each becomes a record of its own with
// consecutive queue offsets; topic, queue, born time and host come from the envelope. The envelope's properties stay behind: a
// unit is stored with its own alone, without CLUSTER, MSG_REGION and TRACE_ON, as Apache does it. (Its UNIQ_KEY there is that
// of the batch, and would hide the unit's.)
func (b *Broker) sendBatch(w *sendWork, s *session, f *protocol.Frame, cfg *topic.Config) error {
	if len(w.hdr.Topic) > topic.MaxName {
		return refuse(protocol.ResMessageIllegal, "message topic length too long %d, the limit for batches is %d", len(w.hdr.Topic), topic.MaxName)
	}
	if isRetry(w.hdr.Topic) {
		return refuse(protocol.ResMessageIllegal, "batch request does not support retry group %s", w.hdr.Topic)
	}
	w.props = w.found.Scan(w.props[:0], w.hdr.Properties)
	if err := b.checkProperties(&w.found, &w.rec, &topic.Config{}); err != nil {
		return err
	}
	if w.found.Delay > 0 {
		return refuse(protocol.ResMessageIllegal, "the message is illegal: a batch cannot be delayed, its DELAY is %d", w.found.Delay)
	}
	token := s.sink.open(f, w.rec.QueueID, w.found.UniqueKey(w.props))
	if err := b.splitBatch(w, f.Body, cfg); err != nil {
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
			return refuse(protocol.ResMessageIllegal, "the message is illegal: %v", err)
		}
		rest = next
		from := len(w.props)
		w.props = w.found.Scan(w.props, u.Properties)
		if err := b.checkProperties(&w.found, &w.rec, cfg); err != nil {
			return err
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
