package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// Visitor says how this process connects to others over TLS.
type Visitor struct {
	TrustFile         string // PEM: who may have issued the other side's certificate; "" for the system's list
	CertFile, KeyFile string // PEM: a certificate to show, and its key; "" for none
	Unverified        bool   // take any certificate
}

// Config reads the files. Its errors name the file and the rule.
func (v Visitor) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: v.Unverified} // #nosec G402 -- the operator asks for it
	if v.TrustFile != "" {
		b, err := os.ReadFile(v.TrustFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("%s: no certificate in PEM is in it", v.TrustFile)
		}
	}
	if v.CertFile != "" || v.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(v.CertFile, v.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate %q with key %q: %s", v.CertFile, v.KeyFile, strings.TrimPrefix(err.Error(), "tls: "))
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}
