package interop

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/interop/history"
)

// errAgain is what handlers refuse with.
var errAgain = errors.New("wanted again, for the test")

// consume starts our client's consumers, the counterparts of Torture.java's.
func (l *goLoad) consume(t *testing.T, rec *recorder) {
	t.Helper()
	l.consumer(t, rec, client.PushConfig{Group: "free-go", Handler: handler("free-go", true, rec)}, freeTopic, delayTopic)
	l.consumer(t, rec, client.PushConfig{Group: "both", Handler: handler("both", false, rec)}, freeTopic)
	l.consumer(t, rec, client.PushConfig{Group: "order-go", Handler: handler("order-go", false, rec), Orderly: true}, orderTopic)
}

func (l *goLoad) consumer(t *testing.T, rec *recorder, config client.PushConfig, topics ...string) {
	t.Helper()
	for _, topic := range topics {
		config.Subscriptions = append(config.Subscriptions, client.Subscription{Topic: topic, Expression: "*"})
	}
	config.From, config.Concurrency = client.FromFirst, 4
	config.CommitInterval, config.RebalanceInterval = 500*time.Millisecond, time.Second
	c, err := l.client.NewPushConsumer(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	l.consumers = append(l.consumers, c)
	rec.add(history.Event{Kind: history.Joined})
}

// handler records what comes and, if it refuses, wants one in a hundred messages again the first time.
func handler(group string, refuses bool, rec *recorder) client.Handler {
	return func(_ context.Context, ds []*client.Delivery) error {
		for _, d := range ds {
			e := bodyEvent(d.Body)
			e.Kind, e.Group, e.Retry = history.Delivered, group, d.ReconsumeTimes
			if strings.HasPrefix(d.Queue.Topic, "%RETRY%") {
				e.Retry = max(1, e.Retry)
			}
			e.Place = history.Place{Topic: shared(d.Topic), Queue: int(d.Queue.QueueID), Offset: int64(d.Offset)}
			rec.add(e)
			if refuses && e.Retry == 0 && e.Sum%100 == 0 {
				rec.add(history.Event{Kind: history.Refused, Group: group, Key: e.Key})
				return &client.RetryError{Err: errAgain, DelayLevel: 1}
			}
		}
		return nil
	}
}
