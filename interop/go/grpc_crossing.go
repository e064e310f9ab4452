package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	rmq "github.com/apache/rocketmq-clients/golang/v5"
)

// crossScenarios send over remoting and receive over gRPC, and back.
func crossScenarios() []scenario {
	return []scenario{
		{"cross-delay-in", crossDelayIn}, {"cross-dead-letter", crossDeadLetter}, {"cross-in", crossIn}, {"cross-out", crossOut},
		{"cross-compressed", crossCompressed}, {"cross-fifo-out", crossFifoOut}, {"cross-filter-out", crossFilterOut},
	}
}

// crossIn wants all that a message has over gRPC as remoting sent it.
func crossIn(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	p, err := l.producer()
	if err != nil {
		return err
	}
	m := message(topic, "the-tag", "text ü 火").WithKeys([]string{"key-1", "key-2"})
	m.WithProperty("plain", "value")
	m.WithProperty("unicode", "ü 火 🚀")
	result, err := stored(p, m)
	if err != nil {
		return err
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	got, err := receiveOne(c, 30*time.Second)
	if err != nil {
		return err
	}
	return all(equal("message", fullAs("text ü 火", 1, result.MsgID), described(got)), c.Ack(context.Background(), got))
}

// crossOut wants all that a message has over remoting as gRPC sent it.
func crossOut(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	id, err := sendOne(p, full(topic, "text ü 火"))
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	got, err := in.one(30 * time.Second)
	if err != nil {
		return err
	}
	return all(equal("text", "text ü 火", string(got.Body)), equal("tag", "the-tag", got.GetTags()), equal("keys", "key-1 key-2", got.GetKeys()),
		equal("plain", "value", got.GetProperty("plain")), equal("unicode", "ü 火 🚀", got.GetProperty("unicode")), equal("id", id, got.MsgId),
		equal("reconsumed", 0, got.ReconsumeTimes))
}

// crossCompressed: the remoting client deflates what is long.
func crossCompressed(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	p, err := l.producer()
	if err != nil {
		return err
	}
	text := strings.Repeat("compressible ", 8_000)
	if _, err := stored(p, message(topic, "all", text)); err != nil {
		return err
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	got, err := receiveOne(c, 30*time.Second)
	if err != nil {
		return err
	}
	if string(got.GetBody()) != text {
		return fmt.Errorf("%d bytes came as %d", len(text), len(got.GetBody()))
	}
	return c.Ack(context.Background(), got)
}

func crossDelayIn(l *lab) error {
	topic, group, err := l.typed(1, "DELAY", 16, "")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	p, err := l.producer()
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := stored(p, message(topic, "all", "late").WithDelayTimeLevel(2)); err != nil {
		return err
	}
	m, err := in.one(30 * time.Second)
	if err != nil {
		return err
	}
	return all(equal("text", "late", string(m.GetBody())), within("on its way", 5*time.Second, 5*time.Second+lateLimit, m.at.Sub(start)))
}

// crossDeadLetter fails a message to its end over gRPC and wants the dead letter over remoting as it was sent.
func crossDeadLetter(l *lab) error {
	topic, group, err := l.typed(1, "NORMAL", 1, "")
	if err != nil {
		return err
	}
	in, _, err := l.push(topic, group, rmq.SUB_ALL, func(*rmq.MessageView) rmq.ConsumerResult { return rmq.FAILURE })
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	id, err := sendOne(p, full(topic, "dying"))
	if err != nil {
		return err
	}
	if _, err := in.take(2, 40*time.Second); err != nil {
		return err
	}
	if err := l.driver.ask(fmt.Sprintf("dead-letter %s %s dying", group, topic)); err != nil {
		return err
	}
	mourner, err := l.group("mourner")
	if err != nil {
		return err
	}
	dead, err := l.consume("%DLQ%"+group, mourner)
	if err != nil {
		return err
	}
	got, err := dead.one(40 * time.Second)
	if err != nil {
		return err
	}
	return all(equal("text", "dying", string(got.Body)), equal("tag", "the-tag", got.GetTags()), equal("keys", "key-1 key-2", got.GetKeys()),
		equal("plain", "value", got.GetProperty("plain")), equal("id", id, got.MsgId))
}

// crossFifoOut wants each message group in one queue, in its order.
func crossFifoOut(l *lab) error {
	topic, group, err := l.typed(4, "FIFO", 16, "")
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	if err := sendInGroups(p, topic, 3, 20); err != nil {
		return err
	}
	in, err := l.consume(topic, group, orderly()...)
	if err != nil {
		return err
	}
	texts, queues := map[string][]string{}, map[string]int{}
	for range 60 {
		m, err := in.one(60 * time.Second)
		if err != nil {
			return err
		}
		key := m.GetProperty("__SHARDINGKEY")
		if queue, ok := queues[key]; ok && queue != m.Queue.QueueId {
			return fmt.Errorf("%s is in queues %d and %d", key, queue, m.Queue.QueueId)
		}
		queues[key] = m.Queue.QueueId
		texts[key] = append(texts[key], string(m.Body))
	}
	for group := range 3 {
		name := fmt.Sprintf("group-%d", group)
		if err := equal(name, strings.Join(numbered(fmt.Sprint(group), 20), " "), strings.Join(texts[name], " ")); err != nil {
			return err
		}
	}
	return nil
}

func crossFilterOut(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in := newInbox()
	by := consumer.MessageSelector{Type: consumer.SQL92, Expression: "price > 4 AND TAGS = 'vip'"}
	if _, err := l.selecting(topic, group, by, in.take); err != nil {
		return err
	}
	for price := range 7 {
		for _, tag := range []string{"vip", "other"} {
			m := grpcMessage(topic, fmt.Sprintf("%s-%d", tag, price))
			m.SetTag(tag)
			m.AddProperty("price", fmt.Sprint(price))
			if _, err := sendOne(p, m); err != nil {
				return err
			}
		}
	}
	return all(in.expect([]string{"vip-5", "vip-6"}, 30*time.Second), in.nothing(500*time.Millisecond))
}
