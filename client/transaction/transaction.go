// Package transaction is what a transactional producer does beside sending: it ends transactions (END_TRANSACTION, 37) and answers
// brokers that ask about them (CHECK_TRANSACTION_STATE, 39). It owns [State], [Half] and [Checks]; package client, which alone calls it, sends the
// half messages and finds the brokers. All methods of a Checks are safe to call at once.
package transaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// State is what became of a local transaction.
type State int

// The values of [State].
const (
	Unknown  State = iota // not known yet: the broker asks again later
	Commit                // consumers get the message
	Rollback              // nobody ever sees it
)

// String is the state in one word.
func (s State) String() string {
	switch s {
	case Commit:
		return "commit"
	case Rollback:
		return "rollback"
	}
	return "unknown"
}

func (s State) flag() message.SysFlag {
	switch s {
	case Commit:
		return message.FlagTransactionCommit
	case Rollback:
		return message.FlagTransactionRollback
	}
	return 0
}

// Half names a half message for the broker that has it.
type Half struct {
	Broker    string            // its name
	Topic     string            // with the namespace
	Group     string            // the producer's, with the namespace
	ID        string            // the unique key
	LogOffset message.LogOffset // where it lies
	Queue     int64             // its number in the queue of half messages
	Asked     bool              // the broker has asked
}

// End is the request that ends a transaction.
func (h *Half) End(s State) protocol.Frame {
	f := protocol.Frame{Code: protocol.ReqEndTransaction, Language: protocol.LanguageGo, Version: protocol.CurrentVersion}
	header := protocol.EndTransactionHeader{Topic: h.Topic, ProducerGroup: h.Group, TranStateTableOffset: h.Queue, CommitLogOffset: int64(h.LogOffset),
		CommitOrRollback: int32(s.flag()), FromTransactionCheck: h.Asked, MsgID: h.ID, TransactionID: h.ID, BrokerName: h.Broker}
	header.Append(&f.Fields)
	return f
}

// Check decides about a message whose transaction has not been ended. ctx ends when the producer is closed.
type Check func(ctx context.Context, m *wire.Delivery) State

// Limits of a [Checks].
const (
	atOnce  = 4     // checkers that run
	waiting = 2_000 // questions that wait for one, as with Java's clients; brokers ask again about what is beyond
)

// Checks answers the questions about transactions of one group. It runs up to four checkers at once, on goroutines that live as long as there are
// questions.
type Checks struct {
	check  Check
	ns     namespace.Namespace
	log    *slog.Logger
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool // guarded by mu, as all below
	running int
	queue   []*question
}

type question struct {
	conn *remoting.Conn
	half Half
	body []byte
}

// NewChecks returns a Checks. It starts no goroutine.
func NewChecks(check Check, ns namespace.Namespace, log *slog.Logger) *Checks {
	c := &Checks{check: check, ns: ns, log: log}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close waits for the checkers that run, and forgets the questions that wait: brokers ask again, another producer of the group if there
// is one. When ctx ends first, the checkers' context does.
func (c *Checks) Close(ctx context.Context) {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, c.cancel)
	c.wg.Wait()
	stop()
	c.cancel()
}

// Asked reads whom a question (39) is for: the producer's group, with the namespace.
func Asked(f *protocol.Frame) (group string, err error) {
	r, err := message.ParseRecord(f.Body)
	if err != nil {
		return "", fmt.Errorf("transaction: the message of a question: %w", err)
	}
	return r.Properties.GetString(message.PropProducerGroup), nil
}

// Serve takes a question from a broker. f is valid until it returns.
func (c *Checks) Serve(conn *remoting.Conn, group string, f *protocol.Frame) {
	var h protocol.CheckTransactionHeader
	if err := h.Decode(f.Fields); err != nil {
		c.log.Warn("client: a question about a transaction cannot be read", "error", err)
		return
	}
	own := f.Clone()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if len(c.queue) >= waiting {
		c.log.Warn("client: too many questions about transactions, the broker will ask again", "limit", waiting)
		return
	}
	c.queue = append(c.queue, &question{conn: conn, body: own.Body, half: Half{Broker: h.BrokerName, Topic: h.Topic, Group: group, ID: h.MsgID,
		LogOffset: message.LogOffset(h.CommitLogOffset), Queue: h.TranStateTableOffset, Asked: true}})
	if c.running < atOnce {
		c.running++
		c.wg.Go(c.run)
	}
}

// run answers as long as there are questions.
func (c *Checks) run() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.running--
			c.mu.Unlock()
			return
		}
		q := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		if err := c.answer(q); err != nil && c.ctx.Err() == nil {
			c.log.Warn("client: a question about a transaction was not answered, the broker will ask again", "id", q.half.ID, "error", err)
		}
	}
}

func (c *Checks) answer(q *question) error {
	d := wire.Decoder{Queue: wire.Queue{Topic: q.half.Topic, BrokerName: q.half.Broker}, Namespace: c.ns}
	ds, _, err := d.Decode(q.body)
	if err != nil {
		return err
	}
	if len(ds) != 1 {
		return fmt.Errorf("the question holds %d messages, one was expected", len(ds))
	}
	if err := wire.Broken(&ds[0]); err != nil {
		return err
	}
	state, err := c.decide(&ds[0])
	if err != nil {
		return err
	}
	f := q.half.End(state)
	answer, err := q.conn.Invoke(c.ctx, &f)
	if err != nil {
		return err
	}
	return cluster.Check(answer, q.conn.RemoteAddr().String(), f.Code)
}

// errPanicked is a checker's panic.
var errPanicked = errors.New("the checker panicked")

// decide runs the checker.
func (c *Checks) decide(d *wire.Delivery) (s State, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("client: checker panicked", "id", d.ID, "topic", d.Topic, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, v)
		}
	}()
	return c.check(c.ctx, d), nil
}
