package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// lab holds one scenario's topics, groups and clients; names carry the run and the scenario, so scenarios never meet.
type lab struct {
	driver  *driver
	name    string
	nameSrv []string
	clients int
	closers []func() error
}

func newLab(d *driver, name string) *lab {
	return &lab{driver: d, name: name, nameSrv: []string{os.Getenv("INTEROP_NAMESRV")}}
}

func (l *lab) close() {
	for _, c := range slices.Backward(l.closers) {
		c()
	}
}

func (l *lab) unique(kind string) string {
	return "go-" + os.Getenv("INTEROP_RUN") + "-" + l.name + "-" + kind
}

// topic creates the scenario's topic.
func (l *lab) topic(queues int) (string, error) {
	topic := l.unique("topic")
	return topic, l.driver.ask(fmt.Sprintf("topic %s %d", topic, queues))
}

// group creates a consumer group of the scenario.
func (l *lab) group(kind string) (string, error) {
	group := l.unique(kind)
	return group, l.driver.ask("group " + group)
}

// begin creates a topic, a group and a producer, which is what most scenarios need.
func (l *lab) begin(queues int) (topic, group string, p rocketmq.Producer, err error) {
	if topic, group, err = l.topicAndGroup(queues); err == nil {
		p, err = l.producer()
	}
	return topic, group, p, err
}

// topicAndGroup creates both, for a scenario whose producer is not the usual one.
func (l *lab) topicAndGroup(queues int) (topic, group string, err error) {
	if topic, err = l.topic(queues); err != nil {
		return "", "", err
	}
	group, err = l.group("group")
	return topic, group, err
}

func (l *lab) instance() string {
	l.clients++
	return fmt.Sprintf("%s-%d", l.unique("client"), l.clients)
}

// producer returns a started producer.
func (l *lab) producer(options ...producer.Option) (rocketmq.Producer, error) {
	options = append([]producer.Option{
		producer.WithNameServer(l.nameSrv), producer.WithInstanceName(l.instance()),
		producer.WithGroupName(l.unique("producer")), producer.WithSendMsgTimeout(10 * time.Second), producer.WithRetry(2),
	}, append(producerTLS(), options...)...)
	p, err := rocketmq.NewProducer(options...)
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, p.Shutdown)
	return p, nil
}

// handler decides over one message.
type handler func(context.Context, *primitive.MessageExt) consumer.ConsumeResult

// consumer returns a push consumer from the first offset on, subscribed and started.
func (l *lab) consumer(topic, group, tags string, h handler, options ...consumer.Option) (rocketmq.PushConsumer, error) {
	return l.selecting(topic, group, consumer.MessageSelector{Type: consumer.TAG, Expression: tags}, h, options...)
}

// selecting is consumer with a selector of any kind.
func (l *lab) selecting(topic, group string, by consumer.MessageSelector, h handler, options ...consumer.Option) (rocketmq.PushConsumer, error) {
	options = append([]consumer.Option{
		consumer.WithNameServer(l.nameSrv), consumer.WithInstance(l.instance()), consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumeMessageBatchMaxSize(1),
	}, append(consumerTLS(), options...)...)
	c, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	one := func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		return h(ctx, batch[0]), nil
	}
	if err := c.Subscribe(topic, by, one); err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, c.Shutdown)
	return c, nil
}

// consume starts a consumer that takes everything.
func (l *lab) consume(topic, group string, options ...consumer.Option) (inbox, error) {
	in := newInbox()
	_, err := l.consumer(topic, group, "*", in.take, options...)
	return in, err
}

// inbox is where a consumer's messages arrive, in the order in which its handler saw them.
type inbox chan *primitive.MessageExt

func newInbox() inbox { return make(inbox, 10_000) }

func (in inbox) take(_ context.Context, m *primitive.MessageExt) consumer.ConsumeResult {
	in <- m
	return consumer.ConsumeSuccess
}

// texts waits for count messages and returns their bodies.
func (in inbox) texts(count int, limit time.Duration) ([]string, error) {
	deadline := time.After(limit)
	var got []string
	for len(got) < count {
		select {
		case m := <-in:
			got = append(got, string(m.Body))
		case <-deadline:
			return got, fmt.Errorf("%d of %d messages in %v", len(got), count, limit)
		}
	}
	return got, nil
}

func (in inbox) one(limit time.Duration) (*primitive.MessageExt, error) {
	select {
	case m := <-in:
		return m, nil
	case <-time.After(limit):
		return nil, fmt.Errorf("no message in %v", limit)
	}
}

// expect waits for exactly these bodies, in any order.
func (in inbox) expect(want []string, limit time.Duration) error {
	got, err := in.texts(len(want), limit)
	if err != nil {
		return err
	}
	slices.Sort(got)
	return equal("received", strings.Join(slices.Sorted(slices.Values(want)), " "), strings.Join(got, " "))
}

// nothing fails if a message arrives within the time.
func (in inbox) nothing(limit time.Duration) error {
	if m, err := in.one(limit); err == nil {
		return fmt.Errorf("unexpected message %q", m.Body)
	}
	return nil
}

func equal[T comparable](what string, want, got T) error {
	if want != got {
		return fmt.Errorf("%s: want %v, got %v", what, want, got)
	}
	return nil
}

// all returns the first error of a list of checks that are already made.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func numbered(prefix string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return texts
}

func message(topic, tag, body string) *primitive.Message {
	return primitive.NewMessage(topic, []byte(body)).WithTag(tag)
}

// stored sends and wants SendOK.
func stored(p rocketmq.Producer, messages ...*primitive.Message) (*primitive.SendResult, error) {
	result, err := p.SendSync(context.Background(), messages...)
	if err != nil {
		return nil, err
	}
	return result, equal("send status", primitive.SendOK, result.Status)
}

func sendAll(p rocketmq.Producer, topic string, texts []string) error {
	for _, text := range texts {
		if _, err := stored(p, message(topic, "all", text)); err != nil {
			return err
		}
	}
	return nil
}
