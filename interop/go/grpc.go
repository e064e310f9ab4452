package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
)

// grpcScenarios are those of the client that speaks gRPC, alone and crosswise with the one that speaks remoting. The slow ones come first.
func grpcScenarios() []scenario {
	all := grpcSharingScenarios()
	all = append(all, grpcSendScenarios()...)
	all = append(all, crossScenarios()...)
	return append(all, rawScenarios()...)
}

// grpcAloneScenarios measure time, change what all clients share, or kill the server.
func grpcAloneScenarios() []scenario {
	return []scenario{{"long-poll", grpcLongPoll}, {"tls", grpcTLS}, {"kill-and-resume", grpcKillAndResume}}
}

// awaitDuration is long enough for a proxy, which refuses polls of less than five seconds, whatever the way to it has taken.
const awaitDuration = 6 * time.Second

func grpcConfig(group string) *rmq.Config {
	return &rmq.Config{Endpoint: os.Getenv("INTEROP_GRPC"), ConsumerGroup: group, Credentials: &credentials.SessionCredentials{}}
}

// typedTopic creates a topic for messages of a type.
func (l *lab) typedTopic(kind string, queues int, typed string) (string, error) {
	topic := l.unique(kind)
	return topic, l.driver.ask(fmt.Sprintf("topic %s %d %s", topic, queues, typed))
}

// typed creates a topic for messages of a type, and a group that tries a message again so often.
func (l *lab) typed(queues int, typed string, retries int, more string) (topic, group string, err error) {
	if topic, err = l.typedTopic("topic", queues, typed); err != nil {
		return "", "", err
	}
	group = l.unique("group")
	return topic, group, l.driver.ask(strings.TrimSpace(fmt.Sprintf("group %s %d %s", group, retries, more)))
}

// normal is typed for ordinary messages in one queue, with a producer.
func (l *lab) normal() (topic, group string, p rmq.Producer, err error) {
	if topic, group, err = l.typed(1, "NORMAL", 16, ""); err != nil {
		return "", "", nil, err
	}
	p, err = l.grpcProducer(topic)
	return topic, group, p, err
}

func (l *lab) grpcProducer(topic string, options ...rmq.ProducerOption) (rmq.Producer, error) {
	p, err := rmq.NewProducer(grpcConfig(""), append(options, rmq.WithTopics(topic))...)
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, p.GracefulStop)
	return p, nil
}

func byTag(tag string) *rmq.FilterExpression { return rmq.NewFilterExpression(tag) }

func bySQL(text string) *rmq.FilterExpression {
	return rmq.NewFilterExpressionWithType(text, rmq.SQL92)
}

func (l *lab) simple(topic, group string, by *rmq.FilterExpression) (rmq.SimpleConsumer, error) {
	c, err := rmq.NewSimpleConsumer(grpcConfig(group), rmq.WithSimpleAwaitDuration(awaitDuration),
		rmq.WithSimpleSubscriptionExpressions(map[string]*rmq.FilterExpression{topic: by}))
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, c.GracefulStop)
	return c, nil
}

// views is where a push consumer's messages arrive, in the order in which its listener saw them.
type views chan seen

type seen struct {
	*rmq.MessageView
	at time.Time
}

// push starts a consumer whose messages the decision may fail; nil takes all. Its stop waits for its polls, so nobody waits for it.
func (l *lab) push(topic, group string, by *rmq.FilterExpression, decide func(*rmq.MessageView) rmq.ConsumerResult) (views, rmq.PushConsumer, error) {
	in := make(views, 10_000)
	listen := func(m *rmq.MessageView) rmq.ConsumerResult {
		in <- seen{m, time.Now()}
		if decide == nil {
			return rmq.SUCCESS
		}
		return decide(m)
	}
	c, err := rmq.NewPushConsumer(grpcConfig(group), rmq.WithPushConsumptionThreadCount(4),
		rmq.WithPushSubscriptionExpressions(map[string]*rmq.FilterExpression{topic: by}),
		rmq.WithPushMessageListener(&rmq.FuncMessageListener{Consume: listen}))
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	l.closers = append(l.closers, func() error {
		go c.GracefulStop()
		return nil
	})
	return in, c, nil
}

func (l *lab) pushAll(topic, group string) (views, error) {
	in, _, err := l.push(topic, group, rmq.SUB_ALL, nil)
	return in, err
}

func (in views) take(count int, limit time.Duration) ([]seen, error) {
	deadline := time.After(limit)
	var got []seen
	for len(got) < count {
		select {
		case m := <-in:
			got = append(got, m)
		case <-deadline:
			return got, fmt.Errorf("%d of %d messages in %v: %v", len(got), count, limit, bodies(got))
		}
	}
	return got, nil
}

func (in views) one(limit time.Duration) (seen, error) {
	got, err := in.take(1, limit)
	if err != nil {
		return seen{}, err
	}
	return got[0], nil
}

// expect waits for exactly these bodies, in any order.
func (in views) expect(want []string, limit time.Duration) error {
	got, err := in.take(len(want), limit)
	if err != nil {
		return err
	}
	return sameTexts(want, bodies(got))
}

func (in views) nothing(limit time.Duration) error {
	if m, err := in.one(limit); err == nil {
		return fmt.Errorf("unexpected message %q", m.GetBody())
	}
	return nil
}

func bodies(messages []seen) []string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(m.GetBody()))
	}
	return texts
}

func viewTexts(messages []*rmq.MessageView) []string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(m.GetBody()))
	}
	return texts
}

func sameTexts(want, got []string) error {
	return equal("received", strings.Join(slices.Sorted(slices.Values(want)), " "), strings.Join(slices.Sorted(slices.Values(got)), " "))
}

// receive polls until so many have come; a poll in vain is the answer 40401.
func receive(c rmq.SimpleConsumer, count int, invisible time.Duration) ([]*rmq.MessageView, error) {
	var all []*rmq.MessageView
	for start := time.Now(); len(all) < count; {
		if time.Since(start) > 40*time.Second {
			return nil, fmt.Errorf("%d of %d messages in 40 s", len(all), count)
		}
		some, err := c.Receive(context.Background(), 32, invisible)
		if err != nil && code(err) != codeNothing {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, equal("messages", count, len(all))
}

func receiveOne(c rmq.SimpleConsumer, invisible time.Duration) (*rmq.MessageView, error) {
	got, err := receive(c, 1, invisible)
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

// nothing is one poll, which is to be in vain.
func nothing(c rmq.SimpleConsumer) error {
	got, err := c.Receive(context.Background(), 32, 30*time.Second)
	if err == nil {
		return fmt.Errorf("unexpected messages %q", viewTexts(got))
	}
	return equal("code of a poll in vain", codeNothing, code(err))
}

func ackAll(c rmq.SimpleConsumer, messages []*rmq.MessageView) error {
	for _, m := range messages {
		if err := c.Ack(context.Background(), m); err != nil {
			return err
		}
	}
	return nil
}

// codeNothing answers a poll in vain.
const codeNothing = 40401

// code is the status with which the server refused; 0 is another failure, or none.
func code(err error) int {
	var status *rmq.ErrRpcStatus
	if errors.As(err, &status) {
		return int(status.Code)
	}
	return 0
}

// refused is an error unless err is a refusal with this code.
func refused(what string, want int, err error) error {
	if code(err) != want {
		return fmt.Errorf("%s: want code %d, got %v", what, want, err)
	}
	return nil
}

func grpcMessage(topic, body string) *rmq.Message {
	return &rmq.Message{Topic: topic, Body: []byte(body)}
}

// sendOne sends and returns the message's id.
func sendOne(p rmq.Producer, m *rmq.Message) (string, error) {
	receipts, err := p.Send(context.Background(), m)
	if err != nil {
		return "", err
	}
	return receipts[0].MessageID, equal("receipts", 1, len(receipts))
}

func sendTexts(p rmq.Producer, topic string, texts []string) error {
	for _, text := range texts {
		if _, err := sendOne(p, grpcMessage(topic, text)); err != nil {
			return err
		}
	}
	return nil
}

// described is what a consumer sees of a message.
func described(m *rmq.MessageView) string {
	tag := ""
	if m.GetTag() != nil {
		tag = *m.GetTag()
	}
	return fmt.Sprintf("%s tag %s keys %v properties %v attempt %d id %s", m.GetBody(), tag, m.GetKeys(), m.GetProperties(), m.GetDeliveryAttempt(), m.GetMessageId())
}

// full is a message with all that described shows.
func full(topic, body string) *rmq.Message {
	m := grpcMessage(topic, body)
	m.SetTag("the-tag")
	m.SetKeys("key-1", "key-2")
	m.AddProperty("plain", "value")
	m.AddProperty("unicode", "ü 火 🚀")
	return m
}

// fullAs is what described shows of such a message.
func fullAs(body string, attempt int, id string) string {
	return fmt.Sprintf("%s tag the-tag keys [key-1 key-2] properties map[plain:value unicode:ü 火 🚀] attempt %d id %s", body, attempt, id)
}

func within(what string, low, high, got time.Duration) error {
	if got < low || got > high {
		return fmt.Errorf("%s: want %v..%v, got %v", what, low, high, got)
	}
	return nil
}

// isApache says whether the server is RocketMQ, which does otherwise what internal/differences/differences.txt says under the name.
func isApache(_ string) bool { return os.Getenv("INTEROP_TARGET") == "apache" }

// differs shows what a server does where the list says under the name that RocketMQ does otherwise: the test compares it with ours, and with what
// RocketMQ is recorded to do.
func (l *lab) differs(name string, ours, seen any) {
	l.driver.say(fmt.Sprintf("DIFFERS %s\t%v\t%v", name, ours, seen))
}
