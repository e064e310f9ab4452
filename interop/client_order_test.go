package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func clientOrdering() []clientScenario {
	return []clientScenario{
		{"ordered-global", ownOrderedGlobal}, {"ordered-per-key", ownOrderedPerKey}, {"orderly-failure", ownOrderlyFailure},
		{"orderly-give-up", ownOrderlyGiveUp},
	}
}

func orderly(c *client.PushConfig) { c.Orderly = true }

// counting tells how many messages came at once.
func counting(sizes chan<- int, h client.Handler) client.Handler {
	return func(ctx context.Context, ds []*client.Delivery) error {
		sizes <- len(ds)
		return h(ctx, ds)
	}
}

// ownOrderedGlobal wants all messages of one queue in the order of sending, one at a time.
func ownOrderedGlobal(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	texts := numbered("global", 100)
	l.sendAll(p, topic, texts[:50])
	in := newInbox()
	var busy atomic.Int32
	l.consumer(topic, l.group("group"), func(ctx context.Context, ds []*client.Delivery) error {
		if n := busy.Add(1); n > 1 {
			l.Errorf("%d handlers at once", n)
		}
		defer busy.Add(-1)
		return in.take(ctx, ds)
	}, orderly)
	l.sendAll(p, topic, texts[50:])
	l.equal("in order", texts, l.bodies(in, len(texts)))
}

// ownOrderedPerKey wants each key's messages in order, at two members that share the queues.
func ownOrderedPerKey(l *clientLab) {
	const keys, each = 10, 20
	topic, group, p := l.topic(4), l.group("group"), l.producer()
	in := newInbox()
	for range 2 {
		l.consumer(topic, group, in.take, orderly)
	}
	for i := range each {
		for k := range keys {
			key := fmt.Sprintf("order-%d", k)
			l.send(p, &client.Message{Topic: topic, Keys: []string{key}, Body: fmt.Appendf(nil, "%s step %04d", key, i)}, client.ByKey(key))
		}
	}
	last, queue := map[string]string{}, map[string]client.Queue{}
	seen := map[string]bool{}
	for len(seen) < keys*each {
		d := l.next(in)
		key, body := d.Keys[0], string(d.Body)
		if seen[body] {
			continue // its queue changed hands before its offset was told
		}
		if strings.Compare(last[key], body) >= 0 {
			l.Errorf("%q after %q", body, last[key])
		}
		if q, ok := queue[key]; ok {
			l.equal("queue of "+key, q, d.Queue)
		}
		last[key], queue[key], seen[body] = body, d.Queue, true
	}
}

// ownOrderlyFailure fails one message twice: the queue waits, and goes on in order.
func ownOrderlyFailure(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	texts := numbered("step", 5)
	l.sendAll(p, topic, texts)
	in := newInbox()
	failures := 0
	l.consumer(topic, l.group("group"), func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		if string(ds[0].Body) == texts[2] && failures < 2 {
			failures++
			return errors.New("not yet")
		}
		return nil
	}, orderly, func(c *client.PushConfig) { c.SuspendTime = 200 * time.Millisecond })
	l.equal("in order", []string{texts[0], texts[1], texts[2], texts[2], texts[2], texts[3], texts[4]}, l.bodies(in, 7))
}

// ownOrderlyGiveUp allows one more try: the message that fails twice is a dead letter, and the queue goes on. RocketMQ 4 delays the dead
// letter by the level that clients give it for the case that it is to come again: 30 s.
func ownOrderlyGiveUp(l *clientLab) {
	topic, group, p := l.topic(1), l.group("group"), l.producer()
	l.sendAll(p, topic, []string{"poison", "next"})
	in := newInbox()
	l.consumer(topic, group, func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		if string(ds[0].Body) == "poison" {
			return errors.New("never")
		}
		return nil
	}, orderly, func(c *client.PushConfig) { c.SuspendTime, c.MaxReconsumeTimes = 100*time.Millisecond, 1 })
	l.equal("in order", []string{"poison", "poison", "next"}, l.bodies(in, 3))
	l.must(eventually(60*time.Second, "the dead letter", func() error { return deadLetter(l.s.broker, group, topic, "poison") }))
}
