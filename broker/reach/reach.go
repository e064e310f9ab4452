// Package reach tells which message a request may mean that names it by an offset: one of the topic that the request names beside it. RocketMQ takes
// whatever stands there. Package broker calls it. Everything here is pure and safe for concurrent use.
package reach

import (
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// Returned refuses to give back what no client may consume, and a message of another topic than the request says: whoever names an offset by mistake,
// or on purpose, gets no copy. Clients say where the message was at first, which is in its property once it has come back, or where it lies now; those
// that pop say the topic of what they have from the group's own retry topics. Old clients of other languages say nothing.
func Returned(r *message.Record, h *protocol.SendBackHeader) error {
	is, retry := string(r.Topic), message.RetryTopic(h.Group)
	if message.Hidden(is) {
		return apart.Refuse(protocol.ResSystemError, "look message by offset failed, %d: it is not for consumers", h.Offset)
	}
	if h.OriginTopic == "" || is == retry {
		return nil
	}
	queues := strings.Split(r.Properties.GetString(message.PropMultiDispatch), ",")
	for _, origin := range names(h.OriginTopic, h.Group) {
		if origin == is || origin == r.Properties.GetString(message.PropRetryTopic) || is == retry+"_"+origin || is == retry+"+"+origin || slices.Contains(queues, origin) {
			return nil
		}
	}
	return apart.Refuse(protocol.ResSystemError, "look message by offset failed, %d: it is not of topic %.300s", h.Offset, h.OriginTopic)
}

// Topic is the topic to which a user needs the right who names a message by its offset: the one where it is to go, if it waits for its time, or for its
// producer in vain. Half messages, of which nobody knows yet whether they are, have their own.
func Topic(r *message.Record) string {
	switch string(r.Topic) {
	case message.TopicSchedule, message.TopicWheel, message.TopicCheckMax:
		if real := r.Properties.GetString(message.PropRealTopic); real != "" {
			return real
		}
	}
	return string(r.Topic)
}

// names are what a client may mean by a topic: some leave the namespace out, which their group has.
func names(topic, group string) []string {
	if ns, _, ok := strings.Cut(group, "%"); ok && ns != "" {
		return []string{topic, ns + "%" + topic}
	}
	return []string{topic}
}
