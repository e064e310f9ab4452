package aerobee

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/certified"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/certificate"
	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/metrics"
)

// openCertificate reads or makes the certificate that the listeners show. One that is made goes to the disk later, in
// keepCertificate: before the store is open its directory may be another node's.
func (s *Server) openCertificate(o *listen.Options) error {
	c := &s.cfg.TLS
	if c.Mode == config.TLSDisabled {
		return nil
	}
	co := certificate.Options{CertFile: c.Cert, KeyFile: c.Key, Protocols: listen.Protocols(), Names: certificateNames(&s.cfg, os.Hostname, cardAddresses()),
		Every: c.Watch, Now: s.world.now, Logger: s.log}
	switch c.ClientAuth {
	case "optional":
		co.ClientAuth, co.TrustFile = tls.VerifyClientCertIfGiven, c.Trust
	case "require":
		co.ClientAuth, co.TrustFile = tls.RequireAndVerifyClientCert, c.Trust
	}
	if info, err := os.Stat(s.cfg.Data); err == nil && info.IsDir() && !s.cfg.Memory {
		co.Dir = s.cfg.Data
	}
	var err error
	if s.cert, err = certificate.Open(co); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	o.TLS, o.TLSOnly = s.cert.Config, c.Mode == config.TLSEnforcing
	s.warnOfTLS(!o.TLSOnly && co.ClientAuth == tls.RequireAndVerifyClientCert)
	return nil
}

// userOfCertificate tells the user whose a client's certificate is, as the settings say; nil for nobody's.
func userOfCertificate(rule string) func(c *x509.Certificate) string {
	switch rule {
	case config.UserFromCN:
		return certified.CommonName
	case config.UserFromDN:
		return certified.Name
	}
	return nil
}

// warnOfTLS says what makes TLS weaker than it looks.
func (s *Server) warnOfTLS(passedBy bool) {
	if passedBy {
		s.log.Warn("TLS: certificates are required of clients that speak TLS, but plain text is served as well: set tls.server.mode=enforcing")
	}
	key := s.cfg.TLS.Key
	if info, err := os.Stat(key); key != "" && err == nil && info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("TLS: the private key may be read by others", "file", key, "mode", info.Mode().Perm().String())
	}
}

// keepCertificate writes a certificate that was made into the store's directory, which is this node's by now.
func (s *Server) keepCertificate() {
	if s.cert != nil && !s.cfg.Memory {
		s.cert.Keep(s.cfg.Data)
	}
}

func (s *Server) closeCertificate() {
	if s.cert != nil {
		s.cert.Close()
	}
}

// certificateNames is what a certificate for development holds for: localhost, this machine's name, the addresses that it listens
// on and those that it advertises.
func certificateNames(cfg *config.Config, hostname func() (string, error), cards []netip.Addr) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if name, err := hostname(); err == nil {
		add(name)
	}
	advertised := slices.Concat(cfg.Advertise, []string{cfg.BrokerIP1})
	for _, text := range advertised {
		rest, _, _ := strings.Cut(text, "@")
		host, _, err := net.SplitHostPort(rest)
		if err != nil {
			host = rest
		}
		add(strings.Trim(host, "[]"))
	}
	everywhere := false
	for _, l := range cfg.Listen {
		host, _, err := net.SplitHostPort(l)
		if a, parseErr := netip.ParseAddr(host); err == nil && (host == "" || parseErr == nil && a.IsUnspecified()) {
			everywhere = true
		} else if err == nil {
			add(host)
		}
	}
	if everywhere { // the addresses that clients are told unless somebody says others
		for _, a := range cards {
			if a.IsGlobalUnicast() {
				add(a.String())
			}
		}
	}
	return names
}

// handshakes counts what came inside TLS.
func (s *Server) handshakes(emit func(metrics.Sample)) {
	done, failed := s.listeners.Handshakes()
	const name, help = "aerobee_tls_handshakes_total", "TLS handshakes with clients."
	for _, c := range []struct {
		result string
		n      int64
	}{{"done", done}, {"failed", failed}} {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Counter, Value: float64(c.n), Labels: []string{"result", c.result}})
	}
	if s.cert != nil {
		until := s.cert.Config().Certificates[0].Leaf.NotAfter
		emit(metrics.Sample{Name: "aerobee_tls_certificate_end_seconds", Help: "When the certificate that is shown ends, in seconds since 1970.",
			Kind: metrics.Gauge, Value: float64(until.Unix())})
	}
}
