// Package settings is what clients and the proxy agree on at the start of a telemetry stream: what a client says of itself is held to the
// rules, and completed with what the server decides. Package proxy calls it. Everything here is pure; nothing given in is changed.
package settings

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// What the server decides. Source: ProxyConfig of RocketMQ 5.
const (
	producerAttempts   = 3
	producerInitial    = 10 * time.Millisecond
	producerMax        = time.Second
	producerMultiplier = 2

	// ReceiveBatch is the largest number of messages that one receive gets.
	ReceiveBatch = 32
	// MinPolling and MaxPolling bound how long a receive waits for messages.
	MinPolling = 5 * time.Second
	MaxPolling = 20 * time.Second

	// MaxTopics bounds what topics a client names, to send or to receive.
	MaxTopics = 1024
	// maxSize bounds settings with all that is in them, in bytes: they are kept.
	maxSize = 1 << 20

	// LiteQuota and LiteTopicSize bound the light topics of one consumer.
	LiteQuota     = 1200
	LiteTopicSize = 64
)

// Check holds a client's settings to the rules.
func Check(s *pb.Settings) error {
	size := proto.Size(s)
	switch {
	case size > maxSize:
		return status.New(pb.Code_BAD_REQUEST, "the settings have %d bytes, the limit is %d", size, maxSize)
	case s.GetPublishing() != nil:
		topics := s.GetPublishing().GetTopics()
		if len(topics) > MaxTopics {
			return status.New(pb.Code_BAD_REQUEST, "a producer names %d topics, the limit is %d", len(topics), MaxTopics)
		}
		for _, t := range topics {
			if _, err := check.Topic(t); err != nil {
				return err
			}
		}
	case s.GetSubscription() != nil:
		if _, err := check.Group(s.GetSubscription().GetGroup()); err != nil {
			return err
		}
		subs := s.GetSubscription().GetSubscriptions()
		if len(subs) > MaxTopics {
			return status.New(pb.Code_BAD_REQUEST, "a consumer subscribes to %d topics, the limit is %d", len(subs), MaxTopics)
		}
		for _, sub := range subs {
			if _, err := check.Topic(sub.GetTopic()); err != nil {
				return err
			}
		}
	default:
		return status.New(pb.Code_BAD_REQUEST, "there is no publishing or subscription data in settings")
	}
	return clientProperties(s.GetClientProperties())
}

const (
	maxClientProperties = 32
	maxPropertyKey      = 64
	maxPropertyValue    = 256
	maxPropertyBytes    = 4 << 10
)

func clientProperties(all map[string]string) error {
	if len(all) > maxClientProperties {
		return status.New(pb.Code_INVALID_CLIENT_PROPERTIES, "%d client properties, the limit is %d", len(all), maxClientProperties)
	}
	size := 0
	for k, v := range all {
		if size += len(k) + len(v); !propertyKey(k) || len(v) > maxPropertyValue || size > maxPropertyBytes {
			return status.New(pb.Code_INVALID_CLIENT_PROPERTIES, "client property %.80q: keys are like [a-zA-Z][a-zA-Z0-9_.-]*, with at most %d characters, values have at most %d, all at most %d bytes",
				k, maxPropertyKey, maxPropertyValue, maxPropertyBytes)
		}
	}
	return nil
}

func propertyKey(k string) bool {
	for i := range len(k) {
		c := k[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !(k[i] >= '0' && k[i] <= '9' || k[i] == '_' || k[i] == '.' || k[i] == '-')) {
			return false
		}
	}
	return len(k) > 0 && len(k) <= maxPropertyKey
}

// Producer completes the settings of a producer.
func Producer(s *pb.Settings, maxBody int) *pb.Settings {
	out := proto.Clone(s).(*pb.Settings)
	out.BackoffPolicy = &pb.RetryPolicy{MaxAttempts: producerAttempts, Strategy: &pb.RetryPolicy_ExponentialBackoff{ExponentialBackoff: &pb.ExponentialBackoff{
		Initial: durationpb.New(producerInitial), Max: durationpb.New(producerMax), Multiplier: producerMultiplier}}}
	p := out.GetPublishing()
	p.ValidateMessageType, p.MaxBodySize = true, int32(maxBody)
	out.Metric = &pb.Metric{}
	return out
}

// Consumer completes the settings of a consumer of a group. known says whether the group exists.
func Consumer(s *pb.Settings, g *group.Config, known bool) *pb.Settings {
	out := proto.Clone(s).(*pb.Settings)
	sub := out.GetSubscription()
	out.Metric = &pb.Metric{}
	if !known {
		fresh := group.New("")
		g = &fresh
	}
	if known || sub.ReceiveBatchSize == nil {
		sub.ReceiveBatchSize = new(int32(ReceiveBatch))
	}
	if known || sub.LongPollingTimeout == nil {
		sub.LongPollingTimeout = durationpb.New(MaxPolling)
	}
	if known || sub.Fifo == nil {
		sub.Fifo = new(g.ConsumeMessageOrderly)
	}
	if t := out.GetClientType(); t == pb.ClientType_LITE_PUSH_CONSUMER || t == pb.ClientType_LITE_SIMPLE_CONSUMER {
		sub.LiteSubscriptionQuota, sub.MaxLiteTopicSize = new(int32(LiteQuota)), new(int32(LiteTopicSize))
	}
	if known || out.BackoffPolicy == nil {
		out.BackoffPolicy = backoff(g)
	}
	return out
}

func backoff(g *group.Config) *pb.RetryPolicy {
	out := &pb.RetryPolicy{MaxAttempts: g.RetryMaxTimes + 1}
	if p := g.RetryPolicy; p != nil && p.Type == group.RetryExponential && p.Exponential != nil {
		out.Strategy = &pb.RetryPolicy_ExponentialBackoff{ExponentialBackoff: &pb.ExponentialBackoff{Initial: millis(p.Exponential.Initial),
			Max: millis(p.Exponential.Max), Multiplier: float32(p.Exponential.Multiplier)}}
		return out
	}
	next := &pb.CustomizedBackoff{}
	for _, d := range g.RetryPolicy.Delays() {
		next.Next = append(next.Next, millis(d))
	}
	out.Strategy = &pb.RetryPolicy_CustomizedBackoff{CustomizedBackoff: next}
	return out
}

func millis(n int64) *durationpb.Duration { return durationpb.New(time.Duration(n) * time.Millisecond) }
