package proxy

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/tap"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// waits are the requests that wait for messages, so that a server that stops does not wait for them.
type waits struct {
	mu   sync.Mutex // guards what follows
	all  map[*context.CancelFunc]struct{}
	over bool
}

// begin gives a request a time to wait. The caller calls end.
func (w *waits) begin(ctx context.Context, d time.Duration) (waiting context.Context, end func()) {
	waiting, cancel := context.WithTimeout(ctx, d)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		cancel()
		return waiting, cancel
	}
	if w.all == nil {
		w.all = map[*context.CancelFunc]struct{}{}
	}
	w.all[&cancel] = struct{}{}
	return waiting, func() {
		w.mu.Lock()
		delete(w.all, &cancel)
		w.mu.Unlock()
		cancel()
	}
}

// stop ends all waiting, now and later.
func (w *waits) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for cancel := range w.all {
		(*cancel)()
	}
}

// endless ends, when the server stops, the streams that have no end of their own: telemetry, health watches, reflection. gRPC waits for every stream,
// until its answer is written.
type endless struct {
	over context.Context // until the server stops
	stop context.CancelFunc

	mu   sync.Mutex // guards what follows
	all  map[*context.CancelFunc]struct{}
	done bool
}

func (e *endless) init() {
	e.over, e.stop = context.WithCancel(context.Background())
	e.all = map[*context.CancelFunc]struct{}{}
}

// end ends all of them, now and later.
func (e *endless) end() {
	e.stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done = true
	for cancel := range e.all {
		(*cancel)()
	}
}

// begin makes a stream that has no end of its own end with the server: gRPC answers CANCELED then. The caller calls leave when the stream has ended.
func (e *endless) begin(ctx context.Context) (leave func()) {
	cancel, ok := ctx.Value(cancelKey{}).(*context.CancelFunc)
	if !ok {
		return func() {}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done {
		(*cancel)()
	}
	e.all[cancel] = struct{}{}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.all, cancel)
	}
}

// tap gives such a stream a context that can be ended.
func (e *endless) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	switch info.FullMethodName {
	case pb.MessagingService_Telemetry_FullMethodName, grpc_health_v1.Health_Watch_FullMethodName,
		grpc_reflection_v1.ServerReflection_ServerReflectionInfo_FullMethodName, grpc_reflection_v1alpha.ServerReflection_ServerReflectionInfo_FullMethodName:
	default:
		return ctx, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	return context.WithValue(ctx, cancelKey{}, &cancel), nil
}

// cancelKey is the key of the function that ends a stream.
type cancelKey struct{}

// endIn ends a stream that has no end of its own after a time, unless stop is called.
func endIn(ctx context.Context, d time.Duration) (stop func() bool) {
	cancel, ok := ctx.Value(cancelKey{}).(*context.CancelFunc)
	if !ok {
		return func() bool { return false }
	}
	return time.AfterFunc(d, *cancel).Stop
}
