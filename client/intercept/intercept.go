// Package intercept is what a client lets users see of sends and handlings. It owns [Interceptor], which package client shows under its own
// name, and the order in which several are called. Its functions are safe to call at once; what users give must be, too.
package intercept

import (
	"context"
	"maps"

	"github.com/aerobee-mq/aerobee/client/wire"
)

// Interceptor sees what is sent and handled, and can add to it: a span, a counter, a property that carries a trace context. Both
// functions may be nil. They run on the goroutine of the caller or of the handler and must be safe to call at once.
type Interceptor struct {
	// Send is called before messages are sent: one, or those of a batch. It may change the messages, which are copies (their bodies are
	// shared). The context that it returns is used from then on; nil keeps the one that it got. The function that it returns, if any, is
	// called once when the outcome of a message is known: for each message of a batch, in order.
	Send func(ctx context.Context, s *Sending) (context.Context, func(wire.SendResult, error))

	// Handle is called before a consumer's handler. The context that it returns goes to the handler; the function that it returns,
	// if any, is called once when the handler has returned.
	Handle func(ctx context.Context, h *Handling) (context.Context, func(error))
}

// Sending is what an [Interceptor] sees of a send.
type Sending struct {
	Group    string
	Messages []*wire.Message
	OneWay   bool
}

// Handling is what an [Interceptor] sees of a handling.
type Handling struct {
	Group      string
	Deliveries []*wire.Delivery
}

// BeginSend runs the interceptors and returns copies of the messages. There is at least one interceptor.
func BeginSend(ctx context.Context, list []Interceptor, group string, ms []*wire.Message, oneWay bool) (context.Context, []*wire.Message, func(wire.SendResult, error)) {
	s := &Sending{Group: group, Messages: make([]*wire.Message, len(ms)), OneWay: oneWay}
	for i, m := range ms {
		own := *m
		if own.Properties = maps.Clone(m.Properties); own.Properties == nil {
			own.Properties = map[string]string{}
		}
		s.Messages[i] = &own
	}
	var ends []func(wire.SendResult, error)
	for _, in := range list {
		if in.Send == nil {
			continue
		}
		next, end := in.Send(ctx, s)
		if next != nil {
			ctx = next
		}
		if end != nil {
			ends = append(ends, end)
		}
	}
	return ctx, s.Messages, func(r wire.SendResult, err error) {
		for i := len(ends) - 1; i >= 0; i-- { // the innermost began last
			ends[i](r, err)
		}
	}
}

// BeginHandle runs the interceptors before a handler. The function that it returns is called with the handler's error.
func BeginHandle(ctx context.Context, list []Interceptor, group string, ds []*wire.Delivery) (context.Context, func(error)) {
	if len(list) == 0 {
		return ctx, func(error) {}
	}
	h := &Handling{Group: group, Deliveries: ds}
	var ends []func(error)
	for _, in := range list {
		if in.Handle == nil {
			continue
		}
		next, end := in.Handle(ctx, h)
		if next != nil {
			ctx = next
		}
		if end != nil {
			ends = append(ends, end)
		}
	}
	return ctx, func(err error) {
		for i := len(ends) - 1; i >= 0; i-- {
			ends[i](err)
		}
	}
}
