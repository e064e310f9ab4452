package broker

import (
	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// delayCommitted makes a committed message that asks for a delay or a time wait for it, from now on.
func (b *Broker) delayCommitted(r *message.Record) error {
	var found property.Found
	found.Scan(nil, r.Properties)
	at, err := b.timeOf(&found)
	switch {
	case err != nil:
		return err
	case found.Delay > 0:
		b.store.Times().Level(r, found.Delay)
	case at > 0:
		b.store.Times().At(r, at)
	}
	return nil
}

// putHalf stores the half message of a transaction. What it says of a time counts when it is committed.
func (b *Broker) putHalf(w *sendWork, s *session, f *protocol.Frame, answered message.QueueID) error {
	if err := b.prepareHalf(w); err != nil {
		return err
	}
	token := s.sink.open(f, w.in, answered, w.found.UniqueKey(w.props), "")
	err := b.store.PutHalf(&w.rec, &s.sink, token)
	if err != nil {
		s.sink.close(token)
		return err
	}
	b.meters.Half(w.topic.Name)
	return nil
}

// prepareHalf makes ready to store a half message (property TRAN_MSG): its topic must be there, and it must say whose it is, since
// its group alone is asked about it and may end it.
//
// What it says of a time is checked here already: its producer can still hear of it.
func (b *Broker) prepareHalf(w *sendWork) error {
	if w.found.Deletes {
		return apart.Refuse(protocol.ResMessageIllegal, "the message is illegal: a half message cannot take others back (property %s)", message.PropTimerDelete)
	}
	if _, err := b.timeOf(&w.found); err != nil {
		return err
	}
	if _, ok := b.store.Topic(message.TopicHalf); !ok {
		return &needs{want{topic: message.TopicHalf}}
	}
	if group, _ := w.rec.Properties.Get(message.PropProducerGroup); len(group) == 0 {
		w.props = property.Append(w.props, message.PropProducerGroup, w.hdr.ProducerGroup)
		w.rec.Properties = w.props
	}
	return nil
}
