package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/client/transaction"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TransactionState is what became of a local transaction.
type TransactionState = transaction.State

// The values of [TransactionState].
const (
	TransactionUnknown  = transaction.Unknown  // not known yet: the broker asks again later
	TransactionCommit   = transaction.Commit   // consumers get the message
	TransactionRollback = transaction.Rollback // nobody ever sees it
)

// TransactionConfig configures a [TransactionProducer]. Group and Check must be given.
type TransactionConfig struct {
	ProducerConfig // Group must be the service's own: brokers ask any producer of the group about its transactions

	// Check decides about a message whose transaction has not been ended: because its producer has died, perhaps, so it must go by what is
	// stored where all producers of the group look. Brokers ask it some seconds after the send, and again while it says
	// [TransactionUnknown]; after 15 times by default they give the message up. Up to four run at once.
	Check func(ctx context.Context, m *Delivery) TransactionState

	// Topics are those whose brokers shall know the producer before it sends: then a service that has been started again is asked about
	// what it left open.
	Topics []string

	// Immunity is how long brokers wait before they ask the first time, in whole seconds. Default: as the broker is configured, 6 s.
	Immunity time.Duration
}

// TransactionProducer sends messages that consumers get only if a local transaction is committed. See [Client.NewTransactionProducer].
type TransactionProducer struct {
	p        *Producer
	immunity string
}

// Transaction is one message that waits for its end: [transaction.Transaction.Commit] or Rollback.
type Transaction = transaction.Transaction

// ender tells the broker that has a half message.
type ender struct {
	p    *Producer
	addr string // when it was sent
}

// NewTransactionProducer returns a producer of transactional messages, and tells the brokers of its Topics about it; ctx bounds that. A
// client can have one of a group ([ErrExists]).
func (c *Client) NewTransactionProducer(ctx context.Context, config TransactionConfig) (*TransactionProducer, error) {
	if config.Check == nil || config.Group == "" {
		return nil, fmt.Errorf("client: a transaction producer needs a Group and a Check: %w", ErrIllegal)
	}
	if c.asked(c.ns.Wrap(config.Group)) != nil {
		return nil, fmt.Errorf("client: transactions: %w: %s", ErrExists, config.Group)
	}
	p, err := c.prepareProducer(config.ProducerConfig)
	if err != nil {
		return nil, err
	}
	p.checks = transaction.NewChecks(config.Check, c.ns, c.config.Logger.With("group", config.Group))
	if err := c.register(p); err != nil {
		p.cancel()
		return nil, err
	}
	t := &TransactionProducer{p: p}
	if config.Immunity > 0 {
		t.immunity = strconv.FormatInt(int64((config.Immunity+time.Second-1)/time.Second), 10)
	}
	for _, topic := range config.Topics {
		if _, _, err = p.publish(ctx, topic, time.Now()); err != nil {
			break
		}
	}
	if err == nil && len(config.Topics) > 0 {
		err = c.beat(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close(context.WithoutCancel(ctx)))
	}
	return t, nil
}

// Begin sends a half message, which nobody sees until the transaction is committed. Errors are those of [Producer.Send], and [ErrIllegal] for
// a message with a delay. The transaction is to be ended; if it is not, or that fails, brokers ask [TransactionConfig.Check].
func (t *TransactionProducer) Begin(ctx context.Context, m *Message, opts ...SendOption) (*Transaction, error) {
	if m != nil && wire.Waits(m) {
		return nil, fmt.Errorf("client: a message with a delay cannot be sent in a transaction: %w", ErrIllegal)
	}
	r, err := t.p.Send(ctx, t.immune(m), opts...)
	if err != nil {
		return nil, err
	}
	_, at, err := message.ParseID(r.OffsetID)
	if err != nil {
		return nil, fmt.Errorf("client: the answer to a half message: %w", err)
	}
	half := transaction.Half{Broker: r.Queue.BrokerName, Topic: t.p.ns.Wrap(m.Topic), Group: t.p.group, ID: r.ID, LogOffset: at, Queue: int64(r.Offset)}
	return transaction.New(ender{t.p, t.p.addressOf(r.Queue)}, half, r), nil
}

// immune says in the message how long brokers shall wait.
func (t *TransactionProducer) immune(m *Message) *Message {
	if t.immunity == "" || m == nil || m.Properties[message.PropImmunity] != "" {
		return m
	}
	own := *m
	own.Properties = map[string]string{message.PropImmunity: t.immunity}
	for name, value := range m.Properties {
		own.Properties[name] = value
	}
	return &own
}

// Send sends a half message, runs the local transaction and ends as that says: an error rolls back, and is returned. With
// [TransactionUnknown] the broker will ask. A result with an error means that the half message was sent.
func (t *TransactionProducer) Send(ctx context.Context, m *Message, local func(ctx context.Context, r SendResult) (TransactionState, error), opts ...SendOption) (SendResult, error) {
	tx, err := t.Begin(ctx, m, opts...)
	if err != nil {
		return SendResult{}, err
	}
	state, err := local(ctx, tx.Result())
	switch {
	case err != nil:
		if ended := tx.Rollback(context.WithoutCancel(ctx)); ended != nil {
			t.p.client.config.Logger.Warn("client: a transaction was not rolled back, its broker will ask", "id", tx.Result().ID, "error", ended)
		}
	case state == TransactionCommit:
		err = tx.Commit(ctx)
	case state == TransactionRollback:
		err = tx.Rollback(ctx)
	}
	return tx.Result(), err
}

// Close closes the producer as [Producer.Close] does, and waits for checkers that run.
func (t *TransactionProducer) Close(ctx context.Context) error { return t.p.Close(ctx) }

// End tells the broker how a transaction has ended; [Transaction] calls it.
func (e ender) End(ctx context.Context, q Queue, f *protocol.Frame) error {
	if err := e.p.takeOff(); err != nil {
		return err
	}
	defer e.p.land()
	ctx, cancel := context.WithTimeout(ctx, e.p.config.SendTimeout)
	defer cancel()
	addr := e.p.addressOf(q)
	if addr == "" {
		addr = e.addr
	}
	_, err := e.p.client.ask(ctx, addr, f)
	return err
}

// addressOf is the present address of the broker that a message was sent to, "" if the route does not have it now.
func (p *Producer) addressOf(q Queue) string {
	t := (*p.topics.Load())[q.Topic]
	if t == nil {
		return ""
	}
	if info := t.info.Load(); info != nil {
		for i := range info.queues {
			if info.queues[i].BrokerName == q.BrokerName {
				return info.addrs[i]
			}
		}
	}
	return ""
}

// asked is the client's producer of transactions of a group, nil if there is none.
func (c *Client) asked(group string) *Producer {
	for _, m := range c.snapshot() {
		if p, ok := m.(*Producer); ok && p.checks != nil && p.group == group {
			return p
		}
	}
	return nil
}

// serveCheck hands a broker's question about a transaction to the producer of its group.
func (c *Client) serveCheck(conn *remoting.Conn, f *protocol.Frame) {
	group, err := transaction.Asked(f)
	if p := c.asked(group); p != nil {
		p.checks.Serve(conn, group, f)
		return
	}
	c.config.Logger.Warn("client: a question about a transaction of a group that has no transaction producer here", "group", group, "error", err)
}
