package aerobee

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/broker"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/certificate"
	"github.com/aerobee-mq/aerobee/internal/quietlog"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/metrics/otlp"
	"github.com/aerobee-mq/aerobee/nameserver"
	"github.com/aerobee-mq/aerobee/proxy"
	"github.com/aerobee-mq/aerobee/proxy/relay"
	"github.com/aerobee-mq/aerobee/proxy/remote"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/tracing"
)

// stopTimeout bounds [Server.Close].
const stopTimeout = 5 * time.Second

// startTimeout bounds what a start waits for beside the log's replay: the system topics, other NameServers.
const startTimeout = 30 * time.Second

// world is what a node stands on: as zero value the real disk and clock. Tests put their own in its place.
type world struct {
	disk      vfs.FS           // unless the node is in memory
	now       func() time.Time // the store's clock
	lookEvery time.Duration    // between two looks at what is old or too much on the disk
	// control, if not nil, is served over HTTP at controlPath: what makes disk and clock fail in a build with the tag faults.
	control     http.Handler
	controlPath string
}

// clock is what the node takes for the time.
func (w *world) clock() time.Time {
	if w.now == nil {
		return time.Now()
	}
	return w.now()
}

// Server is a running node.
type Server struct {
	world   world
	cfg     config.Config                 // as the node began
	inForce atomic.Pointer[config.Config] // as it goes on, see changeSettings; never nil
	// changing is held by who changes settings.
	changing chan struct{}
	log      *slog.Logger
	started  time.Time
	addr     addresses
	others   []string // NameServers beside this node's own

	gate       *gate
	listeners  *listen.Server
	cert       *certificate.Source // nil if TLS is switched off
	store      *store.Store        // nil without the role broker
	nameserver *nameserver.Server  // nil without the role namesrv
	broker     *broker.Broker      // nil without the role broker
	remoting   *remoting.Server
	proxy      *proxy.Server   // nil without the role broker
	sharing    *sharing        // nil without the role broker
	remote     *remote.Backend // nil without the role proxy
	relay      *relay.Relay    // the same
	latencies  *latency.Table
	outward    func(ctx context.Context, addr string) (net.Conn, error) // to other nodes, as the role proxy does; nil is plain TCP
	guard      *guard.Guard                                             // nil without the role broker
	plain      plainFiles                                               // access control files of 4.x
	requests   *remoting.Mux                                            // for the names of requests; set before the node serves
	timers     timerCounts
	push       *otlp.Pusher           // nil unless metrics are pushed
	spans      *tracing.Exporter      // nil unless messages are traced
	state      atomic.Pointer[string] // why the node does not serve; nil when it does

	stopOnce sync.Once
	stopErr  error // set under stopOnce

	api      http.Handler      // health, metrics, /api/v1
	own      ownAdmin          // asks for who uses api
	live     liveReport        // what the live streams tell
	safety   safety            // who may do what, and the record of it
	stopping chan struct{}     // closed when the node stops
	refusals *quietlog.Repeats // what clients are told when they are refused

	rates     *ratelimit.Table[netip.Prefix]   // how often each address asks; nil for no bound
	userRates *ratelimit.Table[ratelimit.User] // the same of each user
}

// StartSettings is [Start] for who has complete settings, as the command line does from [config.Load]. It listens, opens
// the store, starts the roles and returns when the node serves. A nil logger discards.
func StartSettings(cfg config.Config, logger *slog.Logger) (*Server, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	w, err := realWorld(logger)
	if err != nil {
		return nil, err
	}
	return startIn(w, cfg, logger)
}

func startIn(w world, cfg config.Config, logger *slog.Logger) (_ *Server, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{world: w, cfg: cfg, log: logger, started: time.Now(), gate: newGate(), latencies: latency.New(), changing: make(chan struct{}, 1),
		stopping: make(chan struct{}), refusals: quietlog.NewRepeats(logger)}
	s.inForce.Store(&s.cfg)
	s.rates = ratelimit.New[netip.Prefix](cfg.Limits.RequestsPerAddress, "maxRequestsPerAddress", func() time.Duration { return time.Since(s.started) })
	s.userRates = ratelimit.New[ratelimit.User](cfg.Limits.RequestsPerUser, "maxRequestsPerUser", func() time.Duration { return time.Since(s.started) })
	s.own.init()
	s.live.init()
	s.unready(starting)
	if cfg.TLS.Out.On && !cfg.HasRole("proxy") {
		s.log.Warn("tls.enable encrypts the connections of the role proxy, which this node does not have: those to other nodes are plain")
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			err = errors.Join(err, s.Stop(ctx))
		}
	}()
	s.beginSafety()
	// Listen first: a port in use is found out before the store is touched, and port 0 is known before ids are made.
	if err := s.listen(); err != nil {
		return nil, err
	}
	mux := remoting.NewMux()
	s.requests = mux
	if cfg.HasRole("namesrv") {
		if err := s.startNameServer(mux); err != nil {
			return nil, err
		}
	}
	if cfg.HasRole("broker") {
		if err := s.openBroker(mux); err != nil {
			return nil, err
		}
	}
	if cfg.HasRole("proxy") {
		if err := s.openCluster(mux); err != nil {
			return nil, err
		}
	}
	s.keepCertificate()
	s.keepSafe(mux)
	s.remoting = remoting.NewServer(s.remotingOptions(mux))
	if s.broker != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if err := s.broker.Start(ctx); err != nil {
			return nil, err
		}
	}
	s.startProxy()
	s.gate.open(s.remoting, s.proxy)
	s.state.Store(nil)
	if err := s.startPush(); err != nil {
		return nil, err
	}
	return s, nil
}

// Stop makes the node not ready, unregisters it, lets accepted requests finish until ctx ends, then closes everything
// in the mirrored order of Start. What was cut off is named in the error; nothing acknowledged is lost by it. Further
// calls wait for the first and return its error.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

// Close is [Server.Stop] within 5 seconds. After it no goroutine of the node is left.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return s.Stop(ctx)
}

func (s *Server) stop(ctx context.Context) error {
	s.push.Close() // what was counted goes out while there is somebody to ask
	s.unready("stopping")
	close(s.stopping)
	s.plain.wg.Wait()
	errs := []error{s.own.close()}
	if s.proxy != nil {
		errs = append(errs, s.stopProxy(ctx))
	}
	if s.broker != nil && s.remoting != nil {
		errs = append(errs, s.broker.Close(ctx))
	}
	if s.remoting != nil {
		errs = append(errs, s.remoting.Shutdown(ctx))
	}
	errs = append(errs, s.sharing.close(), s.closeCluster())
	if s.nameserver != nil {
		s.nameserver.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	s.spans.Close() // nothing makes spans any more
	if s.listeners != nil {
		errs = append(errs, s.listeners.Close(ctx))
	}
	s.closeCertificate()
	s.gate.close()
	s.safety.acts.Close()
	return errors.Join(errs...)
}

// Addr is what to give to clients on this machine as NameServer address, "host:port": the first address that the node
// listens on. Where that is all of the machine's, host is 127.0.0.1.
func (s *Server) Addr() string {
	a := s.listeners.Addrs()[0]
	if a.Addr().IsUnspecified() {
		a = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	}
	return a.String()
}

// Addrs are the addresses that the node listens on, in the order of the settings: "127.0.0.1:9876", "[::]:10911".
func (s *Server) Addrs() []string {
	var out []string
	for _, a := range s.listeners.Addrs() {
		out = append(out, a.String())
	}
	return out
}

// Advertised is the address in message ids and at other NameServers. guessed tells that nobody set it.
func (s *Server) Advertised() (addr netip.AddrPort, guessed bool) {
	return s.addr.canonical, s.addr.guessed
}

// DataDir is the store's directory as an absolute path, "" in memory.
func (s *Server) DataDir() string {
	if s.cfg.Memory {
		return ""
	}
	if abs, err := filepath.Abs(s.cfg.Data); err == nil {
		return abs
	}
	return s.cfg.Data
}

// starting is why a node does not serve yet.
const starting = "starting"

func (s *Server) unready(why string) { s.state.Store(&why) }

// ready returns nil when the node serves requests.
func (s *Server) ready() error {
	if why := s.state.Load(); why != nil {
		return errors.New("the node is " + *why)
	}
	return nil
}

// healthy returns nil unless the node needs its operator.
func (s *Server) healthy() error {
	if s.ready() != nil || s.store == nil {
		return nil
	}
	return s.store.Err()
}
