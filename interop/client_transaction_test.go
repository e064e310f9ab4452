package interop

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// TestClientTransactions has our client's transactions on every chosen server, which asks about them soon.
func TestClientTransactions(t *testing.T) {
	t.Parallel()
	for _, target := range clientTargets(t) {
		t.Run(target, func(t *testing.T) {
			runScenarios(t, startServer(t, target, askingSoon(target)...), clientTransacting())
		})
	}
}

func clientTransacting() []clientScenario {
	return []clientScenario{
		{"transaction-commit", ownCommit}, {"transaction-rollback", ownRollback}, {"transaction-check", ownCheck}, {"transaction-unknown-then-commit", ownUnknown},
		{"transaction-heir", ownHeir}, {"transaction-ended-twice", ownEndedTwice},
	}
}

// transactions makes a producer of the scenario's group; what is sent and not ended is asked about on topic.
func (l *clientLab) transactions(c *client.Client, topic string, check func(d *client.Delivery) client.TransactionState) *client.TransactionProducer {
	l.Helper()
	p, err := c.NewTransactionProducer(l.ctx, client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: l.unique("payers"), SendTimeout: 10 * time.Second},
		Topics: []string{topic}, Check: func(_ context.Context, d *client.Delivery) client.TransactionState { return check(d) }})
	l.must(err)
	return p
}

func (l *clientLab) begin(p *client.TransactionProducer, m *client.Message) *client.Transaction {
	l.Helper()
	tx, err := p.Begin(l.ctx, m)
	l.must(err)
	return tx
}

func (l *clientLab) neverAsked(d *client.Delivery) client.TransactionState {
	l.Errorf("asked about %s, which was ended", d.Body)
	return client.TransactionUnknown
}

// ownCommit wants the message as it was sent, once, and not before it is committed.
func ownCommit(l *clientLab) {
	topic := l.topic(2)
	in := l.consume(topic, l.group("group"))
	p := l.transactions(l.client(), topic, l.neverAsked)
	sent := client.Message{Topic: topic, Body: []byte("paid"), Tag: "tag", Keys: []string{"key"}, Properties: map[string]string{"mine": "kept"}}
	tx := l.begin(p, &sent)
	l.nothing(in, time.Second)
	l.must(tx.Commit(l.ctx))
	d := l.next(in)
	l.equal("message", sent, d.Message)
	l.equal("id", tx.Result().ID, d.ID)
	big := compressible(20_000)
	l.must(l.begin(p, &client.Message{Topic: topic, Body: []byte(big)}).Commit(l.ctx))
	l.expect(in, []string{big})
	l.nothing(in, 5*time.Second) // longer than until the first question
}

func ownRollback(l *clientLab) {
	topic := l.topic(1)
	in := l.consume(topic, l.group("group"))
	p := l.transactions(l.client(), topic, l.neverAsked)
	l.must(l.begin(p, &client.Message{Topic: topic, Body: []byte("not paid")}).Rollback(l.ctx))
	broke := errors.New("the card was refused")
	_, err := p.Send(l.ctx, &client.Message{Topic: topic, Body: []byte("refused")}, func(context.Context, client.SendResult) (client.TransactionState, error) {
		return client.TransactionCommit, broke
	})
	l.equal("the local error", true, errors.Is(err, broke))
	l.sendAll(l.producer(), topic, []string{"after"})
	l.expect(in, []string{"after"})
	l.nothing(in, 5*time.Second)
}

// ownCheck leaves two open, about which the broker asks: one is committed and one rolled back.
func ownCheck(l *clientLab) {
	topic := l.topic(1)
	in := l.consume(topic, l.group("group"))
	asked := make(chan string, 100)
	p := l.transactions(l.client(), topic, func(d *client.Delivery) client.TransactionState {
		l.equal("topic asked about", topic, d.Topic)
		asked <- string(d.Body)
		if string(d.Body) == "yes" {
			return client.TransactionCommit
		}
		return client.TransactionRollback
	})
	l.begin(p, &client.Message{Topic: topic, Body: []byte("yes")})
	l.begin(p, &client.Message{Topic: topic, Body: []byte("no")})
	l.expect(in, []string{"yes"})
	l.within("both are asked about", func() error {
		if len(asked) < 2 {
			return fmt.Errorf("%d questions", len(asked))
		}
		return nil
	})
	l.nothing(in, 5*time.Second)
	l.equal("questions", 2, len(asked))
}

// ownUnknown has the checker not know twice, and panic once.
func ownUnknown(l *clientLab) {
	topic := l.topic(1)
	in := l.consume(topic, l.group("group"))
	var asks atomic.Int32
	p := l.transactions(l.client(), topic, func(*client.Delivery) client.TransactionState {
		switch asks.Add(1) {
		case 1, 3:
			return client.TransactionUnknown
		case 2:
			panic("the checker is broken")
		}
		return client.TransactionCommit
	})
	_, err := p.Send(l.ctx, &client.Message{Topic: topic, Body: []byte("perhaps")}, func(context.Context, client.SendResult) (client.TransactionState, error) {
		return client.TransactionUnknown, nil
	})
	l.must(err)
	l.expect(in, []string{"perhaps"})
	l.equal("questions", int32(4), asks.Load())
}

// ownHeir has a producer die; one of its group that has sent nothing itself is asked.
func ownHeir(l *clientLab) {
	topic := l.topic(1)
	in := l.consume(topic, l.group("group"))
	dead := l.client()
	l.begin(l.transactions(dead, topic, l.neverAsked), &client.Message{Topic: topic, Body: []byte("left open")})
	l.close(dead)
	l.transactions(l.client(), topic, func(*client.Delivery) client.TransactionState { return client.TransactionCommit })
	l.expect(in, []string{"left open"})
}

// ownEndedTwice has the client refuse a second end.
func ownEndedTwice(l *clientLab) {
	topic := l.topic(1)
	in := l.consume(topic, l.group("group"))
	p := l.transactions(l.client(), topic, l.neverAsked)
	tx := l.begin(p, &client.Message{Topic: topic, Body: []byte("once")})
	l.must(tx.Commit(l.ctx))
	if err := tx.Commit(l.ctx); !errors.Is(err, client.ErrIllegal) {
		l.Errorf("a second commit: %v", err)
	}
	l.expect(in, []string{"once"})
	l.nothing(in, time.Second)
}
