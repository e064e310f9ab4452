package trace

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/tracing"
)

// description is what a span tells of one message.
type description struct {
	operation string // its name, as RocketMQ's clients call it
	kind      string // send, receive or settle
	topic     []byte
	group     string // "" for sends
	rec       *message.Record
	// queue and offset are where the message lies, if it is placed.
	queue  message.QueueID
	offset message.QueueOffset
	placed bool
	again  int32          // how often the message has come before, if its record does not say it
	peer   netip.AddrPort // the client
}

// queueOf is where a message lies that was just stored, and whether it is the place where consumers find it: one that waits for its time is put there
// later.
func queueOf(rec *message.Record) (q message.QueueID, off message.QueueOffset, placed bool) {
	if string(topicOf(rec)) != string(rec.Topic) {
		return 0, 0, false
	}
	return rec.QueueID, rec.QueueOffset, true
}

func (d *description) name() string { return d.operation + " " + clip(d.topic, maxText) }

const (
	// maxText bounds what is taken of a text, maxKeys what of the keys, maxFailed what of a remark: clients choose how long they are, and spans wait in memory.
	maxText, maxKeys, maxFailed = 256, 2048, 512
)

// clip copies the beginning of a text.
func clip[T ~string | ~[]byte](text T, most int) string {
	return strings.Clone(string(text[:min(len(text), most)]))
}

// attributes say everything. The conventions have no names for a place in a queue and the number of an attempt; those here begin as the ones that they
// have for RocketMQ.
func (d *description) attributes(server netip.AddrPort) []tracing.Attribute {
	a := make([]tracing.Attribute, 0, 20)
	a = append(a,
		tracing.Text("messaging.system", "rocketmq"),
		tracing.Text("messaging.operation.name", d.operation),
		tracing.Text("messaging.operation.type", d.kind),
		tracing.Text("messaging.destination.name", clip(d.topic, maxText)))
	if d.group != "" {
		a = append(a, tracing.Text("messaging.consumer.group.name", clip(d.group, maxText)))
	}
	if d.placed {
		a = append(a, tracing.Text("messaging.destination.partition.id", strconv.Itoa(int(d.queue))),
			tracing.Number("messaging.rocketmq.message.queue_offset", int64(d.offset)))
	}
	if d.rec != nil {
		a = appendMessage(a, d.rec)
		if d.kind != "send" {
			a = append(a, tracing.Number("messaging.rocketmq.message.delivery_attempt", int64(max(d.rec.ReconsumeTimes, d.again))+1))
		}
	}
	if server.IsValid() {
		a = append(a, tracing.Text("server.address", server.Addr().Unmap().String()), tracing.Number("server.port", int64(server.Port())))
	}
	if d.peer.IsValid() {
		a = append(a, tracing.Text("network.peer.address", d.peer.Addr().Unmap().String()), tracing.Number("network.peer.port", int64(d.peer.Port())))
	}
	return a
}

// appendMessage says what a message itself says.
func appendMessage(a []tracing.Attribute, rec *message.Record) []tracing.Attribute {
	a = append(a,
		tracing.Text("messaging.message.id", idOf(rec)),
		tracing.Number("messaging.message.body.size", int64(len(rec.Body))),
		tracing.Text("messaging.rocketmq.message.type", strings.ToLower(string(kind.Of(rec.Properties)))))
	text := func(key, property string) {
		if v, _ := rec.Properties.Get(property); len(v) > 0 {
			a = append(a, tracing.Text(key, clip(v, maxText)))
		}
	}
	number := func(key, property string) bool {
		digits, _ := rec.Properties.Get(property)
		v, err := strconv.ParseInt(clip(digits, maxText), 10, 64)
		if err == nil && v > 0 {
			a = append(a, tracing.Number(key, v))
		}
		return err == nil && v > 0
	}
	text("messaging.rocketmq.message.tag", message.PropTags)
	if keys, _ := rec.Properties.Get(message.PropKeys); len(keys) > 0 {
		a = append(a, tracing.List("messaging.rocketmq.message.keys", clip(keys, maxKeys)))
	}
	text("messaging.rocketmq.message.group", message.PropShardingKey)
	text("messaging.rocketmq.message.origin_topic", message.PropRetryTopic)
	if !number("messaging.rocketmq.message.delay_time_level", message.PropDelay) {
		const key = "messaging.rocketmq.message.delivery_timestamp"
		_ = number(key, message.PropTimerOut) || number(key, message.PropTimerDeliverMS)
	}
	return a
}

// idOf is the id by which clients know a message: the unique key, or else where it was stored.
func idOf(rec *message.Record) string {
	if key, _ := rec.Properties.Get(message.PropUniqueKey); len(key) > 0 {
		return clip(key, maxText)
	}
	return string(message.AppendID(nil, rec.StoreHost, rec.LogOffset))
}
