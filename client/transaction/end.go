package transaction

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Ender tells a broker how a transaction has ended. q is the queue that the message is for.
type Ender interface {
	End(ctx context.Context, q wire.Queue, f *protocol.Frame) error
}

// Transaction is one message that waits for its end. Its methods are safe to call at once.
type Transaction struct {
	by     Ender
	result wire.SendResult
	half   Half
	ended  atomic.Bool
}

// New returns the transaction of a half message that was sent with that result.
func New(by Ender, half Half, r wire.SendResult) *Transaction {
	return &Transaction{by: by, half: half, result: r}
}

// Result says where the half message lies. Its ID is the committed message's, too; its Offset is not.
func (x *Transaction) Result() wire.SendResult { return x.result }

// Commit has consumers get the message; it returns when the broker has stored that. After an error it is open what the broker has heard: it will
// ask the producer's Check if it has heard nothing. A transaction is ended once: ending it again is a client.ErrIllegal, unless the first try failed.
func (x *Transaction) Commit(ctx context.Context) error { return x.end(ctx, Commit) }

// Rollback has nobody ever see the message. It returns and fails as Commit does.
func (x *Transaction) Rollback(ctx context.Context) error { return x.end(ctx, Rollback) }

func (x *Transaction) end(ctx context.Context, s State) error {
	if !x.ended.CompareAndSwap(false, true) {
		return fmt.Errorf("client: transaction %s has been ended: %w", x.result.ID, cluster.ErrIllegal)
	}
	f := x.half.End(s)
	if err := x.by.End(ctx, x.result.Queue, &f); err != nil {
		x.ended.Store(false)
		return fmt.Errorf("client: %s of transaction %s: %w", s, x.result.ID, err)
	}
	return nil
}
