package proxy

// Telemetry.
//
// Callers: every client opens one stream at its start, sends its settings, and again every few minutes; it answers there what it is asked.
//
// Behaviour: settings are held to the rules, the client is entered in its groups (a group that nobody has made is made), and the settings come back
// completed. The last stream of a client is the one by which it is asked: to settle a transaction, to say what runs, to consume a message.
//
// Errors of the stream: CANCELED when no settings come, or the server stops; INVALID_ARGUMENT for what a client has done wrong, else INTERNAL.

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/settings"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// settleTime is how long a stream may be open before the client's settings are taken over.
const settleTime = 10 * time.Second

// visit is a telemetry stream while it is served.
type visit struct {
	s   *Server
	t   *stream
	who backend.Client
	c   *client // nil before the first command
	in  commands
}

// Telemetry serves a stream until either side ends it.
//
// Ten thousand may wait here, each with the stack that it has grown to. So what calls deeper is done on goroutines of its own: see [Server.apart].
func (s *Server) Telemetry(g grpc.BidiStreamingServer[pb.TelemetryCommand, pb.TelemetryCommand]) error {
	v := &visit{s: s}
	err := s.apart(func() error { return v.begin(g) })
	for err == nil {
		if err = v.in.wait(); err == nil {
			err = s.apart(v.take)
		}
	}
	v.leave()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// begin looks at who comes.
func (v *visit) begin(g grpc.BidiStreamingServer[pb.TelemetryCommand, pb.TelemetryCommand]) (err error) {
	if v.who, err = callerOf(g.Context()); err != nil {
		return streamError(err)
	}
	v.t = &stream{s: v.s, g: g, settled: endIn(g.Context(), settleTime)}
	v.in.init(g, v.s.opt.MaxRequestSize)
	return nil
}

// take serves the command that has begun to come.
func (v *visit) take() (err error) {
	var in pb.TelemetryCommand
	if err := v.in.read(&in); err != nil {
		return err
	}
	if err := v.s.admit(v.t.g.Context(), &in); err != nil {
		return v.refuse(err)
	}
	if v.c == nil {
		v.who.User = v.s.userOf(v.t.g.Context(), &in)
		if v.c, err = v.s.enter(v.who); err != nil {
			return streamError(err)
		}
	}
	if err := v.s.told(v.t.g.Context(), v.c, v.t, &in); err != nil {
		v.s.opt.Logger.Warn("a client's settings are refused", "client", v.who.ID, "error", err)
		return streamError(err)
	}
	return nil
}

// refuse tells the client why a command is not taken. A stream that begins with one ends with it.
func (v *visit) refuse(why error) error {
	no := &pb.TelemetryCommand{Status: status.Of(why)}
	if told := v.s.opt.Refused; told != nil {
		told("Telemetry", no.GetStatus())
	}
	if v.c != nil {
		v.t.push(no, nil)
		return nil
	}
	if err := v.t.g.Send(no); err != nil {
		return err
	}
	return io.EOF
}

// leave is the stream's end.
func (v *visit) leave() {
	if v.t != nil {
		v.t.settled()
	}
	if v.c != nil {
		v.c.detach(v.t)
		v.c.leave()
	}
}

// apart runs fn on a goroutine of its own and waits for it. A stack that has grown stays with its goroutine, and a stream's lives for days.
func (s *Server) apart(fn func() error) error {
	done := make(chan error, 1)
	go s.guarded(fn, done)
	return <-done
}

func (s *Server) guarded(fn func() error, done chan<- error) {
	var err error
	defer func() {
		if fault := recover(); fault != nil {
			err = grpcstatus.Error(codes.Internal, s.faulted(pb.MessagingService_Telemetry_FullMethodName, fault).Text)
		}
		done <- err
	}()
	err = fn()
}

// told deals with one command of a client.
func (s *Server) told(ctx context.Context, c *client, t *stream, in *pb.TelemetryCommand) error {
	switch in.GetCommand().(type) {
	case *pb.TelemetryCommand_Settings:
		set, err := s.settle(ctx, c, in.GetSettings())
		if err != nil {
			return err
		}
		t.settled()
		c.attach(t)
		t.push(&pb.TelemetryCommand{Status: status.OK(), Command: &pb.TelemetryCommand_Settings{Settings: set}}, nil)
	case *pb.TelemetryCommand_ThreadStackTrace:
		c.answered(in.GetThreadStackTrace().GetNonce(), in)
	case *pb.TelemetryCommand_VerifyMessageResult:
		c.answered(in.GetVerifyMessageResult().GetNonce(), in)
	}
	return nil
}

// settle takes a client's settings over.
func (s *Server) settle(ctx context.Context, c *client, in *pb.Settings) (*pb.Settings, error) {
	if err := settings.Check(in); err != nil {
		return nil, err
	}
	if !sameSubscriptions(c.settings.Load(), in) {
		c.since.Store(s.opt.Now().UnixMilli())
	}
	ctx, cancel := context.WithTimeout(ctx, s.opt.RequestTimeout)
	defer cancel()
	// The beat makes the group, so it comes before the group's settings. A filter that cannot be read is told to the receives with it: a client whose
	// stream ends cannot say why.
	if err := s.beat(ctx, c, in); err != nil && status.Of(err).GetCode() != pb.Code_ILLEGAL_FILTER_EXPRESSION {
		return nil, err
	}
	out, err := s.complete(ctx, in)
	if err != nil {
		return nil, err
	}
	c.settings.Store(out)
	return out, nil
}

// sameSubscriptions reports whether a client subscribes as it did before.
func sameSubscriptions(old, in *pb.Settings) bool {
	return old != nil && slices.EqualFunc(old.GetSubscription().GetSubscriptions(), in.GetSubscription().GetSubscriptions(), func(a, b *pb.SubscriptionEntry) bool {
		return proto.Equal(a, b)
	})
}

// complete adds what the server decides.
func (s *Server) complete(ctx context.Context, in *pb.Settings) (*pb.Settings, error) {
	if in.GetPublishing() != nil {
		return settings.Producer(in, s.opt.MaxMessageSize), nil
	}
	g, known, err := s.backend.Group(ctx, check.Name(in.GetSubscription().GetGroup()))
	if err != nil {
		return nil, err
	}
	return settings.Consumer(in, &g, known), nil
}

// streamError is how a stream ends because of an error.
func streamError(err error) error {
	st := status.Of(err)
	code := codes.Internal
	if st.Code >= pb.Code_BAD_REQUEST && st.Code < pb.Code_INTERNAL_ERROR {
		code = codes.InvalidArgument
	}
	return grpcstatus.Error(code, "process client telemetryCommand failed. "+st.GetMessage())
}
