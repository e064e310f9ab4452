package main

import (
	"context"
	"fmt"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func pullScenarios() []scenario {
	return []scenario{{"pull-from", pullFrom}, {"poll-and-ack", pollAndAck}}
}

func (l *lab) pullConsumer(topic, group string) (rocketmq.PullConsumer, error) {
	c, err := rocketmq.NewPullConsumer(consumer.WithNameServer(l.nameSrv), consumer.WithInstance(l.instance()),
		consumer.WithGroupName(group), consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return nil, err
	}
	if err := c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}); err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, c.Shutdown)
	return c, nil
}

// pullFrom reads a queue from the middle, and again.
func pullFrom(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	var queue *primitive.MessageQueue
	for _, text := range numbered("pull", 10) {
		sent, err := stored(p, message(topic, "all", text))
		if err != nil {
			return err
		}
		queue = sent.MessageQueue
	}
	c, err := l.pullConsumer(topic, group)
	if err != nil {
		return err
	}
	for range 2 {
		result, err := c.PullFrom(context.Background(), queue, 5, 3)
		if err != nil {
			return err
		}
		if err := all(equal("status", primitive.PullFound, result.Status), equal("next offset", 8, result.NextBeginOffset),
			equal("max offset", 10, result.MaxOffset), equal("messages", 3, len(result.GetMessageExts())),
			equal("first", "pull-0005", string(result.GetMessageExts()[0].Body))); err != nil {
			return err
		}
	}
	return nil
}

// pollAndAck takes messages one request at a time and acknowledges them.
func pollAndAck(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	if err := sendAll(p, topic, numbered("poll", 10)); err != nil {
		return err
	}
	c, err := l.pullConsumer(topic, group)
	if err != nil {
		return err
	}
	got := map[string]bool{}
	deadline := time.Now().Add(40 * time.Second)
	for len(got) < 10 {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of 10 messages in 40 s", len(got))
		}
		request, err := c.Poll(context.Background(), time.Second)
		if err != nil {
			continue // no message within this second
		}
		for _, m := range request.GetMsgList() {
			got[string(m.Body)] = true
		}
		c.ACK(context.Background(), request, consumer.ConsumeSuccess)
	}
	if err := c.PersistOffset(context.Background(), topic); err != nil {
		return err
	}
	return l.driver.ask(fmt.Sprintf("committed %s %s 2 10", topic, group))
}
