package interop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func clientRetrying() []clientScenario {
	return []clientScenario{
		{"retry-default-level", ownRetryDefault}, {"retry-chosen-level", ownRetryChosen}, {"dead-letter", ownDeadLetter},
		{"given-up", ownGivenUp}, {"retry-some", ownRetrySome}, {"delay-level", ownDelayLevel},
	}
}

// between wants a time in these bounds; a loaded machine may be late.
func (l *clientLab) between(what string, low, high, got time.Duration) {
	l.Helper()
	if got < low || got > high {
		l.Errorf("%s: %v, want %v to %v", what, got, low, high)
	}
}

// ownRetryDefault wants the first retry at level 3, ten seconds later.
func ownRetryDefault(l *clientLab) {
	topic := l.topic(1)
	in := newInbox()
	l.consumer(topic, l.group("group"), func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		if ds[0].ReconsumeTimes == 0 {
			return errors.New("a plain error")
		}
		return nil
	})
	l.sendAll(l.producer(), topic, []string{"again"})
	l.next(in)
	failed := time.Now()
	l.equal("reconsume times", 1, l.next(in).ReconsumeTimes)
	l.between("until the retry", 9*time.Second, 25*time.Second, time.Since(failed))
}

// ownRetryChosen wants the copies with everything that the original has; level 1 is one second.
func ownRetryChosen(l *clientLab) {
	topic := l.topic(1)
	in := newInbox()
	l.consumer(topic, l.group("group"), in.failing(2, 1))
	sent := client.Message{Topic: topic, Body: []byte("again"), Tag: "tagged", Keys: []string{"the-key"}, Properties: map[string]string{"mine": "kept"}}
	r := l.send(l.producer(), &sent)
	for times := range 3 {
		d := l.next(in)
		l.equal("reconsume times", times, d.ReconsumeTimes)
		d.DelayLevel = 0 // a copy's, by which it was delayed
		l.equal("message", sent, d.Message)
		l.equal("id", r.ID, d.ID)
		if times > 0 {
			l.equal("origin", r.OffsetID, d.Property("ORIGIN_MESSAGE_ID"))
		}
	}
	l.nothing(in, 1500*time.Millisecond)
}

// ownDeadLetter allows one more try: a message that fails twice is the group's dead letter.
func ownDeadLetter(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	in := newInbox()
	l.consumer(topic, group, in.failing(100, 1), func(c *client.PushConfig) { c.MaxReconsumeTimes = 1 })
	l.sendAll(l.producer(), topic, []string{"poison"})
	l.expect(in, []string{"poison", "poison"})
	l.within("the dead letter", func() error { return deadLetter(l.s.broker, group, topic, "poison") })
	l.nothing(in, 1500*time.Millisecond)
}

// ownGivenUp has the handler say that a message is hopeless.
func ownGivenUp(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	in := newInbox()
	l.consumer(topic, group, in.failing(100, -1))
	l.sendAll(l.producer(), topic, []string{"hopeless"})
	l.expect(in, []string{"hopeless"})
	l.within("the dead letter", func() error { return deadLetter(l.s.broker, group, topic, "hopeless") })
	l.nothing(in, 1500*time.Millisecond)
}

// ownRetrySome fails those of a batch that the handler names.
func ownRetrySome(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	texts := []string{"good-1", "bad-1", "good-2", "bad-2"}
	_, err := l.producer().SendBatch(l.ctx, messages(topic, texts))
	l.must(err)
	in := newInbox()
	l.consumer(topic, group, func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		failed := slices.DeleteFunc(slices.Clone(ds), func(d *client.Delivery) bool {
			return d.ReconsumeTimes > 0 || !strings.HasPrefix(string(d.Body), "bad")
		})
		if len(failed) == 0 {
			return nil
		}
		return &client.RetryError{Err: errors.New("some"), DelayLevel: 1, Failed: failed}
	}, func(c *client.PushConfig) { c.MaxBatch = 4 })
	l.expect(in, append(texts, "bad-1", "bad-2"))
	l.nothing(in, 1500*time.Millisecond)
}

// ownDelayLevel wants levels 1 and 2 (1 s and 5 s) in due order, never early.
func ownDelayLevel(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	in := l.consume(topic, l.group("group"))
	for level, body := range map[int]string{1: "level 1", 2: "level 2"} {
		l.send(p, &client.Message{Topic: topic, Body: []byte(body), DelayLevel: level})
	}
	for i, due := range []time.Duration{time.Second, 5 * time.Second} {
		d := l.next(in)
		l.equal("body", []string{"level 1", "level 2"}[i], string(d.Body))
		l.between("delay", due-10*time.Millisecond, due+10*time.Second, time.Since(d.BornAt))
	}
}
