package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
)

// lateLimit is how late a delayed message may come on a loaded machine.
const lateLimit = 5 * time.Second

func grpcSendScenarios() []scenario {
	return []scenario{
		{"transaction-orphans", grpcOrphans}, {"transaction-ends", grpcTransactionEnds}, {"delay", grpcDelay}, {"normal", grpcNormal},
		{"properties", grpcProperties}, {"async", grpcAsync}, {"fifo", grpcFifo}, {"fifo-retry", grpcFifoRetry}, {"wrong-topic", grpcWrongTopic},
		{"wrong-type", grpcWrongType}, {"oversize", grpcOversize},
	}
}

func grpcNormal(l *lab) error {
	topic, group, err := l.typed(4, "NORMAL", 16, "")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	texts := numbered("normal", 50)
	return all(sendTexts(p, topic, texts), in.expect(texts, 40*time.Second), in.nothing(500*time.Millisecond))
}

func grpcProperties(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	id, err := sendOne(p, full(topic, "text ü 火"))
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
	born := time.Since(*got.GetBornTimestamp())
	return all(equal("message", fullAs("text ü 火", 1, id), described(got)), equal("topic", topic, got.GetTopic()),
		within("born ago", -time.Second, time.Minute, born), c.Ack(context.Background(), got))
}

func grpcAsync(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	texts := numbered("async", 100)
	var wg sync.WaitGroup
	failed := make(chan error, len(texts))
	for _, text := range texts {
		wg.Add(1)
		p.SendAsync(context.Background(), grpcMessage(topic, text), func(_ context.Context, receipts []*rmq.SendReceipt, err error) {
			defer wg.Done()
			if err != nil || len(receipts) != 1 {
				failed <- fmt.Errorf("%d receipts, %w", len(receipts), err)
			}
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		return <-failed
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	got, err := receive(c, len(texts), time.Minute)
	if err != nil {
		return err
	}
	return all(sameTexts(texts, viewTexts(got)), ackAll(c, got))
}

// grpcDelay wants none early, none late, and what is for a time that has passed at once.
func grpcDelay(l *lab) error {
	topic, group, err := l.typed(1, "DELAY", 16, "")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	now := time.Now()
	due := []time.Time{now.Add(-5 * time.Second), now.Add(4 * time.Second), now.Add(6500 * time.Millisecond), now.Add(9 * time.Second)}
	for _, i := range []int{3, 1, 0, 2} {
		m := grpcMessage(topic, fmt.Sprint(i))
		m.SetDelayTimestamp(due[i])
		if _, err := sendOne(p, m); err != nil {
			return err
		}
	}
	early := time.Duration(0)
	if isApache("early") {
		early = -time.Second
	}
	for i, at := range due {
		m, err := in.one(30 * time.Second)
		if err != nil {
			return err
		}
		if err := equal("order", fmt.Sprint(i), string(m.GetBody())); err != nil {
			return err
		}
		if i > 0 {
			if err := all(within("late", early, lateLimit, m.at.Sub(at)), within("delivery time off by", -time.Second, time.Second, m.GetDeliveryTimestamp().Sub(at))); err != nil {
				return err
			}
		}
	}
	far := grpcMessage(topic, "far")
	far.SetDelayTimestamp(now.AddDate(20, 0, 0))
	_, err = sendOne(p, far)
	return all(refused("20 years", 40012, err), in.nothing(500*time.Millisecond))
}

func sendInGroups(p rmq.Producer, topic string, groups, count int) error {
	for i := range count {
		for group := range groups {
			m := grpcMessage(topic, fmt.Sprintf("%d-%04d", group, i))
			m.SetMessageGroup(fmt.Sprintf("group-%d", group))
			if _, err := sendOne(p, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// groupsInOrder wants each message group whole and in order.
func groupsInOrder(got []seen, groups, count int) error {
	texts := map[string][]string{}
	for _, m := range got {
		if m.GetMessageGroup() == nil {
			return fmt.Errorf("%s has no message group", m.GetBody())
		}
		texts[*m.GetMessageGroup()] = append(texts[*m.GetMessageGroup()], string(m.GetBody()))
	}
	for group := range groups {
		name := fmt.Sprintf("group-%d", group)
		if err := equal(name, strings.Join(numbered(fmt.Sprint(group), count), " "), strings.Join(texts[name], " ")); err != nil {
			return err
		}
	}
	return nil
}

func grpcFifo(l *lab) error {
	topic, group, err := l.typed(4, "FIFO", 16, "orderly")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	if err := sendInGroups(p, topic, 5, 20); err != nil {
		return err
	}
	got, err := in.take(100, 60*time.Second)
	if err != nil {
		return err
	}
	return all(groupsInOrder(got, 5, 20), in.nothing(500*time.Millisecond))
}

// grpcFifoRetry wants what fails tried again before the server gives out what follows it. Within one batch this client does not wait for
// the second try, so the rest is sent when the first is under way.
func grpcFifoRetry(l *lab) error {
	topic, group, err := l.typed(1, "FIFO", 16, "orderly")
	if err != nil {
		return err
	}
	var once sync.Once
	in, _, err := l.push(topic, group, rmq.SUB_ALL, func(m *rmq.MessageView) (result rmq.ConsumerResult) {
		if string(m.GetBody()) == "0" {
			once.Do(func() { result = rmq.FAILURE })
		}
		return result
	})
	if err != nil {
		return err
	}
	p, err := l.grpcProducer(topic)
	if err != nil {
		return err
	}
	send := func(text string) error {
		m := grpcMessage(topic, text)
		m.SetMessageGroup("group")
		_, err := sendOne(p, m)
		return err
	}
	if err := all(send("0"), in.expect([]string{"0"}, 30*time.Second)); err != nil {
		return err
	}
	for _, text := range []string{"1", "2", "3"} {
		if err := send(text); err != nil {
			return err
		}
	}
	got, err := in.take(4, 60*time.Second)
	if err != nil {
		return err
	}
	return all(equal("order", "0 1 2 3", strings.Join(bodies(got), " ")), in.nothing(500*time.Millisecond))
}

func grpcTransactionEnds(l *lab) error {
	topic, group, err := l.typed(1, "TRANSACTION", 16, "")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	checker := &rmq.TransactionChecker{Check: func(*rmq.MessageView) rmq.TransactionResolution { return rmq.UNKNOWN }}
	p, err := l.grpcProducer(topic, rmq.WithTransactionChecker(checker))
	if err != nil {
		return err
	}
	rolledBack, committed := p.BeginTransaction(), p.BeginTransaction()
	if _, err := p.SendWithTransaction(context.Background(), grpcMessage(topic, "rolled back"), rolledBack); err != nil {
		return err
	}
	receipts, err := p.SendWithTransaction(context.Background(), grpcMessage(topic, "committed"), committed)
	if err != nil {
		return err
	}
	if err := all(in.nothing(time.Second), rolledBack.RollBack(), committed.Commit()); err != nil {
		return err
	}
	m, err := in.one(30 * time.Second)
	if err != nil {
		return err
	}
	return all(equal("committed", "committed", string(m.GetBody())), equal("id", receipts[0].MessageID, m.GetMessageId()), in.nothing(5*time.Second))
}

// grpcOrphans ends nothing by itself: the server asks, and once more after "unknown".
func grpcOrphans(l *lab) error {
	topic, group, err := l.typed(1, "TRANSACTION", 16, "")
	if err != nil {
		return err
	}
	in, err := l.pushAll(topic, group)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	asked := map[string]int{}
	checker := &rmq.TransactionChecker{Check: func(m *rmq.MessageView) rmq.TransactionResolution {
		mu.Lock()
		defer mu.Unlock()
		text := string(m.GetBody())
		asked[text]++
		switch {
		case text == "rollback":
			return rmq.ROLLBACK
		case text == "later" && asked[text] == 1:
			return rmq.UNKNOWN
		}
		return rmq.COMMIT
	}}
	p, err := l.grpcProducer(topic, rmq.WithTransactionChecker(checker))
	if err != nil {
		return err
	}
	for _, text := range []string{"commit", "rollback", "later"} {
		if _, err := p.SendWithTransaction(context.Background(), grpcMessage(topic, text), p.BeginTransaction()); err != nil {
			return err
		}
	}
	if err := in.expect([]string{"commit", "later"}, 60*time.Second); err != nil {
		return err
	}
	quiet := 5 * time.Second
	if isApache("committed-twice") {
		quiet = time.Second // it may commit what was answered once more
	}
	return in.nothing(quiet)
}

// grpcWrongTopic: the client begins by asking for the routes of its topics.
func grpcWrongTopic(l *lab) error {
	absent := l.unique("absent")
	_, err := l.grpcProducer(absent)
	if err == nil || !strings.Contains(err.Error(), "TOPIC_NOT_FOUND") {
		return fmt.Errorf("a producer of an absent topic: %v", err)
	}
	_, err = l.simple(absent, l.unique("group"), rmq.SUB_ALL)
	if err == nil || !strings.Contains(err.Error(), "TOPIC_NOT_FOUND") {
		return fmt.Errorf("a consumer of an absent topic: %v", err)
	}
	return nil
}

// grpcWrongType: the client compares the types itself, with what the server says of the topic.
func grpcWrongType(l *lab) error {
	topic, _, p, err := l.normal()
	if err != nil {
		return err
	}
	fifo, delayed := grpcMessage(topic, "fifo"), grpcMessage(topic, "delayed")
	fifo.SetMessageGroup("group")
	delayed.SetDelayTimestamp(time.Now().Add(time.Second))
	for _, m := range []*rmq.Message{fifo, delayed} {
		if _, err := sendOne(p, m); err == nil || !strings.Contains(err.Error(), "not match") {
			return fmt.Errorf("%s to a topic for ordinary messages: %v", m.Body, err)
		}
	}
	return sendTexts(p, topic, []string{"normal"})
}

// grpcOversize: the client refuses a body by the limit that the server told it, and cannot take an answer of more than 4 MiB.
func grpcOversize(l *lab) error {
	topic, group, p, err := l.normal()
	if err != nil {
		return err
	}
	body := strings.Repeat("0123456789abcdef", 3<<20/16)
	if err := sendTexts(p, topic, []string{body}); err != nil {
		return err
	}
	over := strings.Repeat("x", 4<<20+1)
	if _, err := sendOne(p, grpcMessage(topic, over)); err == nil || !strings.Contains(err.Error(), "4194304") {
		return fmt.Errorf("a body of 4 MiB and one byte: %v", err)
	}
	c, err := l.simple(topic, group, rmq.SUB_ALL)
	if err != nil {
		return err
	}
	got, err := receiveOne(c, 30*time.Second)
	if err != nil {
		return err
	}
	if string(got.GetBody()) != body {
		return fmt.Errorf("the body of 3 MiB came as %d bytes", len(got.GetBody()))
	}
	return c.Ack(context.Background(), got)
}
