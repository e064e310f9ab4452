package broker

import (
	"bytes"
	"strings"

	"github.com/aerobee-mq/aerobee/broker/property"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
)

func isRetry(topic []byte) bool { return bytes.HasPrefix(topic, []byte(message.RetryPrefix)) }

// retryGroup is the group whose retry topic this is; the topics that pop retries use name their topic behind a plus.
func retryGroup(topic string) string {
	group := strings.TrimPrefix(topic, message.RetryPrefix)
	group, _, _ = strings.Cut(group, "+")
	return group
}

// retryOrDead settles where a message goes that a consumer sends to its retry topic itself, since the send-back (36) had
// failed: it dies when it came back more often than its limit, or at once when the group consumes in order (it holds queue
// locks), for which a later retry would be a reordering.
func (b *Broker) retryOrDead(w *sendWork, f *protocol.Frame) error {
	name := retryGroup(string(w.hdr.Topic))
	g, ok := b.store.Group(name)
	if !ok {
		if err := b.groupMakeable(name); err != nil {
			return err
		}
		return &needs{want{group: name}}
	}
	limit := g.RetryMaxTimes
	if f.Version >= protocol.Version3_4_9 && w.hdr.HasMaxReconsumeTimes {
		limit = w.hdr.MaxReconsumeTimes
	}
	if w.hdr.ReconsumeTimes <= limit && !b.store.LocksHeld(name) {
		return nil
	}
	dead := message.DLQTopic(name)
	if _, ok := b.store.Topic(dead); !ok {
		return &needs{want{topic: dead}}
	}
	w.rec.Topic = []byte(dead)
	w.rec.QueueID = 0
	if w.found.Delay != 0 {
		w.props = w.found.Scan(nil, message.Properties(w.props).Without(message.PropDelay))
	}
	w.props = property.Append(w.props, message.PropDelay, "-1")
	w.found.Delay = 0
	b.meters.Dead(b.origin(message.Properties(w.props)), name)
	return nil
}

// origin is the topic that a message which came back was sent to at first, as counters name it: clients write that property, so that all topics that are
// not there count as one without a name.
func (b *Broker) origin(p message.Properties) string {
	name := p.GetString(message.PropRetryTopic)
	if light.Is(name) {
		return message.LMQPrefix // as all of them count, see package statistics
	}
	if _, ok := b.store.Topic(name); !ok {
		return ""
	}
	return name
}
