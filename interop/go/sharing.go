package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func sharingScenarios() []scenario {
	return []scenario{
		{"clustering", clustering}, {"broadcast", broadcast}, {"tag-filter", tagFilter}, {"sql-filter", sqlFilter}, {"resume", resume},
	}
}

// aloneScenarios measure time or kill the server.
func aloneScenarios() []scenario {
	return []scenario{{"long-poll", longPoll}, {"kill-and-resume", killAndResume}}
}

// clustering wants two members to share the queues, and one to take over when the other leaves.
func clustering(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	left, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	right := newInbox()
	second, err := l.consumer(topic, group, "*", right.take)
	if err != nil {
		return err
	}
	sent, err := sendUntilBothReceive(p.SendSync, topic, left, right)
	if err != nil {
		return err
	}
	if err := l.driver.ask(fmt.Sprintf("committed %s %s 4 %d", topic, group, sent)); err != nil {
		return err
	}
	if err := second.Shutdown(); err != nil {
		return err
	}
	texts := numbered("alone", 8)
	return all(sendAll(p, topic, texts), left.expect(texts, 60*time.Second))
}

// sendUntilBothReceive sends rounds of eight until both members got part of one round and nothing is missing; the Go
// client tells nobody when its queues change hands. It returns how many messages it sent.
func sendUntilBothReceive(send func(context.Context, ...*primitive.Message) (*primitive.SendResult, error), topic string, left, right inbox) (int, error) {
	for round := range 100 {
		got := map[string]int{}
		for i := range 8 {
			if _, err := send(context.Background(), message(topic, "all", fmt.Sprintf("%d-%d", round, i))); err != nil {
				return 0, err
			}
		}
		shares := [2]int{}
		for len(got) < 8 {
			select {
			case m := <-left:
				shares[0]++
				got[string(m.Body)]++
			case m := <-right:
				shares[1]++
				got[string(m.Body)]++
			case <-time.After(30 * time.Second):
				return 0, fmt.Errorf("round %d: %d of 8 messages in 30 s", round, len(got))
			}
		}
		if shares[0] == 4 && shares[1] == 4 {
			return (round + 1) * 8, nil
		}
	}
	return 0, fmt.Errorf("the two members never halved the queues in 100 rounds")
}

func broadcast(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	var members [2]inbox
	for i := range members {
		if members[i], err = l.consume(topic, group, consumer.WithConsumerModel(consumer.BroadCasting)); err != nil {
			return err
		}
	}
	texts := numbered("broadcast", 20)
	return all(sendAll(p, topic, texts), members[0].expect(texts, 30*time.Second), members[1].expect(texts, 30*time.Second))
}

func tagFilter(l *lab) error {
	topic, group, p, err := l.begin(4)
	if err != nil {
		return err
	}
	for _, tag := range []string{"red", "green", "blue", "green", "red"} {
		if _, err := stored(p, message(topic, tag, tag)); err != nil {
			return err
		}
	}
	in := newInbox()
	if _, err := l.consumer(topic, group, "red || blue", in.take); err != nil {
		return err
	}
	return all(in.expect([]string{"red", "blue", "red"}, 30*time.Second), in.nothing(500*time.Millisecond))
}

// sqlFilter wants what an expression over the properties is true for, of what lies there and of what comes later.
func sqlFilter(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	send := func(prefix string) error {
		for price := range 10 {
			m := message(topic, "all", fmt.Sprintf("%s-%d", prefix, price))
			if price != 6 {
				m.WithProperty("price", fmt.Sprint(price))
			}
			if _, err := stored(p, m); err != nil {
				return err
			}
		}
		return nil
	}
	if err := send("before"); err != nil {
		return err
	}
	in := newInbox()
	by := consumer.MessageSelector{Type: consumer.SQL92, Expression: "price > 4 AND price NOT BETWEEN 7 AND 8"}
	if _, err := l.selecting(topic, group, by, in.take); err != nil {
		return err
	}
	if err := in.expect([]string{"before-5", "before-9"}, 30*time.Second); err != nil {
		return err
	}
	return all(send("after"), in.expect([]string{"after-5", "after-9"}, 30*time.Second), in.nothing(500*time.Millisecond))
}

// resume wants a second consumer to begin where the first one left off.
func resume(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	before := newInbox()
	first, err := l.consumer(topic, group, "*", before.take)
	if err != nil {
		return err
	}
	texts := numbered("before", 10)
	if err := all(sendAll(p, topic, texts), before.expect(texts, 30*time.Second)); err != nil {
		return err
	}
	if err := all(l.driver.ask(fmt.Sprintf("committed %s %s 2 10", topic, group)), first.Shutdown()); err != nil {
		return err
	}
	rest := numbered("after", 5)
	if err := sendAll(p, topic, rest); err != nil {
		return err
	}
	after, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	return all(after.expect(rest, 30*time.Second), after.nothing(300*time.Millisecond))
}

// longPoll wants each of twenty messages at a waiting consumer within a second.
func longPoll(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	if err := all(sendAll(p, topic, []string{"warm"}), in.expect([]string{"warm"}, 30*time.Second)); err != nil {
		return err
	}
	for _, text := range numbered("prompt", 20) {
		start := time.Now()
		if err := all(sendAll(p, topic, []string{text}), in.expect([]string{text}, 5*time.Second)); err != nil {
			return err
		}
		if took := time.Since(start); took > time.Second {
			return fmt.Errorf("%s took %v", text, took)
		}
	}
	return nil
}

// killAndResume wants unread messages to outlive kill -9 of the server, and both clients to go on by themselves.
func killAndResume(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	texts := numbered("before", 10)
	if err := all(sendAll(p, topic, texts), in.expect(texts, 30*time.Second)); err != nil {
		return err
	}
	if err := l.driver.ask("restart"); err != nil {
		return err
	}
	deadline := time.Now().Add(60 * time.Second)
	for err = sendAll(p, topic, []string{"after"}); err != nil; err = sendAll(p, topic, []string{"after"}) {
		if time.Now().After(deadline) {
			return fmt.Errorf("sending after the restart: %w", err)
		}
	}
	for time.Now().Before(deadline) {
		if m, err := in.one(time.Until(deadline)); err == nil && string(m.Body) == "after" {
			return nil
		}
	}
	return fmt.Errorf("the consumer did not go on within 60 s of the restart")
}
