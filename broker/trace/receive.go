package trace

import (
	"net/netip"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
	"github.com/aerobee-mq/aerobee/tracing"
)

// Delivery is how a message came to a consumer.
type Delivery struct {
	Group string
	// Queue is where the message was read: of one that comes again, its retry topic's. Offset is its place there.
	Queue  message.Queue
	Offset message.QueueOffset
	// Again is how often the message came before, if its record does not say it.
	Again int32
	// Client is who has asked, and Took how long the broker has looked.
	Client netip.AddrPort
	Took   time.Duration
}

// Pulled tells of the records that a pull has brought to a group, one after the other.
func (r *Recorder) Pulled(group string, q message.Queue, client netip.AddrPort, records []byte, took time.Duration) {
	if r != nil {
		r.pulled(group, q, client, records, took)
	}
}

func (r *Recorder) pulled(group string, q message.Queue, client netip.AddrPort, records []byte, took time.Duration) {
	for len(records) > 0 {
		rec, err := message.ParseRecord(records)
		if err != nil || rec.Size <= 0 || rec.Size > len(records) {
			return
		}
		records = records[rec.Size:]
		r.Received(&Delivery{Group: group, Queue: q, Offset: light.OffsetIn(q.Topic, &rec), Client: client, Took: took}, &rec)
	}
}

// Received tells of one message that a consumer has got.
func (r *Recorder) Received(d *Delivery, rec *message.Record) {
	if r == nil {
		return
	}
	o, wanted := r.of(rec)
	if !wanted {
		return
	}
	s := &tracing.Span{Context: child(o.Context), Parent: o.Span, Remote: o.brought, Kind: tracing.Consumer, Links: []tracecontext.Context{o.Context}}
	if o.brought {
		s.Kind = tracing.Server
	}
	own := *rec // as for sends
	// A message of a retry topic goes by the name under which its consumer gets it.
	about := description{operation: "receive", kind: "receive", topic: rec.Topic, group: d.Group, rec: &own, queue: d.Queue.ID, offset: d.Offset, placed: true,
		again: d.Again, peer: d.Client}
	s.Name, s.Attributes = about.name(), about.attributes(r.opt.Server)
	r.record(s, d.Took)
	r.open.add(&delivered{place: place{strings.Clone(d.Group), d.Queue}, offset: d.Offset, creation: o.Context, receive: s.Context, topic: string(rec.Topic), id: idOf(rec),
		attempt: max(rec.ReconsumeTimes, d.Again) + 1})
}
