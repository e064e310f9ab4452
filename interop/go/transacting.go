package main

import (
	"context"
	"strings"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// transactionScenarios need a server that asks soon, see transaction_test.go.
func transactionScenarios() []scenario {
	return []scenario{{"transaction-ends", transactionEnds}}
}

// sayings is a producer's side of its transactions: what a message's text begins with is what it answers, and "ask-" first
// that it does not know.
type sayings struct{}

// ExecuteLocalTransaction answers after the send.
func (sayings) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	return said(string(m.Body))
}

// CheckLocalTransaction answers when it is asked.
func (sayings) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	return said(strings.TrimPrefix(string(m.Body), "ask-"))
}

func said(text string) primitive.LocalTransactionState {
	switch {
	case strings.HasPrefix(text, "commit"):
		return primitive.CommitMessageState
	case strings.HasPrefix(text, "rollback"):
		return primitive.RollbackMessageState
	}
	return stateUnknown
}

// transactionEnds commits and rolls back, at once and when asked.
func transactionEnds(l *lab) error {
	topic, group, err := l.topicAndGroup(1)
	if err != nil {
		return err
	}
	p, err := rocketmq.NewTransactionProducer(sayings{}, producer.WithNameServer(l.nameSrv), producer.WithInstanceName(l.instance()),
		producer.WithGroupName(l.unique("producer")), producer.WithSendMsgTimeout(10*time.Second))
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	l.closers = append(l.closers, p.Shutdown)
	in, err := l.consume(topic, group)
	if err != nil {
		return err
	}
	for _, text := range []string{"rollback-1", "commit-1", "ask-rollback-2", "ask-commit-2", "commit-3"} {
		r, err := p.SendMessageInTransaction(context.Background(), message(topic, "all", text))
		if err != nil {
			return err
		}
		if err := all(equal("send status", primitive.SendOK, r.Status), equal("state of "+text, said(text), r.State)); err != nil {
			return err
		}
	}
	return all(in.expect([]string{"commit-1", "commit-3", "ask-commit-2"}, 40*time.Second), in.nothing(6*time.Second))
}
