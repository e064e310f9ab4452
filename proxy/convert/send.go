// Package convert turns gRPC messages into what RocketMQ's brokers know, and back: properties, records, handles, ids, queues. Package proxy
// calls it. Everything here is safe to call at once, and pure but for [Inflater], which bounds how many bodies are uncompressed at a time.
package convert

import (
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Properties are a message's properties as brokers store them. The message has passed the checks; group is its producer group, peer
// the address that it came from.
func Properties(dst message.Properties, m *pb.Message, is pb.MessageType, group, peer string) message.Properties {
	sys := m.GetSystemProperties()
	add := func(name, value string) { dst = message.AppendProperty(dst, name, value) }
	for k, v := range m.GetUserProperties() {
		add(k, v)
	}
	if tag := sys.GetTag(); tag != "" {
		add(message.PropTags, tag)
	}
	if keys := sys.GetKeys(); len(keys) > 0 {
		add(message.PropKeys, strings.Join(keys, message.KeySeparator))
	}
	add(message.PropUniqueKey, sys.GetMessageId())
	if is == pb.MessageType_TRANSACTION {
		add(message.PropTransaction, "true")
		if d := sys.GetOrphanedTransactionRecoveryDuration(); d != nil {
			add(message.PropImmunity, strconv.FormatInt(d.GetSeconds(), 10))
		}
	}
	if at := sys.GetDeliveryTimestamp(); at != nil {
		add(message.PropTimerDeliverMS, strconv.FormatInt(at.AsTime().UnixMilli(), 10))
	}
	add(message.PropReconsumeTime, strconv.FormatInt(int64(sys.GetDeliveryAttempt()), 10))
	add(message.PropProducerGroup, group)
	if g := sys.GetMessageGroup(); g != "" {
		add(message.PropShardingKey, g)
	}
	if sys.Priority != nil {
		add(check.PropPriority, strconv.FormatInt(int64(sys.GetPriority()), 10))
	}
	if lite := sys.GetLiteTopic(); lite != "" {
		add(check.PropLiteTopic, lite)
	}
	if trace := sys.GetTraceContext(); trace != "" {
		add(check.PropTraceContext, trace)
	}
	host := sys.GetBornHost()
	if message.BlankName(host) {
		host = peer
	}
	add(check.PropBornHost, host)
	if at := sys.GetBornTimestamp(); at.IsValid() {
		add(check.PropBornTimestamp, strconv.FormatInt(at.AsTime().UnixMilli(), 10))
	}
	return dst
}

// SysFlag is a message's system flag.
func SysFlag(m *pb.Message, is pb.MessageType) message.SysFlag {
	f := message.SysFlag(0)
	if m.GetSystemProperties().GetBodyEncoding() == pb.Encoding_GZIP {
		f |= message.FlagCompressed
	}
	if is == pb.MessageType_TRANSACTION {
		f |= message.FlagTransactionPrepared
	}
	return f
}
