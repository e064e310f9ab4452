package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func clientPulling() []clientScenario {
	return []clientScenario{
		{"pull-subscribe", ownPullSubscribe}, {"pull-assign", ownPullAssign}, {"pull-seek", ownPullSeek}, {"pull-seek-time", ownPullSeekTime},
		{"pull-commit", ownPullCommit}, {"pull-pause", ownPullPause}, {"pull-tags", ownPullTags},
	}
}

// puller makes a pull consumer on a client of its own that commits only when it is told to.
func (l *clientLab) puller(group string, topics ...string) *client.PullConsumer {
	l.Helper()
	config := client.PullConfig{Group: group, From: client.FromFirst, CommitInterval: -1}
	for _, topic := range topics {
		config.Subscriptions = append(config.Subscriptions, client.Subscription{Topic: topic})
	}
	p, err := l.client().NewPullConsumer(l.ctx, config)
	l.must(err)
	return p
}

// poll polls until it has so many bodies.
func (l *clientLab) poll(p *client.PullConsumer, count int) []string {
	l.Helper()
	var got []string
	for len(got) < count {
		ds, err := p.Poll(l.ctx)
		if err != nil {
			l.Fatalf("%v, with %d of %d: %q", err, len(got), count, got)
		}
		for _, d := range ds {
			got = append(got, string(d.Body))
		}
	}
	return got
}

func (l *clientLab) pollSorted(p *client.PullConsumer, want []string) {
	l.Helper()
	l.equal("polled", slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(l.poll(p, len(want)))))
}

// pollNothing wants no message within the time.
func (l *clientLab) pollNothing(p *client.PullConsumer, limit time.Duration) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	if ds, err := p.Poll(ctx); !errors.Is(err, context.DeadlineExceeded) {
		l.Fatalf("%d messages, %v", len(ds), err)
	}
}

// ownPullSubscribe has two members share the queues, and one take over when the other leaves.
func ownPullSubscribe(l *clientLab) {
	topic, group, p := l.topic(4), l.group("group"), l.producer()
	first, second := l.puller(group, topic), l.puller(group, topic)
	l.within("two queues each", func() error {
		if a, b := len(first.Assignment()), len(second.Assignment()); a != 2 || b != 2 {
			return fmt.Errorf("they have %d and %d", a, b)
		}
		return nil
	})
	for id := range int32(4) {
		l.sendAll(p, topic, []string{fmt.Sprintf("to-%d", id)}, client.ToQueue(l.queue(topic, id)))
	}
	got := append(l.poll(first, 2), l.poll(second, 2)...)
	l.equal("polled", []string{"to-0", "to-1", "to-2", "to-3"}, slices.Sorted(slices.Values(got)))
	l.must(first.Commit(l.ctx))
	l.must(second.Commit(l.ctx))
	l.close(second)
	l.within("all queues", func() error {
		if n := len(first.Assignment()); n != 4 {
			return fmt.Errorf("it has %d", n)
		}
		return nil
	})
	texts := numbered("alone", 20)
	l.sendAll(p, topic, texts)
	l.pollSorted(first, texts)
}

func ownPullAssign(l *clientLab) {
	topic, group, p := l.topic(2), l.group("group"), l.producer()
	for id := range int32(2) {
		l.sendAll(p, topic, numbered(fmt.Sprintf("queue-%d", id), 40), client.ToQueue(l.queue(topic, id)))
	}
	c := l.puller(group)
	queues, err := c.Queues(l.ctx, topic)
	l.must(err)
	l.equal("queues", []client.Queue{l.queue(topic, 0), l.queue(topic, 1)}, queues)
	l.must(c.Assign(l.ctx, queues[1]))
	l.equal("assigned", numbered("queue-1", 40), l.poll(c, 40))
	l.must(c.Assign(l.ctx, queues...))
	l.equal("assigned too", numbered("queue-0", 40), l.poll(c, 40))
	l.pollNothing(c, 300*time.Millisecond)
}

func ownPullSeek(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	q := l.queue(topic, 0)
	texts := numbered("sought", 50)
	l.sendAll(p, topic, texts)
	c := l.puller(l.group("group"))
	l.must(c.Assign(l.ctx, q))
	l.poll(c, 50)
	l.must(c.Seek(q, 45))
	l.equal("from 45 on", texts[45:], l.poll(c, 5))
	l.must(c.SeekToBegin(l.ctx))
	l.equal("all again", texts, l.poll(c, 50))
	l.must(c.SeekToBegin(l.ctx))
	l.must(c.SeekToEnd(l.ctx, q))
	l.sendAll(p, topic, []string{"the end"})
	l.equal("behind the last", []string{"the end"}, l.poll(c, 1))
}

func ownPullSeekTime(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	l.sendAll(p, topic, numbered("old", 5))
	l.later(topic) // RocketMQ 4 takes the nearest message where none has the very time
	l.sendAll(p, topic, []string{"new-0000"})
	at := l.later(topic)
	l.sendAll(p, topic, numbered("new", 5)[1:])
	c := l.puller(l.group("group"))
	l.must(c.Assign(l.ctx, l.queue(topic, 0)))
	l.must(c.SeekToTime(l.ctx, at))
	l.equal("since then", numbered("new", 5), l.poll(c, 5))
	l.must(c.SeekToTime(l.ctx, time.Now().Add(-time.Hour)))
	l.equal("of the last hour", append(numbered("old", 5), numbered("new", 5)...), l.poll(c, 10))
}

// ownPullCommit wants what was committed not to come again, and what was not, to come again.
func ownPullCommit(l *clientLab) {
	topic, group, p := l.topic(1), l.group("group"), l.producer()
	texts := numbered("committed", 20)
	l.sendAll(p, topic, texts)
	first := l.puller(group, topic)
	l.poll(first, 20)
	l.must(first.Commit(l.ctx))
	l.must(l.s.awaitCommitted(topic, group, 1, 20))
	texts = numbered("uncommitted", 10)
	l.sendAll(p, topic, texts)
	l.poll(first, 10)
	l.close(first)
	second := l.puller(group, topic)
	l.equal("again", texts, l.poll(second, 10))
}

func ownPullPause(l *clientLab) {
	topic, p := l.topic(2), l.producer()
	c := l.puller(l.group("group"))
	queues := []client.Queue{l.queue(topic, 0), l.queue(topic, 1)}
	l.must(c.Assign(l.ctx, queues...))
	l.must(c.Pause(queues[0]))
	for i, q := range queues {
		l.sendAll(p, topic, []string{fmt.Sprint(i)}, client.ToQueue(q))
	}
	l.equal("not paused", []string{"1"}, l.poll(c, 1))
	l.pollNothing(c, 300*time.Millisecond)
	l.must(c.Resume(queues[0]))
	l.equal("resumed", []string{"0"}, l.poll(c, 1))
}

func ownPullTags(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	c := l.puller(l.group("group"))
	l.must(c.Subscribe(l.ctx, client.Subscription{Topic: topic, Expression: "red"}))
	for _, tag := range []string{"green", "red", "blue", "red"} {
		l.send(p, &client.Message{Topic: topic, Tag: tag, Body: []byte(tag)})
	}
	l.equal("red", []string{"red", "red"}, l.poll(c, 2))
	l.pollNothing(c, 300*time.Millisecond)
}
