package main

import (
	"fmt"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func movingScenarios() []scenario {
	return []scenario{{"reset-online", resetOnline}, {"reset-offline", resetOffline}, {"timer", timer}}
}

// resetOnline has the group sent back to its beginning while its consumer runs.
func resetOnline(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	texts := numbered("reset", 10)
	return all(sendAll(p, topic, texts), in.expect(texts, 30*time.Second), l.driver.ask(fmt.Sprintf("committed %s %s 2 10", topic, group)),
		l.driver.ask(fmt.Sprintf("reset %s %s", group, topic)), in.expect(texts, 60*time.Second), in.nothing(500*time.Millisecond))
}

// resetOffline has it sent back while nobody is there.
func resetOffline(l *lab) error {
	topic, group, p, err := l.begin(2)
	if err != nil {
		return err
	}
	in := newInbox()
	c, err := l.consumer(topic, group, "*", in.take)
	if err != nil {
		return err
	}
	texts := numbered("reset", 10)
	if err := all(sendAll(p, topic, texts), in.expect(texts, 30*time.Second), l.driver.ask(fmt.Sprintf("committed %s %s 2 10", topic, group)),
		c.Shutdown(), l.driver.ask(fmt.Sprintf("reset %s %s", group, topic))); err != nil {
		return err
	}
	again, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	return all(again.expect(texts, 60*time.Second), again.nothing(500*time.Millisecond))
}

// timer sends for a time by the property, since this client has no call for it.
func timer(l *lab) error {
	topic, group, p, err := l.begin(1)
	if err != nil {
		return err
	}
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	due := time.Now().Add(3 * time.Second)
	m := primitive.NewMessage(topic, []byte("in time"))
	m.WithProperty("TIMER_DELIVER_MS", fmt.Sprint(due.UnixMilli()))
	if _, err := stored(p, m); err != nil {
		return err
	}
	got, err := in.one(30 * time.Second)
	if err != nil {
		return err
	}
	if early := time.Until(due); early > 10*time.Millisecond {
		return fmt.Errorf("%v early", early)
	}
	return equal("body", "in time", string(got.Body))
}
