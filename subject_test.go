package aerobee

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/remoting"
)

// holder is a certificate that signs itself, so that it is its own authority, and a file with it.
func holder(t *testing.T, name pkix.Name) (cert tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "holder.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestSubjectIsKnown: whoever shows a certificate is known by its subject behind either protocol, whoever shows none is nobody where that may be, and gets
// nowhere where it may not.
func TestSubjectIsKnown(t *testing.T) {
	cert, file := holder(t, pkix.Name{CommonName: "orders", Organization: []string{"Shop"}})
	stranger, _ := holder(t, pkix.Name{CommonName: "orders", Organization: []string{"Shop"}})
	for _, mode := range []string{"optional", "require"} {
		s := start(t, "tls.server.need.client.auth", mode, "tls.server.trustCertPath", file)
		shows := func(certs ...tls.Certificate) *tls.Config {
			return &tls.Config{Certificates: certs, InsecureSkipVerify: true}
		}
		enter := func(config *tls.Config) (*remoting.Conn, error) {
			t.Helper()
			nc, err := tls.Dial("tcp", s.Addr(), config)
			if err != nil {
				return nil, err
			}
			c := remoting.Client(nc, remoting.Options{})
			t.Cleanup(func() { _ = c.Close() })
			_, err = c.Invoke(t.Context(), &protocol.Frame{Code: protocol.ReqGetBrokerClusterInfo, Version: protocol.CurrentVersion})
			return c, err
		}
		subjects := func() (all []string) {
			for c := range s.remoting.Conns() {
				if c.Secure() {
					all = append(all, c.Subject())
				}
			}
			slices.Sort(all)
			return all
		}
		if _, err := enter(shows(cert)); err != nil {
			t.Fatal(err)
		}
		link, err := grpc.NewClient("passthrough:///"+s.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(shows(cert))))
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close() //nolint:errcheck // nothing is under way
		s.dial(t).mustSend("T", "x")
		r, err := pb.NewMessagingServiceClient(link).SendMessage(metadata.AppendToOutgoingContext(t.Context(), "x-mq-client-id", "c"), &pb.SendMessageRequest{
			Messages: []*pb.Message{{Topic: &pb.Resource{Name: "T"}, Body: []byte("x"), SystemProperties: &pb.SystemProperties{MessageId: "01"}}}})
		if err != nil || r.GetStatus().GetCode() != pb.Code_OK {
			t.Fatalf("gRPC: %v, %v", r.GetStatus(), err)
		}
		want := []string{"CN=orders,O=Shop", "CN=orders,O=Shop"}
		if got := subjects(); !slices.Equal(got, want) {
			t.Errorf("%s: known are %q, want %q", mode, got, want)
		}
		if _, err := enter(shows(stranger)); err == nil {
			t.Errorf("%s: a certificate of the same name, which nobody trusts, is taken", mode)
		}
		_, err = enter(shows())
		if mode == "require" && err == nil {
			t.Error("nobody's certificate is asked for")
		}
		if mode == "optional" {
			if got := subjects(); err != nil || !slices.Equal(got, append([]string{""}, want...)) {
				t.Errorf("without a certificate: %v, known are %q", err, got)
			}
		}
	}
}
