package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func replyScenarios() []scenario {
	return []scenario{{"request-reply", requestReply}}
}

// requestReply asks and replies with two producers, which brokers must know before the reply; so the replier waits a while, as the
// client's own example does. Its helper for replies takes the body for properties, so the body is set here.
func requestReply(l *lab) error {
	topic, group, asking, err := l.begin(1)
	if err != nil {
		return err
	}
	replier, err := l.producer()
	if err != nil {
		return err
	}
	outcome := make(chan error, 10)
	_, err = l.consumer(topic, group, "*", func(ctx context.Context, m *primitive.MessageExt) consumer.ConsumeResult {
		reply, err := consumer.CreateReplyMessage(m, nil)
		if err != nil {
			return consumer.ConsumeSuccess // no request
		}
		time.Sleep(time.Second)
		reply.Body = []byte(strings.ToUpper(string(m.Body)))
		_, err = replier.SendSync(ctx, reply)
		outcome <- err
		return consumer.ConsumeSuccess
	})
	if err != nil {
		return err
	}
	for _, text := range []string{"first question", "second question"} {
		reply, err := asking.Request(context.Background(), 30*time.Second, message(topic, "all", text))
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		if err := equal("reply", strings.ToUpper(text), string(reply.Body)); err != nil {
			return err
		}
		if err := <-outcome; err != nil {
			return fmt.Errorf("reply to the %s: %w", text, err)
		}
	}
	return nil
}
