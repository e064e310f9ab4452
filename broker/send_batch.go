package broker

import (
	"encoding/binary"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// A batch's body is its units one after the other, all integers big endian:
//
//	int32  size of the unit, this field included
//	int32  magic, ignored
//	int32  body CRC, ignored
//	int32  flag
//	int32  body length, and the body
//	int16  properties length, and the properties
//
// Each unit becomes a record of its own with consecutive queue offsets; topic, queue, born time and host come from the
// envelope. The envelope's properties stay behind: a unit is stored with its own alone, without CLUSTER, MSG_REGION and
// TRACE_ON, as Apache does it. (Its UNIQ_KEY there is that of the batch, and would hide the unit's.)
const unitHead = 20

// span is a range of bytes.
type span struct{ from, to int }

// batchUnit is one message of a batch, aliasing its body.
type batchUnit struct {
	flag       int32
	body       []byte
	properties []byte
}

// nextUnit takes the first unit off a batch's body.
func nextUnit(b []byte) (u batchUnit, rest []byte, err error) {
	broken := func(what string, n, limit int) (batchUnit, []byte, error) {
		return u, nil, refuse(protocol.ResMessageIllegal, "the message is illegal: a batch unit's %s is %d, only %d bytes are left", what, n, limit)
	}
	if len(b) < unitHead {
		return broken("head", unitHead, len(b))
	}
	be := binary.BigEndian
	size := int(int32(be.Uint32(b)))
	if size < unitHead+2 || size > len(b) {
		return broken("size", size, len(b))
	}
	unit := b[:size]
	u.flag = int32(be.Uint32(unit[12:]))
	bodyLen := int(int32(be.Uint32(unit[16:])))
	if bodyLen < 0 || bodyLen > size-unitHead-2 {
		return broken("body length", bodyLen, size-unitHead-2)
	}
	u.body = unit[unitHead : unitHead+bodyLen]
	at := unitHead + bodyLen
	propLen := int(be.Uint16(unit[at:]))
	if propLen > size-at-2 {
		return broken("properties length", propLen, size-at-2)
	}
	u.properties = unit[at+2 : at+2+propLen]
	return u, b[size:], nil
}

func (b *Broker) sendBatch(w *sendWork, s *session, f *protocol.Frame, cfg *topic.Config) error {
	if len(w.hdr.Topic) > topic.MaxName {
		return refuse(protocol.ResMessageIllegal, "message topic length too long %d, the limit for batches is %d", len(w.hdr.Topic), topic.MaxName)
	}
	if isRetry(w.hdr.Topic) {
		return refuse(protocol.ResMessageIllegal, "batch request does not support retry group %s", w.hdr.Topic)
	}
	w.props = w.found.scan(w.props[:0], w.hdr.Properties)
	if err := b.checkProperties(&w.found, &w.rec, &topic.Config{}); err != nil {
		return err
	}
	if w.found.delay > 0 {
		return refuse(protocol.ResMessageIllegal, "the message is illegal: a batch cannot be delayed, its DELAY is %d", w.found.delay)
	}
	token := s.sink.open(f, w.rec.QueueID, w.props[w.found.uniqFrom:w.found.uniqTo])
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
		var u batchUnit
		var err error
		if u, rest, err = nextUnit(rest); err != nil {
			return err
		}
		from := len(w.props)
		w.props = w.found.scan(w.props, u.properties)
		if err := b.checkProperties(&w.found, &w.rec, cfg); err != nil {
			return err
		}
		r := w.rec
		r.Flag, r.Body = u.flag, u.body
		w.batch = append(w.batch, r)
		w.spans = append(w.spans, span{from, len(w.props)})
	}
	for i, s := range w.spans {
		w.batch[i].Properties = w.props[s.from:s.to]
	}
	return nil
}
