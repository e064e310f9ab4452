package proxy

import (
	"context"
	"errors"
	"net/netip"

	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/permit"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// asked is a request, or a command of a telemetry stream, as the guard looks at it.
func (s *Server) asked(ctx context.Context, m proto.Message) *permit.Asked {
	a := &permit.Asked{Message: m, Authorization: header(ctx, "authorization"), Time: header(ctx, "x-mq-date-time"), From: []netip.Addr{{}}}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return a
	}
	from := addrPort(p.Addr).Addr()
	a.From[0] = from
	if own, ok := p.AuthInfo.(*identity); ok {
		a.Holder = own.user
		if own.via.IsValid() && s.opt.Sources != nil {
			a.From = s.opt.Sources(from, own.via)
		}
	}
	return a
}

// admit has the guard look at it. What it says is RocketMQ's UNAUTHORIZED, whether it is not known who asks or they may not, and TOO_MANY_REQUESTS to who
// asks too often.
func (s *Server) admit(ctx context.Context, m proto.Message) error {
	var fast ratelimit.Exceeded
	switch err := permit.Admit(s.opt.Guard, s.asked(ctx, m)); {
	case errors.As(err, &fast):
		return status.New(pb.Code_TOO_MANY_REQUESTS, "%v", fast)
	case err != nil:
		return status.New(pb.Code_UNAUTHORIZED, "%v", err)
	}
	return nil
}

// admitted is callerOf for requests that are answered by a stream.
func (s *Server) admitted(ctx context.Context, m proto.Message) (backend.Client, error) {
	who, err := callerOf(ctx)
	if err == nil {
		err = s.admit(ctx, m)
		who.User = s.userOf(ctx, m)
	}
	return who, err
}
