package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// TestClientSimple has our simple consumer (pop) on every chosen server that has pop consumption.
func TestClientSimple(t *testing.T) {
	t.Parallel()
	for _, target := range clientTargets(t) {
		t.Run(target, func(t *testing.T) {
			if target == "apache49" {
				t.Skip("RocketMQ 4.9 has no pop consumption")
			}
			runScenarios(t, startServer(t, target), clientPopping())
		})
	}
}

func clientPopping() []clientScenario {
	return []clientScenario{
		{"simple-serve", ownServe}, {"simple-redelivery", ownRedelivery}, {"simple-invisible", ownInvisible}, {"simple-ordered", ownPopOrdered},
		{"simple-ack", ownAck}, {"simple-wait", ownWait}, {"simple-filter", ownPopFilter}, {"simple-two", ownTwoMembers},
	}
}

func (l *clientLab) simple(group string, invisible time.Duration, subs []client.Subscription, configure ...func(*client.SimpleConfig)) *client.SimpleConsumer {
	l.Helper()
	config := client.SimpleConfig{Group: group, Subscriptions: subs, Invisible: invisible, From: client.FromFirst, Wait: 5 * time.Second}
	for _, c := range configure {
		c(&config)
	}
	s, err := l.client().NewSimpleConsumer(l.ctx, config)
	l.must(err)
	return s
}

func of(topics ...string) (subs []client.Subscription) {
	for _, topic := range topics {
		subs = append(subs, client.Subscription{Topic: topic})
	}
	return subs
}

// receive wants so many messages.
func (l *clientLab) receive(s *client.SimpleConsumer, n int) (all []*client.Delivery) {
	l.Helper()
	for len(all) < n {
		ds, err := s.Receive(l.ctx, n-len(all))
		l.must(err)
		if all = append(all, ds...); l.ctx.Err() != nil {
			l.Fatalf("%d of %d messages", len(all), n)
		}
	}
	return all
}

// receiveNone wants none within the time.
func (l *clientLab) receiveNone(s *client.SimpleConsumer, limit time.Duration) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	ds, err := s.Receive(ctx, 32)
	l.must(err)
	l.equal("received", []string(nil), said(ds))
}

func said(ds []*client.Delivery) (bodies []string) {
	for _, d := range ds {
		bodies = append(bodies, string(d.Body))
	}
	slices.Sort(bodies)
	return bodies
}

// ownAck receives from several queues of two topics; what is acknowledged, alone or with others, does not come again.
func ownAck(l *clientLab) {
	one, two := l.topicNamed(l.unique("one"), 4), l.topicNamed(l.unique("two"), 2)
	first, second := numbered("one", 20), numbered("two", 20)
	p := l.producer()
	sent := client.Message{Topic: one, Body: []byte("alone"), Tag: "tag", Keys: []string{"key"}, Properties: map[string]string{"mine": "kept"}}
	r := l.send(p, &sent)
	s := l.simple(l.group("group"), 5*time.Second, of(one, two))
	d := l.receive(s, 1)[0]
	l.equal("message", sent, d.Message)
	l.equal("id", r.ID, d.ID)
	l.equal("queue", r.Queue.QueueID, d.Queue.QueueID)
	l.must(s.Ack(l.ctx, d))
	l.sendAll(p, one, first)
	l.sendAll(p, two, second)
	ds := l.receive(s, 40)
	l.equal("received", append(slices.Clone(first), second...), said(ds))
	l.must(s.Ack(l.ctx, ds...))
	for range 3 {
		l.receiveNone(s, 4*time.Second)
	}
}

// ownRedelivery does not acknowledge: the message comes again after its invisible time, not before, with everything it had.
func ownRedelivery(l *clientLab) {
	topic := l.topic(1)
	sent := client.Message{Topic: topic, Body: []byte("again"), Tag: "tag", Keys: []string{"key"}, Properties: map[string]string{"mine": "kept"}}
	r := l.send(l.producer(), &sent)
	s := l.simple(l.group("group"), 3*time.Second, of(topic))
	got := time.Now()
	for times := range 2 {
		d := l.receive(s, 1)[0]
		l.equal("reconsume times", times, d.ReconsumeTimes)
		if times > 0 {
			l.between("until it comes again", 2900*time.Millisecond, 40*time.Second, time.Since(got))
		}
		d.DelayLevel = 0
		l.equal("message", sent, d.Message)
		l.equal("id", r.ID, d.ID)
		got = time.Now()
		if times > 0 {
			l.must(s.Ack(l.ctx, d)) // a retry's receipt is the broker's
		}
	}
	l.receiveNone(s, 4500*time.Millisecond)
}

// ownInvisible keeps a message longer than it was its, and gives it back early.
func ownInvisible(l *clientLab) {
	topic := l.topic(1)
	l.sendAll(l.producer(), topic, []string{"kept"})
	s := l.simple(l.group("group"), 2*time.Second, of(topic))
	d := l.receive(s, 1)[0]
	l.must(s.ChangeInvisible(l.ctx, d, 8*time.Second))
	changed := time.Now()
	again := l.receive(s, 1)[0]
	l.between("until it comes again", 7900*time.Millisecond, 45*time.Second, time.Since(changed))
	l.must(s.ChangeInvisible(l.ctx, again, time.Minute))
	l.must(s.Ack(l.ctx, again)) // by the new receipt
	for range 2 {
		l.receiveNone(s, 4*time.Second)
	}
}

// ownPopOrdered has one member receive a queue's messages in order: no more before these are done.
func ownPopOrdered(l *clientLab) {
	topic := l.topic(1)
	texts := numbered("step", 5)
	l.sendAll(l.producer(), topic, texts)
	s := l.simple(l.group("group"), 4*time.Second, of(topic), func(c *client.SimpleConfig) { c.Ordered = true })
	ds := l.receive(s, 2)
	l.equal("first", texts[:2], said(ds))
	l.receiveNone(s, time.Second)
	l.must(s.Ack(l.ctx, ds[0]))
	again := l.receive(s, 1)[0]
	l.equal("not acknowledged", texts[1], string(again.Body))
	l.equal("reconsume times", 1, again.ReconsumeTimes)
	l.must(s.Ack(l.ctx, again))
	for _, text := range texts[2:] {
		d := l.receive(s, 1)[0]
		l.equal("next", text, string(d.Body))
		l.equal("reconsume times", 0, d.ReconsumeTimes)
		l.must(s.Ack(l.ctx, d))
	}
	l.receiveNone(s, 5*time.Second)
}

// ownWait has a message come while the consumer waits, at one broker's topic and at two topics.
func ownWait(l *clientLab) {
	one, two, p := l.topicNamed(l.unique("one"), 4), l.topicNamed(l.unique("two"), 1), l.producer()
	for i, topics := range [][]string{{one}, {one, two}} {
		s := l.simple(l.group(fmt.Sprint("group", i)), 30*time.Second, of(topics...), func(c *client.SimpleConfig) { c.From = client.FromFirst })
		for { // what the scenario has sent before
			ds, err := s.Receive(l.ctx, 32)
			l.must(err)
			if len(ds) == 0 {
				break
			}
			l.must(s.Ack(l.ctx, ds...))
		}
		got := make(chan error, 1)
		begin := time.Now()
		go func() {
			ds, err := s.Receive(l.ctx, 32)
			if err == nil && (len(ds) != 1 || string(ds[0].Body) != "awaited") {
				err = fmt.Errorf("received %q", said(ds))
			}
			got <- err
		}()
		time.Sleep(500 * time.Millisecond) // so that it waits, most likely; if not, the message must come just so
		l.sendAll(p, topics[len(topics)-1], []string{"awaited"})
		l.must(<-got)
		l.between("waited", 0, 4*time.Second, time.Since(begin))
	}
}

// ownPopFilter receives by tag, and by SQL.
func ownPopFilter(l *clientLab) {
	topic, p := l.topic(2), l.producer()
	for i, tag := range []string{"red", "green", "blue", "red"} {
		l.send(p, &client.Message{Topic: topic, Tag: tag, Body: []byte(fmt.Sprint(tag, i)), Properties: map[string]string{"n": fmt.Sprint(i)}})
	}
	byTag := l.simple(l.group("tags"), 10*time.Second, []client.Subscription{{Topic: topic, Expression: "red || blue"}})
	ds := l.receive(byTag, 3)
	l.equal("by tag", []string{"blue2", "red0", "red3"}, said(ds))
	l.must(byTag.Ack(l.ctx, ds...))
	bySQL := l.simple(l.group("sql"), 10*time.Second, []client.Subscription{{Topic: topic, Expression: "n > 0 AND n < 3", SQL: true}})
	ds = l.receive(bySQL, 2)
	l.equal("by SQL", []string{"blue2", "green1"}, said(ds))
	l.must(bySQL.Ack(l.ctx, ds...))
	l.receiveNone(byTag, time.Second)
	l.receiveNone(bySQL, time.Second)
}

// ownTwoMembers has two members share one queue, which only pop consumption can.
func ownTwoMembers(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	texts := numbered("shared", 40)
	l.sendAll(l.producer(), topic, texts)
	a, b := l.simple(group, 30*time.Second, of(topic)), l.simple(group, 30*time.Second, of(topic))
	var all []*client.Delivery
	for len(all) < len(texts) && l.ctx.Err() == nil {
		for _, s := range []*client.SimpleConsumer{a, b} {
			ds, err := s.Receive(l.ctx, 7)
			l.must(err)
			l.must(s.Ack(l.ctx, ds...))
			all = append(all, ds...)
		}
	}
	l.equal("received", texts, said(all))
}

// ownServe handles with a policy: after one second, then given up.
func ownServe(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	l.sendAll(l.producer(), topic, []string{"hopeless"})
	in := newInbox()
	s := l.simple(group, 10*time.Second, of(topic))
	ctx, cancel := context.WithCancel(l.ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Serve(ctx, client.ServeConfig{RetryDelays: []time.Duration{time.Second}, MaxReconsumeTimes: 1, Handler: func(ctx context.Context, d *client.Delivery) error {
			_ = in.take(ctx, []*client.Delivery{d})
			return errors.New("as the scenario says")
		}})
	}()
	l.equal("reconsume times", 0, l.next(in).ReconsumeTimes)
	failed := time.Now()
	l.equal("reconsume times", 1, l.next(in).ReconsumeTimes)
	l.between("until the retry", 900*time.Millisecond, 40*time.Second, time.Since(failed))
	l.within("the dead letter", func() error { // Apache names the topic that the message had its second try by
		err := deadLetter(l.s.broker, group, topic, "hopeless")
		if err != nil && deadLetter(l.s.broker, group, "%RETRY%"+group+"_"+topic, "hopeless") == nil {
			return nil
		}
		return err
	})
	l.nothing(in, 5*time.Second)
	cancel()
	l.equal("Serve ended", true, errors.Is(<-ended, context.Canceled))
}
