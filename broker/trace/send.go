package trace

import (
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/tracing"
)

// Stored tells of the messages of a send that the log has taken, which was received at the stamp and is answered with the code. The records are
// read during the call only.
func (r *Recorder) Stored(recs []commitlog.Appended, received uint32, code int32) {
	if r != nil {
		r.stored(recs, received, code)
	}
}

func (r *Recorder) stored(recs []commitlog.Appended, received uint32, code int32) {
	for i := range recs {
		if rec, err := message.ParseRecord(recs[i].Record); err == nil {
			r.sent(&rec, r.since(received), code, "", true)
		}
	}
}

// Refused tells of a send that was refused with a code and a remark.
func (r *Recorder) Refused(f *protocol.Frame, from netip.AddrPort, code int32, remark string) {
	if r == nil {
		return
	}
	var h protocol.SendMessageHeader
	if h.DecodeSend(f.Code, f.Fields) != nil {
		return // nobody knows what it was
	}
	rec := message.Record{Topic: h.Topic, QueueID: message.QueueID(h.QueueID), SysFlag: message.SysFlag(h.SysFlag), ReconsumeTimes: h.ReconsumeTimes,
		Properties: h.Properties, Body: f.Body, BornHost: from, StoreHost: r.opt.Server}
	r.sent(&rec, r.since(f.Received), code, remark, false)
}

// sent records the span of one message that was sent.
func (r *Recorder) sent(rec *message.Record, took time.Duration, code int32, remark string, stored bool) {
	o, wanted := r.of(rec)
	if !wanted {
		return
	}
	s := &tracing.Span{Context: o.Context, Kind: tracing.Producer, Failed: clip(remark, maxFailed)}
	if o.brought {
		s.Kind, s.Remote = tracing.Server, true
	}
	if o.brought || !stored { // the producer may send what was refused again, and that one is the message's origin
		s.Context, s.Parent = child(o.Context), o.Span
	}
	own := *rec // what is left alone shall not leave the stack
	d := description{operation: "send", kind: "send", topic: topicOf(rec), rec: &own, peer: rec.BornHost}
	if stored {
		d.queue, d.offset, d.placed = queueOf(rec)
	}
	s.Name = d.name()
	s.Attributes = d.attributes(r.opt.Server)
	if code != protocol.ResSuccess {
		name := latency.ResponseName(code)
		if s.Failed == "" {
			s.Failed = name
		}
		s.Attributes = append(s.Attributes, tracing.Text("error.type", name))
	}
	r.record(s, took)
}
