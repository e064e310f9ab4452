package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// broken is a backend with a fault.
type broken struct{ fake }

func (*broken) Route(context.Context, string) ([]backend.Part, error) { panic("no route at all") }

// dialled is a client of a server, by a connection in memory.
func dialled(t *testing.T, s *Server) (pb.MessagingServiceClient, context.Context) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///in-memory", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		s.Serve(theirs)
		return ours, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return pb.NewMessagingServiceClient(conn), metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", "c")
}

// TestFaults answers requests that meet a fault, and writes each fault down once with its stack.
func TestFaults(t *testing.T) {
	var log bytes.Buffer
	s := New(&broken{fake{now: time.Now}}, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c, ctx := dialled(t, s)
	topic := &pb.Resource{Name: "t"}
	r, err := c.QueryRoute(ctx, &pb.QueryRouteRequest{Topic: topic})
	if err != nil || r.GetStatus().GetCode() != pb.Code_INTERNAL_SERVER_ERROR {
		t.Errorf("answer %v, %v, want INTERNAL_SERVER_ERROR", r, err)
	}
	g, err := c.PullMessage(ctx, &pb.PullMessageRequest{Group: topic, MessageQueue: &pb.MessageQueue{Topic: topic}})
	if err == nil {
		_, err = g.Recv()
	}
	if grpcstatus.Code(err) != codes.Internal {
		t.Errorf("the stream ends with %v, want INTERNAL", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "no route at all") != 2 || strings.Count(text, "guard_test.go") == 0 {
		t.Errorf("the log does not have both faults with their stacks: %s", text)
	}
}

// TestFaultAnswers has an answer for each unary method.
func TestFaultAnswers(t *testing.T) {
	s := &Server{opt: Options{Logger: slog.New(slog.DiscardHandler)}}
	for _, m := range pb.MessagingService_ServiceDesc.Methods {
		out, err := faultAnswer(m.MethodName, s.faulted(m.MethodName, "x"))
		a, ok := out.(interface{ GetStatus() *pb.Status })
		if err != nil || !ok || a.GetStatus().GetCode() != pb.Code_INTERNAL_SERVER_ERROR {
			t.Errorf("%s answers a fault with %v, %v", m.MethodName, out, err)
		}
	}
}
