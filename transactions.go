package aerobee

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
)

// reportTransactions lists half messages for /api/v1/transactions.
func (s *Server) reportTransactions(from int64, limit int) (v1.Transactions, error) {
	if s.store == nil {
		return v1.Transactions{}, errNoBroker
	}
	some, all := s.store.Halves(message.LogOffset(from), limit)
	out := v1.Transactions{Pending: all, Transactions: []v1.Transaction{}}
	for _, e := range some {
		t := v1.Transaction{Handle: int64(e.Created), StoredAt: time.UnixMilli(e.Stored).UTC(), AskAt: time.UnixMilli(e.Due).UTC(), Asked: e.Checks}
		_, r, err := s.store.Half(e.Created)
		if errors.Is(err, transaction.ErrGone) {
			continue // it has just ended
		}
		if err == nil {
			var real message.Queue
			real, err = transaction.Real(&r)
			t.Topic, t.Queue, t.Group, t.MessageID = real.Topic, int32(real.ID), transaction.Group(&r), r.Properties.GetString(message.PropUniqueKey)
		}
		if err != nil {
			t.Reason = err.Error()
		}
		out.Transactions = append(out.Transactions, t)
	}
	return out, nil
}

// settleTransaction ends a transaction for an administrator. The audit log has it from who serves /api/v1.
func (s *Server) settleTransaction(ctx context.Context, t v1.Settlement) error {
	if s.broker == nil {
		return errNoBroker
	}
	_, err := s.broker.SettleTransaction(ctx, message.LogOffset(t.Handle), t.Commit)
	if errors.Is(err, transaction.ErrGone) {
		err = fmt.Errorf("%w: %d", api.ErrNotPending, t.Handle)
	}
	return err
}
