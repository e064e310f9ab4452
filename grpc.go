package aerobee

import (
	"context"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/proxy"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/local"
	"github.com/aerobee-mq/aerobee/route"
)

// startProxy begins to serve gRPC clients, with this process's broker behind, or those of a cluster.
func (s *Server) startProxy() {
	var b backend.Backend
	switch {
	case s.broker != nil:
		b = local.New(s.cfg.BrokerName, s.store, s.remoting, s.advertisedTo)
	case s.remote != nil:
		b = s.remote
	default:
		return
	}
	o := proxy.Options{MaxMessageSize: s.cfg.MaxMessageSize, MaxRequestSize: s.maxRequest(), MaxUnfinished: heldBytes(s.cfg.MemoryLimit), MaxUntaken: heldBytes(s.cfg.MemoryLimit) / 2, MaxOpened: s.cfg.MemoryLimit / 8, MaxTimerDelay: s.cfg.TimerMaxDelay, MaxClients: max(s.cfg.MaxConnections/2, 1),
		MaxConnAge: s.cfg.GrpcMaxConnAge, Refused: s.noteRefusedGRPC, Rates: s.rates, Logger: s.log, Now: s.world.now}
	if s.asksUsers() {
		o.Guard, o.Sources = s.guard, s.sources
	}
	s.proxy = proxy.New(b, o)
}

// stopProxy lets gRPC requests finish for half of the time at most: remoting requests need the rest.
func (s *Server) stopProxy(ctx context.Context) error {
	if until, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(until)/2)
		defer cancel()
	}
	return s.proxy.Stop(ctx)
}

// advertisedTo is the address that a gRPC client is told, "" when nobody has said any for it: then it is the one that the client has dialled.
func (s *Server) advertisedTo(remote, local netip.AddrPort) string {
	for _, r := range s.addr.rules {
		if !r.From.IsValid() || r.From.Contains(remote.Addr().Unmap()) {
			return route.ChooseAddress(s.addr.rules, route.Client{Remote: remote, Local: local}, s.addr.canonical)
		}
	}
	return ""
}

// maxRequest is the size of the largest gRPC request: RocketMQ's 130 MiB, or an eighth of the memory if that is less, but room for a message.
func (s *Server) maxRequest() int {
	const most, head = 130 << 20, 1 << 20
	least := int64(s.cfg.MaxMessageSize) + head
	if s.cfg.MemoryLimit <= 0 {
		return int(max(most, least))
	}
	return int(max(min(s.cfg.MemoryLimit/8, most), least))
}
