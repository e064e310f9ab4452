// Package otlptest runs an OpenTelemetry collector for tests.
package otlptest

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Request is what a collector was sent at one time.
type Request[M proto.Message] struct {
	Data    M
	Headers metadata.MD
	Method  string
	Within  time.Duration // until the sender gives up, 0 if it does not
}

// most is how many requests may wait for the test.
const most = 1000

// Collect runs a collector until the test ends, and returns the target for an exporter and what comes. T is TracesData or MetricsData, which have the
// wire format of the requests. Requests are refused with what answer returns; nil takes all of them.
func Collect[T any, M interface {
	*T
	proto.Message
}](t *testing.T, answer func(context.Context) error) (target string, got <-chan Request[M]) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan Request[M], most)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		r := Request[M]{Data: M(new(T))}
		if err := stream.RecvMsg(r.Data); err != nil {
			return err
		}
		r.Headers, _ = metadata.FromIncomingContext(stream.Context())
		r.Method, _ = grpc.MethodFromServerStream(stream)
		if end, ok := stream.Context().Deadline(); ok {
			r.Within = time.Until(end)
		}
		requests <- r
		if answer != nil {
			if err := answer(stream.Context()); err != nil {
				return err
			}
		}
		return stream.SendMsg(M(new(T)))
	}))
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String(), requests
}
