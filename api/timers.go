package api

import (
	"context"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// TimerSource is where /api/v1/timers comes from. Errors of List and Cancel with a cause in the request are [*BadRequest].
type TimerSource struct {
	List   func(topic, after string, limit int) (v1.Timers, error)
	Count  func() (v1.TimerCounts, error)
	Cancel func(ctx context.Context, handle int64) (v1.Timer, error)
}

// BadRequest is an error that the request has caused; it is answered with its status.
type BadRequest struct {
	Status int
	Err    error
}

// Error is the cause's text.
func (b *BadRequest) Error() string { return b.Err.Error() }

func timers(c *call) error {
	if c.o.Timers.List == nil {
		return errNotServed
	}
	body, err := c.o.Timers.List(c.v.Text("topic"), c.v.Text("after"), int(c.v.Int("limit")))
	return c.reply(body, err)
}

func cancelTimer(c *call) error {
	if c.o.Timers.Cancel == nil {
		return errNotServed
	}
	body, err := c.o.Timers.Cancel(c.r.Context(), c.v.Int("handle"))
	return c.reply(body, err)
}
