package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestStopEndsGreetings has a connection say half of the first line of HTTP/2: it does not hold up the end.
func TestStopEndsGreetings(t *testing.T) {
	s := New(&fake{now: time.Now}, Options{Logger: slog.New(slog.DiscardHandler)})
	ours, theirs := net.Pipe()
	s.Serve(theirs)
	go func() { _, _ = io.Copy(io.Discard, ours) }()
	if _, err := ours.Write([]byte("PRI * HTTP/2.0")); err != nil { // a pipe: when it returns, gRPC has begun to read
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() { done <- s.Stop(ctx) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want that it was cut short", err)
		}
	case <-time.After(greeting / 2):
		t.Fatal("the end waits for a connection that says no more")
	}
}

// slow is a backend that finds routes only when it is told to.
type slow struct {
	fake
	asked, leave chan struct{}
}

func (f *slow) Route(ctx context.Context, name string) ([]backend.Part, error) {
	f.asked <- struct{}{}
	<-f.leave
	return f.fake.Route(ctx, name)
}

// TestStopAnswersFirst stops while a request is served and a telemetry stream is open: the stream ends, the request is answered.
func TestStopAnswersFirst(t *testing.T) {
	f := &slow{fake{now: time.Now}, make(chan struct{}), make(chan struct{})}
	s := New(f, Options{Logger: slog.New(slog.DiscardHandler)})
	c, ctx := dialled(t, s)
	g, err := c.Telemetry(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Send(&pb.TelemetryCommand{}); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.QueryRoute(ctx, &pb.QueryRouteRequest{Topic: &pb.Resource{Name: "t"}})
		answered <- err
	}()
	<-f.asked
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(ctx) }()
	if _, err := g.Recv(); grpcstatus.Code(err) != codes.Canceled {
		t.Errorf("the telemetry stream ends with %v, want CANCELED", err)
	}
	close(f.leave)
	if err := <-answered; err != nil {
		t.Errorf("the request under way fails: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
