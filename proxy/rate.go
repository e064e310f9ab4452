package proxy

import (
	"context"
	"path"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// tooFast refuses a request or a stream for which its address has no room, nil if it has.
func (s *Server) tooFast(ctx context.Context) *status.Error {
	if s.opt.Rates == nil {
		return nil
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	key := ratelimit.Network(addrPort(p.Addr).Addr())
	wait := s.opt.Rates.TakeOf(key)
	if wait <= 0 {
		return nil
	}
	return status.New(pb.Code_TOO_MANY_REQUESTS, "%s", s.opt.Rates.Refusal(key, wait))
}

// rateUnary and rateStream stand behind the guards. What has no status of its own to say it with ends with gRPC's RESOURCE_EXHAUSTED.
func (s *Server) rateUnary(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	fast := s.tooFast(ctx)
	if fast == nil {
		return handler(ctx, in)
	}
	out, err := faultAnswer(path.Base(info.FullMethod), fast)
	if err != nil {
		return nil, grpcstatus.Error(codes.ResourceExhausted, fast.Text)
	}
	return out, nil
}

func (s *Server) rateStream(srv any, g grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if fast := s.tooFast(g.Context()); fast != nil {
		return grpcstatus.Error(codes.ResourceExhausted, fast.Text)
	}
	return handler(srv, g)
}
