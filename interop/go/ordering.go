package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

func orderScenarios() []scenario {
	return []scenario{{"ordered-global", orderedGlobal}, {"ordered-per-key", orderedPerKey}}
}

func orderly() []consumer.Option {
	return []consumer.Option{consumer.WithConsumerOrder(true), consumer.WithRebalanceLockInterval(time.Second)}
}

func orderedGlobal(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	texts := numbered("global", 60)
	if err := sendAll(p, topic, texts); err != nil {
		return err
	}
	in, err := l.consume(topic, group, orderly()...)
	if err != nil {
		return err
	}
	got, err := in.texts(60, 60*time.Second)
	if err != nil {
		return err
	}
	return equal("order", strings.Join(texts, " "), strings.Join(got, " "))
}

// orderedPerKey wants each key's messages in the order in which they were sent.
func orderedPerKey(l *lab) error {
	topic, group, err := l.topicAndGroup(4)
	if err != nil {
		return err
	}
	p, err := l.producer(producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group, orderly()...)
	if err != nil {
		return err
	}
	for i := range 100 {
		key := strconv.Itoa(i % 5)
		if _, err := stored(p, message(topic, "all", fmt.Sprintf("%s:%04d", key, i)).WithShardingKey(key)); err != nil {
			return err
		}
	}
	got, err := in.texts(100, 60*time.Second)
	if err != nil {
		return err
	}
	perKey := map[string][]string{}
	for _, text := range got {
		perKey[text[:1]] = append(perKey[text[:1]], text)
	}
	for key, texts := range perKey {
		if !slices.IsSorted(texts) || len(texts) != 20 {
			return fmt.Errorf("key %s: %d messages in the order %v", key, len(texts), texts)
		}
	}
	return equal("keys", 5, len(perKey))
}
