package nameserver

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// Options configure a [Server]. Zero values mean the default.
type Options struct {
	Route        route.Options  // timeouts and acting masters
	Settings     Settings       // what UPDATE_NAMESRV_CONFIG may change
	KV           KVStore        // where the KV configuration is kept; nil keeps it in memory
	ScanInterval time.Duration  // between two looks for expired brokers; default 5 s
	Advertise    []route.Rule   // addresses of this process's broker, by client
	Canonical    netip.AddrPort // its address when nothing better is known
	MaxRegister  int64          // bytes that the body of one registration may become; default protocol.MaxRegisterBytes
	Now          func() time.Time
	Logger       *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.ScanInterval <= 0 {
		o.ScanInterval = 5 * time.Second
	}
	if o.MaxRegister <= 0 {
		o.MaxRegister = protocol.MaxRegisterBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Server is a NameServer.
type Server struct {
	opt   Options
	stop  chan struct{}
	saves chan func(error)
	wg    sync.WaitGroup
	reads sync.Mutex // held while the body of a registration is read, which may become much larger: one at a time

	routes routeCache

	mu       guard // guards what follows
	table    *route.Table
	kv       *route.KV
	settings Settings
	closed   bool         // no KV changes are accepted any more
	local    *localBroker // nil without a broker in this process
}

// localBroker is the place of this process's broker in the table: the address that it registered stands for "this process" there.
type localBroker struct {
	cluster, name, addr string
}

// New loads the KV configuration and starts the scan for silent brokers; [Server.Close] ends both.
func New(opt Options) (*Server, error) {
	opt = opt.withDefaults()
	s := &Server{opt: opt, stop: make(chan struct{}), saves: make(chan func(error), maxQueuedSaves), table: route.New(opt.Route), settings: opt.Settings}
	var values map[string]map[string]string
	if opt.KV != nil {
		var err error
		if values, err = opt.KV.Load(); err != nil {
			return nil, fmt.Errorf("nameserver: load the KV configuration: %w", err)
		}
	}
	s.kv = route.NewKV(values)
	s.wg.Add(2)
	go s.scanLoop()
	go s.saveLoop()
	return s, nil
}

// Close stops the scan and waits until all KV changes that were accepted are saved. Requests that come later are answered from memory,
// changes of the KV configuration are refused.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.wg.Wait()
}

func (s *Server) scanLoop() {
	defer s.wg.Done()
	tick := time.NewTicker(s.opt.ScanInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.scan()
		}
	}
}

// scan takes out the brokers that have been silent for too long and closes their connections.
func (s *Server) scan() {
	s.mu.Lock()
	expired := s.table.Expire(s.opt.Now())
	s.mu.Unlock()
	for _, conn := range expired {
		c := conn.(*remoting.Conn)
		s.opt.Logger.Warn("a broker has been silent for longer than its timeout; unregistered", "broker", c.RemoteAddr())
		_ = c.Close()
	}
}

// ConnClosed unregisters the brokers that came by this connection. The remoting server calls it for every connection that ends.
func (s *Server) ConnClosed(c *remoting.Conn) {
	s.mu.Lock()
	n := s.table.Disconnect(c)
	if n == 0 {
		s.mu.unlockSame()
		return
	}
	s.mu.Unlock()
	s.opt.Logger.Warn("a broker's connection ended; unregistered", "broker", c.RemoteAddr(), "registrations", n)
}

// RegisterLocal takes in a registration of the broker of this process: its topics are routed to when this returns, and it never expires.
// Addr names the broker in the table; what clients are told instead is chosen per connection. Registrations add up like
// remote ones, so that a change of one topic can come alone; Complete ones replace all topics, and those in Gone go.
func (s *Server) RegisterLocal(r route.Registration) {
	r.Local, r.Conn = true, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local = &localBroker{r.Cluster, r.Broker, r.Addr}
	// A local broker is never refused: the one rule that refuses is for remote updates of single topics.
	_, _ = s.table.Register(s.opt.Now(), &r)
}

// UnregisterLocal takes the broker of this process out, at the beginning of its stop.
func (s *Server) UnregisterLocal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.local != nil {
		s.table.UnregisterLocal(s.local.cluster, s.local.addr)
		s.local = nil
	}
}

// Route is a topic's route as the client of a connection gets it; false if no broker has the topic. The gRPC and HTTP faces ask here.
func (s *Server) Route(topic string, client route.Client) (route.Route, bool) {
	s.mu.RLock()
	r, ok := s.table.Route(topic)
	local := s.local
	s.mu.RUnlock()
	if ok && local != nil {
		for i := range r.Brokers {
			s.readdress(&r.Brokers[i], local, client)
		}
	}
	return r, ok
}

// readdress writes into a broker group the address by which this client reaches this process's broker.
func (s *Server) readdress(b *route.Broker, local *localBroker, client route.Client) {
	if b.Name != local.name || b.Cluster != local.cluster {
		return
	}
	for id, addr := range b.Addrs {
		if addr == local.addr {
			b.Addrs[id] = route.ChooseAddress(s.opt.Advertise, client, s.opt.Canonical)
		}
	}
}

// clientOf is what a remoting connection tells of its client. The local address is the PROXY header's destination where there was one.
func clientOf(c *remoting.Conn) route.Client {
	return route.Client{Remote: c.RemoteAddr(), Local: c.LocalAddr()}
}
