package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	developmentLife = 10 * 365 * 24 * time.Hour
	// developmentRest is how long a kept certificate must still hold to be used.
	developmentRest = 30 * 24 * time.Hour
)

// development returns the certificate that is kept, if it holds for all names and long enough, else a new one.
func (s *Source) development() (tls.Certificate, []byte, error) {
	if s.opts.Dir != "" {
		if b, err := os.ReadFile(filepath.Join(s.opts.Dir, DevelopmentFile)); err == nil { // #nosec G304 -- below the node's own directory
			if cert, err := tls.X509KeyPair(b, b); err == nil && s.fits(cert.Leaf) {
				return cert, b, nil
			}
		}
	}
	b, err := makeDevelopment(s.opts.Names, s.opts.Now())
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make a certificate for development: %w", err)
	}
	cert, err := tls.X509KeyPair(b, b)
	return cert, b, err
}

func (s *Source) fits(leaf *x509.Certificate) bool {
	now := s.opts.Now()
	if now.Before(leaf.NotBefore) || now.Add(developmentRest).After(leaf.NotAfter) {
		return false
	}
	for _, name := range s.opts.Names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

// makeDevelopment makes a key and a certificate signed with it, in PEM. It is no authority: who has its key cannot issue others.
func makeDevelopment(names []string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "aerobee development"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(developmentLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
