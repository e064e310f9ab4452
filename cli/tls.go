package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/cli/signin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/certificate"
)

// tlsFlags say whether and how a command encrypts its connections.
type tlsFlags struct {
	on bool
	certificate.Visitor
}

func (t *tlsFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&t.on, "tls", false, "encrypt connections to the server")
	f.StringVar(&t.TrustFile, "tls-ca", "", "PEM `FILE` with who may have issued the server's certificate, or with that one itself (default the system's list)")
	f.StringVar(&t.CertFile, "tls-cert", "", "PEM `FILE` with a certificate to show the server")
	f.StringVar(&t.KeyFile, "tls-key", "", "PEM `FILE` with its key")
	f.BoolVar(&t.Unverified, "tls-skip-verify", false, "take any certificate: whoever is in between can read and change everything")
}

type dialer = func(ctx context.Context, addr string) (net.Conn, error)

// dial makes connections as the flags say; nil is plain TCP.
func (t *tlsFlags) dial() dialer {
	if !t.on && t.Visitor == (certificate.Visitor{}) {
		return nil
	}
	return func(ctx context.Context, addr string) (net.Conn, error) {
		config, err := t.Config()
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return cluster.Encrypted(func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }, config)(ctx, addr)
	}
}

// transport is for HTTP to the server's own address, without a proxy.
func (c *connection) transport() *signin.Transport {
	out := &http.Transport{DisableCompression: true}
	if dial := c.tls.dial(); dial != nil {
		out.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) { return dial(ctx, addr) }
	}
	return signin.New(out, c.nameServers()[0], c.e.variable)
}

// refused tells whether the server's certificate was not accepted.
func (t *tlsFlags) refused(err error) bool {
	var unverified *tls.CertificateVerificationError
	return errors.As(err, &unverified)
}

func (t *tlsFlags) explain(err error) error {
	var issuer x509.UnknownAuthorityError
	if errors.As(err, &issuer) {
		return &hint{"the server's certificate was issued by nobody whom this machine knows: give --tls-ca FILE; of a node's certificate for development, that is " +
			certificate.DevelopmentFile + " in its store directory", err}
	}
	return err
}
