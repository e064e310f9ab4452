package api

import (
	"context"
	"errors"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// ErrNotPending is what a settlement fails with when nothing waits under its handle.
var ErrNotPending = errors.New("no such transaction waits for its end")

func transactions(c *call) error {
	if c.o.Transactions == nil {
		return errNotServed
	}
	body, err := c.o.Transactions(c.v.Int("from"), int(c.v.Int("limit")))
	return c.reply(body, err)
}

// settle ends a transaction. It changes what consumers see.
func settle(c *call) error {
	if c.o.Settle == nil {
		return errNotServed
	}
	s := v1.Settlement{}
	if err := c.body(&s); err != nil {
		return err
	}
	s.Handle, s.Commit = c.v.Int("handle"), c.v.Text("end") == "commit"
	c.act.because(s.Who, s.Reason)
	return c.reply(struct{}{}, c.o.Settle(c.r.Context(), s))
}

// transactionSource and settler are the sources behind these paths.
type (
	transactionSource func(from int64, limit int) (v1.Transactions, error)
	settler           func(ctx context.Context, s v1.Settlement) error
)
