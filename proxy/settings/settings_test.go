package settings_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/settings"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

func TestProducer(t *testing.T) {
	in := &pb.Settings{RequestTimeout: durationpb.New(time.Second), PubSub: &pb.Settings_Publishing{Publishing: &pb.Publishing{Topics: []*pb.Resource{{Name: "t"}}}}}
	out := settings.Producer(in, 4<<20)
	b := out.GetBackoffPolicy()
	if b.GetMaxAttempts() != 3 || b.GetExponentialBackoff().GetInitial().AsDuration() != 10*time.Millisecond || b.GetExponentialBackoff().GetMax().AsDuration() != time.Second || b.GetExponentialBackoff().GetMultiplier() != 2 {
		t.Errorf("backoff %v", b)
	}
	if p := out.GetPublishing(); p.GetMaxBodySize() != 4<<20 || !p.GetValidateMessageType() || len(p.GetTopics()) != 1 || out.GetMetric() == nil || out.GetMetric().GetOn() || out.GetRequestTimeout().AsDuration() != time.Second {
		t.Errorf("settings %v", out)
	}
	if in.GetBackoffPolicy() != nil || in.GetPublishing().GetMaxBodySize() != 0 {
		t.Errorf("what was given in has changed: %v", in)
	}
}

func TestConsumer(t *testing.T) {
	in := func() *pb.Settings {
		return &pb.Settings{PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{Group: &pb.Resource{Name: "g"}, ReceiveBatchSize: new(int32(7))}}}
	}
	g := group.New("g")
	out := settings.Consumer(in(), &g, true)
	sub, b := out.GetSubscription(), out.GetBackoffPolicy()
	if sub.GetReceiveBatchSize() != 32 || sub.GetLongPollingTimeout().AsDuration() != 20*time.Second || sub.GetFifo() || b.GetMaxAttempts() != 17 {
		t.Errorf("settings %v", out)
	}
	if next := b.GetCustomizedBackoff().GetNext(); len(next) != 18 || next[0].AsDuration() != time.Second || next[17].AsDuration() != 2*time.Hour {
		t.Errorf("delays %v", next)
	}
	g.ConsumeMessageOrderly, g.RetryMaxTimes = true, 2
	g.RetryPolicy = &group.RetryPolicy{Type: group.RetryExponential, Exponential: &group.Exponential{Initial: 5000, Max: 7200_000, Multiplier: 2}}
	out = settings.Consumer(in(), &g, true)
	if e := out.GetBackoffPolicy(); !out.GetSubscription().GetFifo() || e.GetMaxAttempts() != 3 || e.GetExponentialBackoff().GetInitial().AsDuration() != 5*time.Second || e.GetExponentialBackoff().GetMultiplier() != 2 {
		t.Errorf("settings %v", out)
	}
	out = settings.Consumer(in(), nil, false)
	if out.GetSubscription().GetReceiveBatchSize() != 7 || out.GetSubscription().GetLongPollingTimeout() == nil || out.GetBackoffPolicy().GetMaxAttempts() != 17 {
		t.Errorf("without a group: %v", out)
	}
}

// TestHugeSettings: what is kept of a client is bounded, be it its name or its expressions.
func TestHugeSettings(t *testing.T) {
	entry := &pb.SubscriptionEntry{Topic: &pb.Resource{Name: "t"}, Expression: &pb.FilterExpression{Type: pb.FilterType_SQL}}
	in := &pb.Settings{UserAgent: &pb.UA{}, PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{Group: &pb.Resource{Name: "g"}, Subscriptions: []*pb.SubscriptionEntry{entry}}}}
	f := func(fits bool) {
		t.Helper()
		if err := settings.Check(in); fits != (err == nil) || !fits && status.Of(err).GetCode() != pb.Code_BAD_REQUEST {
			t.Errorf("fits %v: %v", fits, err)
		}
	}
	f(true)
	entry.Expression.Expression = strings.Repeat("x", 1<<20)
	f(false)
	entry.Expression.Expression, in.UserAgent.Hostname = "", strings.Repeat("h", 1<<20)
	f(false)
	in.UserAgent.Hostname = strings.Repeat("h", 1<<19)
	f(true)
}
