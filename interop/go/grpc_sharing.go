package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
)

func grpcSharingScenarios() []scenario {
	return []scenario{
		{"push-retry", grpcPushRetry}, {"dead-letter", grpcDeadLetter}, {"redelivery", grpcRedelivery}, {"change-invisible", grpcChangeInvisible},
		{"ack-batch", grpcAckBatch}, {"clustering", grpcClustering}, {"tag-filter", grpcTagFilter}, {"sql-filter", grpcSQLFilter},
	}
}

// grpcPushRetry wants what failed again, after the delays that the server told the client, with its attempt counted.
func grpcPushRetry(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in, _, err := l.push(topic, group, rmq.SUB_ALL, func(m *rmq.MessageView) rmq.ConsumerResult {
		if m.GetDeliveryAttempt() < 3 {
			return rmq.FAILURE
		}
		return rmq.SUCCESS
	})
	if err != nil {
		return err
	}
	id, err := sendOne(p, full(topic, "again"))
	if err != nil {
		return err
	}
	var at [3]time.Time
	for i := range at {
		m, err := in.one(60 * time.Second)
		if err != nil {
			return err
		}
		at[i] = m.at
		if err := all(equal("message", fullAs("again", i+1, id), described(m.MessageView)), equal("topic", topic, m.GetTopic())); err != nil {
			return err
		}
	}
	return all(within("until the second attempt", 800*time.Millisecond, 8*time.Second, at[1].Sub(at[0])),
		within("until the third attempt", 4500*time.Millisecond, 12*time.Second, at[2].Sub(at[1])), in.nothing(time.Second))
}

func grpcDeadLetter(l *lab) error {
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
	return all(sendTexts(p, topic, []string{"dying"}), in.expect([]string{"dying", "dying"}, 40*time.Second),
		l.driver.ask(fmt.Sprintf("dead-letter %s %s dying", group, topic)), in.nothing(time.Second))
}

func grpcRedelivery(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	id, err := sendOne(p, full(topic, "again"))
	if err != nil {
		return err
	}
	var at [2]time.Time
	for i := range at {
		m, err := receiveOne(c, 10*time.Second)
		if err != nil {
			return err
		}
		at[i] = time.Now()
		if err := equal("message", fullAs("again", i+1, id), described(m)); err != nil {
			return err
		}
		if i == 1 {
			if err := c.Ack(context.Background(), m); err != nil {
				return err
			}
		}
	}
	_, err = c.Receive(context.Background(), 1, time.Second)
	return all(within("invisible", 9500*time.Millisecond, 16*time.Second, at[1].Sub(at[0])), refused("invisible for a second", 40011, err), nothing(c))
}

// grpcChangeInvisible shortens and lengthens; the handle that the answer carries is the valid one.
func grpcChangeInvisible(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	if err := sendTexts(p, topic, []string{"again"}); err != nil {
		return err
	}
	first, err := receiveOne(c, time.Minute)
	if err != nil {
		return err
	}
	if err := c.ChangeInvisibleDuration(first, time.Second); err != nil {
		return err
	}
	second, err := receiveOne(c, 10*time.Second)
	if err != nil {
		return err
	}
	err = all(equal("attempt", 2, second.GetDeliveryAttempt()), c.ChangeInvisibleDuration(second, 30*time.Second), nothing(c), nothing(c),
		c.Ack(context.Background(), second), sendTexts(p, topic, []string{"other"}))
	if err != nil {
		return err
	}
	other, err := receiveOne(c, 30*time.Second)
	if err != nil {
		return err
	}
	return all(equal("next", "other", string(other.GetBody())), c.Ack(context.Background(), other))
}

// grpcAckBatch acknowledges every other message of a batch and wants the rest again.
func grpcAckBatch(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	if err := sendTexts(p, topic, numbered("batch", 20)); err != nil {
		return err
	}
	got, err := receive(c, 20, 10*time.Second)
	if err != nil {
		return err
	}
	var rest []string
	for i, m := range got {
		if i%2 == 1 {
			rest = append(rest, string(m.GetBody()))
		} else if err := c.Ack(context.Background(), m); err != nil {
			return err
		}
	}
	again, err := receive(c, len(rest), 30*time.Second)
	if err != nil {
		return err
	}
	for _, m := range again {
		if err := equal("attempt of "+string(m.GetBody()), 2, m.GetDeliveryAttempt()); err != nil {
			return err
		}
	}
	return all(sameTexts(rest, viewTexts(again)), ackAll(c, again), nothing(c))
}

// grpcClustering wants two members to share, and the one that stays to get all when the other has gone.
func grpcClustering(l *lab) error {
	topic, group, err := l.typed(4, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	left, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	right, leaving, err := l.push(topic, group, rmq.SUB_ALL, nil)
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	texts := numbered("both", 100)
	if err := sendTexts(p, topic, texts); err != nil {
		return err
	}
	var got []string
	for deadline := time.After(40 * time.Second); len(got) < len(texts); {
		select {
		case m := <-left:
			got = append(got, string(m.GetBody()))
		case m := <-right:
			got = append(got, string(m.GetBody()))
		case <-deadline:
			return fmt.Errorf("%d of %d messages in 40 s", len(got), len(texts))
		}
	}
	if err := all(sameTexts(texts, got), leaving.GracefulStop()); err != nil {
		return err
	}
	rest := numbered("alone", 20)
	return all(sendTexts(p, topic, rest), left.expect(rest, 60*time.Second), left.nothing(300*time.Millisecond), right.nothing(time.Millisecond))
}

func grpcTagFilter(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in, _, err := l.push(topic, group, byTag("red || blue"), nil)
	if err != nil {
		return err
	}
	for _, tag := range []string{"red", "green", "blue", "", "red"} {
		m := grpcMessage(topic, "text "+tag)
		if tag != "" {
			m.SetTag(tag)
		}
		if _, err := sendOne(p, m); err != nil {
			return err
		}
	}
	return all(in.expect([]string{"text red", "text blue", "text red"}, 30*time.Second), in.nothing(500*time.Millisecond))
}

func grpcSQLFilter(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	c, err := l.simple(topic, group, bySQL("price > 4 AND price NOT BETWEEN 7 AND 8 AND TAGS = 'vip'"))
	if err != nil {
		return err
	}
	for price := range 10 {
		for _, tag := range []string{"vip", "other"} {
			m := grpcMessage(topic, fmt.Sprintf("%s-%d", tag, price))
			m.SetTag(tag)
			m.AddProperty("price", fmt.Sprint(price))
			if _, err := sendOne(p, m); err != nil {
				return err
			}
		}
	}
	got, err := receive(c, 3, 30*time.Second)
	if err != nil {
		return err
	}
	return all(sameTexts(strings.Fields("vip-5 vip-6 vip-9"), viewTexts(got)), ackAll(c, got), nothing(c))
}

// grpcLongPoll wants a message at a waiting consumer within a second.
func grpcLongPoll(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	if err := all(sendTexts(p, topic, []string{"warm"}), in.expect([]string{"warm"}, 30*time.Second)); err != nil {
		return err
	}
	limit := time.Second
	if isApache("grpc-prompt") {
		limit = 2 * time.Second
	}
	for range 10 {
		start := time.Now()
		if err := sendTexts(p, topic, []string{"prompt"}); err != nil {
			return err
		}
		m, err := in.one(5 * time.Second)
		if err != nil {
			return err
		}
		if err := within("on its way", 0, limit, m.at.Sub(start)); err != nil {
			return err
		}
	}
	return nil
}

// grpcTLS is what a client does that nobody told anything: it speaks TLS and takes any certificate.
func grpcTLS(l *lab) error {
	rmq.EnableSsl = true
	defer func() { rmq.EnableSsl = false }()
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	return all(sendTexts(p, topic, []string{"secret"}), in.expect([]string{"secret"}, 30*time.Second))
}

// grpcKillAndResume wants both clients to go on by themselves after kill -9 of the server.
func grpcKillAndResume(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	texts := numbered("before", 10)
	if err := all(sendTexts(p, topic, texts), in.expect(texts, 30*time.Second), l.driver.ask("restart")); err != nil {
		return err
	}
	deadline := time.Now().Add(60 * time.Second)
	for err = sendTexts(p, topic, []string{"after"}); err != nil; err = sendTexts(p, topic, []string{"after"}) {
		if time.Now().After(deadline) {
			return fmt.Errorf("sending after the restart: %w", err)
		}
	}
	goesOn := false
	for !goesOn && time.Now().Before(deadline) {
		m, err := in.one(time.Until(deadline))
		goesOn = err == nil && string(m.GetBody()) == "after"
	}
	switch local := os.Getenv("AEROBEE_INTEROP_PROXY") == "local"; {
	case local && isApache("grpc-local-restart"): // the broker was killed with the proxy, and this client sends its settings every five minutes
		l.differs("grpc-local-restart", "goes on", map[bool]string{true: "goes on", false: "not within a minute"}[goesOn])
	case !goesOn:
		return fmt.Errorf("the consumer did not go on within 60 s of the restart")
	case !isApache("grpc-local-restart"):
		l.differs("grpc-local-restart", "goes on", "goes on")
	}
	return nil
}
