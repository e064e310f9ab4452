package proxy

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Server answers gRPC clients.
//
// Its goroutines: gRPC's own, one that looks for clients that are gone, and those that write what brokers ask of clients. Stop ends and waits for
// all of them.
type Server struct {
	pb.UnimplementedMessagingServiceServer
	opt      Options
	backend  backend.Backend
	grpc     *grpc.Server
	health   *health.Server
	conns    *listener
	clients  clients
	waits    waits
	endless  endless
	watchers watchers
	workers  workers // of receipts
	untaken  untaken
	filters  *filter.Cache // of expressions that were read
	// inflater reads compressed bodies.
	inflater *convert.Inflater

	stop     chan struct{}
	stopOnce sync.Once
	wg       sync.WaitGroup
}

// Keep-alive: how often clients may ask whether we live, and when we ask them.
const (
	leastPing = 5 * time.Second
	askAlive  = 60 * time.Second
	waitAlive = 20 * time.Second
)

// greeting is how long a connection may take to begin with HTTP/2.
const greeting = 10 * time.Second

const (
	// maxStreams bounds the requests and streams that one connection has under way: each may hold a request that is not complete.
	maxStreams = 1000
	// maxHeaders bounds the headers of a request, in bytes.
	maxHeaders = 64 << 10
	// streamWorkers are goroutines that stay.
	streamWorkers = 64
)

// keptFilters is how many expressions are kept.
const keptFilters = 1024

// New makes a server; it serves what [Server.Serve] is given from now on.
func New(b backend.Backend, o Options) *Server {
	o = o.withDefaults()
	s := &Server{opt: o, backend: b, conns: newListener(o.MaxUnfinished, o.Logger), health: health.NewServer(), filters: filter.NewCache(keptFilters), stop: make(chan struct{})}
	s.clients.init(o.MaxClients)
	s.endless.init()
	s.conns.mostUntaken = o.MaxUntaken
	s.untaken = untaken{most: o.MaxUntaken, idle: o.IdleTimeout, cut: s.conns.cutOff, all: list.New()}
	s.inflater = convert.NewInflater(o.MaxMessageSize, o.MaxOpened)
	s.grpc = grpc.NewServer(
		grpc.UnaryInterceptor(s.guardUnary), grpc.StreamInterceptor(s.guardStream),
		grpc.ChainUnaryInterceptor(s.rateUnary), grpc.ChainStreamInterceptor(s.rateStream),
		grpc.ConnectionTimeout(greeting), grpc.InTapHandle(s.endless.tap),
		grpc.MaxConcurrentStreams(maxStreams), grpc.MaxRecvMsgSize(o.MaxRequestSize), grpc.MaxSendMsgSize(o.MaxRequestSize), grpc.MaxHeaderListSize(maxHeaders),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: o.IdleTimeout, MaxConnectionAge: o.MaxConnAge, MaxConnectionAgeGrace: time.Minute,
			Time: askAlive, Timeout: waitAlive}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPing, PermitWithoutStream: true}),
		// Neither is kept by a connection at rest: see ready.
		grpc.ReadBufferSize(16<<10), grpc.WriteBufferSize(16<<10),
		// A call that finds one of them free is spared growing a new goroutine's stack; who streams for long may have them all.
		grpc.NumStreamWorkers(streamWorkers),
		grpc.Creds(handed{}),
	)
	pb.RegisterMessagingServiceServer(s.grpc, s)
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health)
	s.health.SetServingStatus(pb.MessagingService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	ro := reflection.ServerOptions{Services: s.grpc, DescriptorResolver: pb.Files()}
	grpc_reflection_v1.RegisterServerReflectionServer(s.grpc, reflection.NewServerV1(ro))
	grpc_reflection_v1alpha.RegisterServerReflectionServer(s.grpc, reflection.NewServer(ro))
	s.wg.Go(func() { _ = s.grpc.Serve(s.conns) }) // it ends with the listener
	s.wg.Go(s.sweepLoop)
	s.wg.Go(s.renewLoop)
	return s
}

// Serve takes over a connection on which HTTP/2 is spoken, from its first byte on. Its addresses are what it says.
func (s *Server) Serve(nc net.Conn) { s.conns.give(s.watch(nc)) }

// Stop lets running requests finish until ctx ends, closes all connections and forgets all clients. Receives are ended at once,
// and streams that have no end of their own.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.health.Shutdown()
		s.waits.stop()
		close(s.stop)
		s.endless.end()
	})
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop() // it returns when the last answer is written
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.conns.closeAll() // gRPC itself waits for those that have not greeted yet
	s.grpc.Stop()
	<-done
	s.conns.close()
	s.wg.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime) // ctx may be over: others wait for these messages
	defer cancel()
	s.giveBackAll(last, s.clients.all()...)
	s.workers.wg.Wait()
	s.clients.closeAll()
	return err
}
