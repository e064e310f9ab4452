package aerobee

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/broker"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/nameserver"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
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

// Server is a running node.
type Server struct {
	world   world
	cfg     config.Config
	log     *slog.Logger
	started time.Time
	addr    addresses
	others  []string // NameServers beside this node's own

	gate       *gate
	listeners  *listen.Server
	store      *store.Store       // nil without the role broker
	nameserver *nameserver.Server // nil without the role namesrv
	broker     *broker.Broker     // nil without the role broker
	remoting   *remoting.Server
	state      atomic.Pointer[string] // why the node does not serve; nil when it does

	stopOnce sync.Once
	stopErr  error // set under stopOnce
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
	s := &Server{world: w, cfg: cfg, log: logger, started: time.Now(), gate: newGate()}
	s.unready(starting)
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			err = errors.Join(err, s.Stop(ctx))
		}
	}()
	// Listen first: a port in use is found out before the store is touched, and port 0 is known before ids are made.
	if err := s.listen(); err != nil {
		return nil, err
	}
	mux := remoting.NewMux()
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
	s.remoting = remoting.NewServer(s.remotingOptions(mux))
	if s.broker != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if err := s.broker.Start(ctx); err != nil {
			return nil, err
		}
	}
	s.gate.open(s.remoting)
	s.state.Store(nil)
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
	s.unready("stopping")
	var errs []error
	if s.broker != nil && s.remoting != nil {
		errs = append(errs, s.broker.Close(ctx))
	}
	if s.remoting != nil {
		errs = append(errs, s.remoting.Shutdown(ctx))
	}
	if s.nameserver != nil {
		s.nameserver.Close()
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.listeners != nil {
		errs = append(errs, s.listeners.Close(ctx))
	}
	s.gate.close()
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
