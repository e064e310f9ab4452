package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func retryScenarios() []scenario {
	return []scenario{{"retry", retry}, {"dead-letter", deadLetter}, {"delay-level", delayLevel}}
}

// failingConsumer fails a message until it was tried failures times, asking for redelivery at level 1 (one second).
// A first consumer comes and goes: its heartbeat makes the group's retry topic, which the Go client would otherwise
// look for only 30 s later.
func failingConsumer(l *lab, topic, group string, failures int32, options ...consumer.Option) (inbox, error) {
	early, err := l.consumer(topic, group, "*", newInbox().take)
	if err != nil {
		return nil, err
	}
	if err := early.Shutdown(); err != nil {
		return nil, err
	}
	in := newInbox()
	_, err = l.consumer(topic, group, "*", func(ctx context.Context, m *primitive.MessageExt) consumer.ConsumeResult {
		in <- m
		if m.ReconsumeTimes >= failures {
			return consumer.ConsumeSuccess
		}
		if concurrent, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			concurrent.DelayLevelWhenNextConsume = 1
		}
		return consumer.ConsumeRetryLater
	}, options...)
	return in, err
}

func retry(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	in, err := failingConsumer(l, topic, group, 2)
	if err != nil {
		return err
	}
	if err := sendAll(p, topic, []string{"again"}); err != nil {
		return err
	}
	for times := int32(0); times <= 2; times++ {
		m, err := in.one(40 * time.Second)
		if err != nil {
			return err
		}
		if err := all(equal("reconsumeTimes", times, m.ReconsumeTimes), equal("topic", topic, m.Topic)); err != nil {
			return err
		}
	}
	return in.nothing(1500 * time.Millisecond)
}

// deadLetter allows one retry; the message then lies in the group's dead letter topic.
func deadLetter(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	in, err := failingConsumer(l, topic, group, 100, consumer.WithMaxReconsumeTimes(1))
	if err != nil {
		return err
	}
	if err := all(sendAll(p, topic, []string{"poison"}), in.expect([]string{"poison", "poison"}, 40*time.Second)); err != nil {
		return err
	}
	reader, err := l.group("reader")
	if err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		letters, err := l.consume("%DLQ%"+group, reader)
		if err == nil {
			return letters.expect([]string{"poison"}, 30*time.Second)
		}
	}
	return fmt.Errorf("no dead letter topic within 30 s")
}

// delayLevel sends level 2 (5 s) before level 1 (1 s) and wants them in due order, never early.
func delayLevel(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	for _, level := range []int{2, 1} {
		if _, err := stored(p, message(topic, "all", fmt.Sprint(level)).WithDelayTimeLevel(level)); err != nil {
			return err
		}
	}
	due := map[string]int64{"1": 1000, "2": 5000}
	for _, want := range []string{"1", "2"} {
		m, err := in.one(30 * time.Second)
		if err != nil {
			return err
		}
		waited := time.Now().UnixMilli() - m.BornTimestamp
		if err := equal("level", want, string(m.Body)); err != nil {
			return err
		}
		if waited < due[want]-10 || waited > due[want]+5000 {
			return fmt.Errorf("level %s came after %d ms", want, waited)
		}
	}
	return nil
}
