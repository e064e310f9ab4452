package interop

import (
	"errors"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func clientTiming() []clientScenario {
	return []clientScenario{{"timer", ownTimer}, {"timer-recall", ownRecall}}
}

// withTimers skips what RocketMQ has from 5.0 on.
func (l *clientLab) withTimers() {
	l.Helper()
	if l.s.name == "apache49" {
		l.Skip("RocketMQ 4.9 has no timer messages")
	}
}

// ownTimer sends for points in time, the last one first; none comes early.
func ownTimer(l *clientLab) {
	l.withTimers()
	topic := l.topic(1)
	in := newInbox()
	l.consumer(topic, l.group("group"), in.take)
	p := l.producer()
	now := time.Now()
	for _, wait := range []time.Duration{5500 * time.Millisecond, 2300 * time.Millisecond, -time.Hour} {
		r := l.send(p, &client.Message{Topic: topic, Body: []byte(wait.String()), DeliverAt: now.Add(wait)})
		l.equal("has a handle", wait > 0, r.RecallHandle != "")
	}
	for _, wait := range []time.Duration{-time.Hour, 2300 * time.Millisecond, 5500 * time.Millisecond} {
		d := l.next(in)
		l.equal("body", wait.String(), string(d.Body))
		if wait > 0 {
			l.between("delivery", wait, wait+10*time.Second, time.Since(now))
			l.equal("origin", topic, d.Property("REAL_TOPIC"))
		}
	}
	l.nothing(in, 500*time.Millisecond)
}

// ownRecall takes one of two messages for the same time back.
func ownRecall(l *clientLab) {
	l.withTimers()
	topic := l.topic(1)
	in := newInbox()
	l.consumer(topic, l.group("group"), in.take)
	p := l.producer()
	at := time.Now().Add(4 * time.Second)
	gone := l.send(p, &client.Message{Topic: topic, Body: []byte("gone"), DeliverAt: at})
	l.send(p, &client.Message{Topic: topic, Body: []byte("kept"), DeliverAt: at})
	l.must(p.Recall(l.ctx, gone.RecallHandle))
	l.must(p.Recall(l.ctx, gone.RecallHandle))
	l.expect(in, []string{"kept"})
	l.nothing(in, 1500*time.Millisecond)
	var refused *client.Error
	if err := p.Recall(l.ctx, gone.RecallHandle); !errors.As(err, &refused) || refused.Code != 604 {
		l.Errorf("recall of a message whose time has come: %v", err)
	}
	if err := p.Recall(l.ctx, "no handle"); !errors.Is(err, client.ErrIllegal) {
		l.Errorf("recall by a text that is no handle: %v", err)
	}
}
