package interop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
)

// TestClientReset moves a group's offsets while its members are there and while they are not, on servers that do it themselves, and on
// such that leave it to the members (220), as all did before 5.0.
func TestClientReset(t *testing.T) {
	t.Parallel()
	for _, target := range clientTargets(t) {
		for _, by := range []string{"server", "members"} {
			t.Run(target+"/"+by, func(t *testing.T) {
				var settings []string
				if by == "members" && target != "apache49" {
					settings = append(settings, "useServerSideResetOffset=false")
				}
				runScenarios(t, startServer(t, target, settings...), []clientScenario{
					{"reset-online", ownReset}, {"reset-offline", ownResetOffline}, {"reset-to-time", ownResetToTime}, {"retry-delays", ownRetryDelays}, {"retry-delays-ordered", ownRetryOrdered},
				})
			})
		}
	}
}

// ownResetOffline moves a group that nobody consumes for, to the beginning and to the end.
func ownResetOffline(l *clientLab) {
	topic, group, p := l.topic(2), l.group("group"), l.producer()
	texts := numbered("reset", 10)
	l.sendAll(p, topic, texts)
	run := func(want []string) {
		l.Helper()
		c, in := l.client(), newInbox()
		l.consumerOn(c, topic, group, in.take)
		l.expect(in, want)
		l.nothing(in, 500*time.Millisecond)
		l.close(c)
	}
	run(texts)
	_, err := l.admin.Reset(l.ctx, admin.Reset{Group: group, Topic: topic})
	l.must(err)
	run(texts)
	_, err = l.admin.Reset(l.ctx, admin.Reset{Group: group, Topic: topic})
	l.must(err)
	_, err = l.admin.Reset(l.ctx, admin.Reset{Group: group, Topic: topic, Timestamp: -1})
	l.must(err)
	l.sendAll(p, topic, []string{"after"})
	run([]string{"after"})
}

// ownResetToTime sends a running group back to a point between two messages.
func ownResetToTime(l *clientLab) {
	topic, group, p := l.topic(1), l.group("group"), l.producer()
	l.sendAll(p, topic, []string{"before"})
	time.Sleep(20 * time.Millisecond)
	at := time.Now()
	time.Sleep(20 * time.Millisecond)
	l.sendAll(p, topic, []string{"behind"})
	in := l.consume(topic, group)
	l.expect(in, []string{"before", "behind"})
	l.must(l.s.awaitCommitted(topic, group, 1, 2))
	_, err := l.admin.Reset(l.ctx, admin.Reset{Group: group, Topic: topic, Timestamp: at.UnixMilli()})
	l.must(err)
	l.expect(in, []string{"behind"})
	l.nothing(in, 500*time.Millisecond)
}

// ownRetryDelays fails as often as the policy allows, and wants its times; then the message is a dead letter.
func ownRetryDelays(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	in := newInbox()
	l.consumer(topic, group, func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		return errors.New("as the scenario says")
	}, func(c *client.PushConfig) {
		c.RetryDelays, c.MaxReconsumeTimes = []time.Duration{500 * time.Millisecond, 4 * time.Second}, 2 // levels 1 and 2
	})
	l.sendAll(l.producer(), topic, []string{"hopeless"})
	l.next(in)
	for i, wait := range []time.Duration{time.Second, 5 * time.Second} {
		failed := time.Now()
		l.equal("reconsume times", i+1, l.next(in).ReconsumeTimes)
		l.between(fmt.Sprint("until retry ", i+1), wait-100*time.Millisecond, wait+10*time.Second, time.Since(failed))
	}
	l.within("the dead letter", func() error { return deadLetter(l.s.broker, group, topic, "hopeless") })
	l.nothing(in, 1500*time.Millisecond)
}

// ownRetryOrdered has an ordered queue wait as the policy says.
func ownRetryOrdered(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	in := newInbox()
	l.consumer(topic, group, func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		if ds[0].ReconsumeTimes < 2 && string(ds[0].Body) == "step-0000" {
			return errors.New("as the scenario says")
		}
		return nil
	}, func(c *client.PushConfig) {
		c.Orderly, c.RetryDelays = true, []time.Duration{300 * time.Millisecond, 1500 * time.Millisecond}
	})
	l.sendAll(l.producer(), topic, numbered("step", 2))
	l.next(in)
	for _, wait := range []time.Duration{300 * time.Millisecond, 1500 * time.Millisecond} {
		failed := time.Now()
		l.equal("again", "step-0000", string(l.next(in).Body))
		l.between("until the retry", wait-50*time.Millisecond, wait+5*time.Second, time.Since(failed))
	}
	l.equal("next", "step-0001", string(l.next(in).Body))
}

// sendToBeginning has a group begin again with a topic's first messages.
func sendToBeginning(namesrv, group, topic string) error {
	a, err := admin.New(admin.Options{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = a.Reset(ctx, admin.Reset{Group: group, Topic: topic})
	return err
}
