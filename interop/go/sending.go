package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const bodyLimit = 4 << 20

func sendScenarios() []scenario {
	return []scenario{
		{"sync", sendSync}, {"async", sendAsync}, {"oneway", sendOneway}, {"batch", sendBatch},
		{"properties", properties}, {"body-at-limit", bodyAtLimit}, {"body-over-limit", bodyOverLimit},
		{"compressed", compressed}, {"trace", trace}, {"namespace", namespace},
	}
}

func sendSync(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	texts := numbered("sync", 50)
	if err := sendAll(p, topic, texts); err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	return all(in.expect(texts, 30*time.Second), in.nothing(200*time.Millisecond))
}

func sendAsync(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	texts := numbered("async", 50)
	answers := make(chan error, len(texts))
	for _, text := range texts {
		err := p.SendAsync(context.Background(), func(_ context.Context, r *primitive.SendResult, err error) {
			if err == nil {
				err = equal("send status", primitive.SendOK, r.Status)
			}
			answers <- err
		}, message(topic, "all", text))
		if err != nil {
			return err
		}
	}
	for range texts {
		if err := <-answers; err != nil {
			return err
		}
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	return in.expect(texts, 30*time.Second)
}

func sendOneway(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	texts := numbered("oneway", 20)
	for _, text := range texts {
		if err := p.SendOneWay(context.Background(), message(topic, "all", text)); err != nil {
			return err
		}
	}
	return in.expect(texts, 30*time.Second)
}

// sendBatch uses request 320; all messages land in one queue.
func sendBatch(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	texts := numbered("batch", 10)
	var messages []*primitive.Message
	for _, text := range texts {
		messages = append(messages, message(topic, "all", text))
	}
	result, err := stored(p, messages...)
	if err != nil {
		return err
	}
	in := newInbox()
	wrongQueue := make(chan int, 20)
	_, err = l.consumer(topic, group, "*", func(ctx context.Context, m *primitive.MessageExt) consumer.ConsumeResult {
		if m.Queue.QueueId != result.MessageQueue.QueueId {
			wrongQueue <- m.Queue.QueueId
		}
		return in.take(ctx, m)
	})
	if err != nil {
		return err
	}
	return all(in.expect(texts, 30*time.Second), equal("messages in another queue", 0, len(wrongQueue)))
}

func properties(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	m := message(topic, "the-tag", "text ü 火").WithKeys([]string{"key-1", "key-2"})
	m.WithProperty("plain", "value")
	m.WithProperty("unicode", "ü 火 🚀")
	sent, err := stored(p, m)
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
	return all(equal("body", "text ü 火", string(got.Body)), equal("tag", "the-tag", got.GetTags()),
		equal("keys", "key-1 key-2", strings.TrimSpace(got.GetKeys())), equal("plain", "value", got.GetProperty("plain")),
		equal("unicode", "ü 火 🚀", got.GetProperty("unicode")), equal("id", sent.MsgID, got.MsgId),
		equal("offset id", sent.OffsetMsgID, got.OffsetMsgId), equal("queue offset", sent.QueueOffset, got.QueueOffset))
}

func noise(size int) []byte {
	body := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(body)
	return body
}

func bodyAtLimit(l *lab) error {
	topic, group, err := l.topicAndGroup(1)
	if err != nil {
		return err
	}
	p, err := l.producer(producer.WithCompressMsgBodyOverHowmuch(2*bodyLimit), producer.WithSendMsgTimeout(20*time.Second))
	if err != nil {
		return err
	}
	if _, err := stored(p, primitive.NewMessage(topic, noise(bodyLimit))); err != nil {
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
	return equal("body is unchanged", true, bytes.Equal(noise(bodyLimit), got.Body))
}

// bodyOverLimit wants code 13, and the connection to live on.
func bodyOverLimit(l *lab) error {
	topic, err := l.topic(1)
	if err != nil {
		return err
	}
	p, err := l.producer(producer.WithCompressMsgBodyOverHowmuch(2*bodyLimit), producer.WithSendMsgTimeout(20*time.Second))
	if err != nil {
		return err
	}
	_, err = p.SendSync(context.Background(), primitive.NewMessage(topic, noise(bodyLimit+1)))
	if err == nil || !strings.HasPrefix(err.Error(), "CODE: 13,") {
		return fmt.Errorf("want a refusal with code 13, got %v", err)
	}
	return sendAll(p, topic, []string{"still connected"})
}

// compressed wants the record small in the store and whole at the consumer.
func compressed(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	text := strings.Repeat("compressible ", 8000)
	if _, err := stored(p, message(topic, "all", text)); err != nil {
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
	return all(equal("body is unchanged", text, string(got.Body)), equal("stored compressed", true, got.StoreSize < 8192))
}

// trace wants the producer's line for this message in the trace topic.
func trace(l *lab) error {
	topic, group, err := l.topicAndGroup(1)
	if err != nil {
		return err
	}
	p, err := l.producer(producer.WithTrace(&primitive.TraceConfig{
		GroupName: l.unique("tracer"), Access: primitive.Local, Resolver: primitive.NewPassthroughResolver(l.nameSrv),
	}))
	if err != nil {
		return err
	}
	sent, err := stored(p, message(topic, "all", "traced"))
	if err != nil {
		return err
	}
	in, err := l.consume("RMQ_SYS_TRACE_TOPIC", group)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		m, err := in.one(time.Until(deadline))
		if err == nil && bytes.Contains(m.Body, []byte(sent.MsgID)) {
			return equal("kind of line", true, bytes.HasPrefix(m.Body, []byte("Pub\x01")))
		}
	}
	return fmt.Errorf("no trace line of %s in 30 s", sent.MsgID)
}

// namespace wants names prefixed on the wire. (Unlike the Java client this one leaves the prefix on what it receives.)
func namespace(l *lab) error {
	topic, group := l.unique("topic"), l.unique("group")
	if err := all(l.driver.ask("topic space%"+topic+" 1"), l.driver.ask("group space%"+group)); err != nil {
		return err
	}
	p, err := l.producer(producer.WithNamespace("space"))
	if err != nil {
		return err
	}
	if err := sendAll(p, topic, []string{"spaced"}); err != nil {
		return err
	}
	bare, err := l.consume(topic, group, consumer.WithNamespace("space"))
	if err != nil {
		return err
	}
	got, err := bare.one(30 * time.Second)
	if err != nil {
		return err
	}
	other, err := l.group("raw-group")
	if err != nil {
		return err
	}
	raw, err := l.consume("space%"+topic, other)
	if err != nil {
		return err
	}
	return all(equal("topic", "space%"+topic, got.Topic), raw.expect([]string{"spaced"}, 30*time.Second))
}
