package trace

import (
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
	"github.com/aerobee-mq/aerobee/tracing"
)

// Acked tells that a group has acknowledged messages of a queue, one by one.
func (r *Recorder) Acked(group string, q message.Queue, offs []message.QueueOffset) {
	if r == nil {
		return
	}
	for _, off := range offs {
		if d := r.open.take(place{group, q}, off); d != nil {
			r.settled("ack", d)
		}
	}
}

// Renewed tells that a message is out of sight of a group for longer, or for less long: RocketMQ's way to give it back.
func (r *Recorder) Renewed(group string, q message.Queue, off message.QueueOffset) {
	if r == nil {
		return
	}
	if d := r.open.look(place{group, q}, off); d != nil {
		r.settled("change_invisible_duration", d)
	}
}

// Committed tells that a group has come to an offset of a queue: it is done with what is before.
func (r *Recorder) Committed(group string, q message.Queue, next message.QueueOffset) {
	if r == nil {
		return
	}
	for _, d := range r.open.takeBelow(place{group, q}, next) {
		r.settled("commit", d)
	}
}

// settled records the span of a message that a group is done with.
func (r *Recorder) settled(operation string, d *delivered) {
	about := description{operation: operation, kind: "settle", topic: []byte(d.topic), group: d.place.group, queue: d.place.queue.ID, offset: d.offset, placed: true}
	s := &tracing.Span{Context: child(d.receive), Parent: d.receive.Span, Kind: tracing.Server, Links: []tracecontext.Context{d.creation}, Name: about.name()}
	s.Attributes = append(about.attributes(r.opt.Server), tracing.Text("messaging.message.id", d.id),
		tracing.Number("messaging.rocketmq.message.delivery_attempt", int64(d.attempt)))
	r.record(s, 0)
}

// Returned tells that a group has sent a message back, of which a copy is put to the record's topic: to come again, or among the dead letters.
func (r *Recorder) Returned(group string, copied *message.Record) {
	if r == nil {
		return
	}
	operation := "nack"
	if strings.HasPrefix(string(copied.Topic), message.DLQPrefix) {
		operation = "dead_letter"
	}
	topic, ok := copied.Properties.Get(message.PropRetryTopic)
	if !ok {
		topic = topicOf(copied)
	}
	was := *copied
	was.ReconsumeTimes-- // the copy has one more
	r.end(&was, description{operation: operation, kind: "settle", topic: topic, group: group, rec: &was})
}

// Ended tells that a producer has ended the transaction of a half message.
func (r *Recorder) Ended(half *message.Record, committed bool) {
	if r == nil {
		return
	}
	operation := "rollback_transaction"
	if committed {
		operation = "commit_transaction"
	}
	r.end(half, description{operation: operation, kind: "settle", topic: topicOf(half), rec: half})
}

// end records the span of what became of a message that is at hand.
func (r *Recorder) end(rec *message.Record, about description) {
	o, wanted := r.of(rec)
	if !wanted {
		return
	}
	r.record(&tracing.Span{Context: child(o.Context), Parent: o.Span, Remote: o.brought, Kind: tracing.Server, Links: []tracecontext.Context{o.Context},
		Name: about.name(), Attributes: about.attributes(r.opt.Server)}, 0)
}
