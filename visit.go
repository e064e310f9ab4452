package aerobee

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/certificate"
)

// visits is how a proxy shows itself to the brokers and NameServers behind it, over TLS. The files are read again when they may have changed.
type visits struct {
	how   certificate.Visitor
	every time.Duration // between two looks
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	config *tls.Config
	read   time.Time
}

// dialOut makes connections to other nodes as the settings say; nil is plain TCP.
func (s *Server) dialOut() (func(ctx context.Context, addr string) (net.Conn, error), error) {
	out := &s.cfg.TLS.Out
	if !out.On {
		return nil, nil
	}
	v := newVisits(&s.cfg.TLS, s.log)
	if _, err := v.current(time.Now()); err != nil {
		return nil, fmt.Errorf("TLS to the cluster: %w", err)
	}
	if !out.Verify {
		s.log.Warn("TLS to the cluster: any certificate is taken, so whoever is in between can read and change everything: set tls.client.authServer=true")
	}
	return v.dial, nil
}

func newVisits(c *config.TLS, log *slog.Logger) *visits {
	return &visits{how: certificate.Visitor{TrustFile: c.Out.Trust, CertFile: c.Out.Cert, KeyFile: c.Out.Key, Unverified: !c.Out.Verify}, every: c.Watch, log: log}
}

// current is the configuration by the files as they are now, or were when they could be read last.
func (v *visits) current(now time.Time) (*tls.Config, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.config != nil && now.Sub(v.read) < v.every {
		return v.config, nil
	}
	v.read = now
	fresh, err := v.how.Config()
	if err != nil && v.config == nil {
		return nil, err
	}
	if err != nil {
		v.log.Warn("TLS to the cluster: the files cannot be read, what they said before goes on", "error", err)
		return v.config, nil
	}
	fresh.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	v.config = fresh
	return fresh, nil
}

func (v *visits) dial(ctx context.Context, addr string) (net.Conn, error) {
	conf, err := v.current(time.Now())
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return cluster.Encrypted(func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }, conf)(ctx, addr)
}
