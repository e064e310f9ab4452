package broker

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// SettleTransaction commits or rolls back a half message in its producer's place, durably, and returns where it was to go. The error
// wraps [transaction.ErrGone] when nothing waits under the handle.
func (b *Broker) SettleTransaction(ctx context.Context, handle message.LogOffset, commit bool) (message.Queue, error) {
	e, r, err := b.store.Half(handle)
	if err != nil {
		return message.Queue{}, err
	}
	real, err := transaction.Real(&r)
	if err != nil {
		return real, err
	}
	h := protocol.EndTransactionHeader{ProducerGroup: transaction.Group(&r), CommitLogOffset: int64(handle), TranStateTableOffset: int64(e.Queue),
		FromTransactionCheck: true, CommitOrRollback: int32(message.FlagTransactionRollback)}
	if commit {
		h.CommitOrRollback = int32(message.FlagTransactionCommit)
	}
	w := &waitSink{done: make(chan error, 1)}
	anything := func(string) error { return nil } // an operator does it
	if err = b.endTransaction(&h, anything, w); errors.Is(err, store.ErrNoTopic) {
		if err = b.reviveTopic(handle); err == nil {
			err = b.endTransaction(&h, anything, w)
		}
	}
	if err != nil {
		return real, err
	}
	b.store.Kick()
	select {
	case err = <-w.done:
		return real, err
	case <-ctx.Done():
		return real, ctx.Err()
	}
}
