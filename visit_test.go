package aerobee

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// authority issues certificates for a test, each in a file with its key.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	own  string // its own certificate's file
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.own = a.issue("authority")
	return a
}

// issue makes a certificate; the first one is the authority's own.
func (a *authority) issue(name string) (file string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name, Organization: []string{"Shop"}}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: a.cert == nil, BasicConstraintsValid: true}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer, a.key = template, key, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	file = filepath.Join(a.dir, name+".pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// demanding is a node that serves nobody without a certificate.
func (a *authority) demanding(more ...string) *Server {
	a.t.Helper()
	file := a.issue("broker")
	return start(a.t, append([]string{"tls.server.mode", "enforcing", "tls.server.certPath", file, "tls.server.keyPath", file,
		"tls.server.need.client.auth", "require", "tls.server.trustCertPath", a.own}, more...)...)
}

// calling has a gRPC client call a node.
func calling(t *testing.T, addr, id string, creds credentials.TransportCredentials, call func(ctx context.Context, c pb.MessagingServiceClient) error) {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := call(metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", id), pb.NewMessagingServiceClient(c)); err != nil {
		t.Fatal(err)
	}
}

// asked is what a gRPC client is answered that asks for the route of a topic that there is not: TOPIC_NOT_FOUND, if it and the cluster are reached.
func asked(t *testing.T, addr string) (st *pb.Status) {
	t.Helper()
	calling(t, addr, "c", insecure.NewCredentials(), func(ctx context.Context, c pb.MessagingServiceClient) error {
		r, err := c.QueryRoute(ctx, &pb.QueryRouteRequest{Topic: &pb.Resource{Name: "nobody"},
			Endpoints: &pb.Endpoints{Scheme: pb.AddressScheme_IPv4, Addresses: []*pb.Address{{Host: "127.0.0.1", Port: 1}}}})
		st = r.GetStatus()
		return err
	})
	return st
}

// TestProxyToTheClusterOverTLS: a proxy shows a certificate to the node behind it, and looks at the node's.
func TestProxyToTheClusterOverTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	node, file := a.demanding(), a.issue("proxy")
	f := func(want bool, what string, settings ...string) {
		t.Helper()
		p := start(t, append([]string{"roles", "proxy", "namesrvAddr", node.Addr()}, settings...)...)
		if got := asked(t, p.Addr()); (got.GetCode() == pb.Code_TOPIC_NOT_FOUND) != want {
			t.Errorf("%s: %s %s", what, got.GetCode(), got.GetMessage())
		}
	}
	shown := []string{"tls.enable", "true", "tls.client.certPath", file, "tls.client.keyPath", file}
	f(true, "all as it must be", append(shown, "tls.client.trustCertPath", a.own)...)
	f(false, "plain text")
	f(false, "a node of another authority", append(shown, "tls.client.trustCertPath", other.own)...)
	f(false, "a node of no authority that the system knows", shown...)
	f(true, "nobody looks at the node's certificate", append(shown, "tls.client.authServer", "false")...)
	f(false, "no certificate is shown", "tls.enable", "true", "tls.client.trustCertPath", a.own)
	p := start(t, append([]string{"roles", "proxy", "namesrvAddr", node.Addr(), "tls.client.trustCertPath", a.own}, shown...)...)
	askedByOwn(t, p, node.Addr())
	wantRefused(t, "tls.client.certPath", file, "tls.enable")
	missing := filepath.Join(t.TempDir(), "none.pem")
	if _, err := tryStart(t, "roles", "proxy", "namesrvAddr", node.Addr(), "tls.enable", "true", "tls.client.trustCertPath", missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// askedByOwn has a proxy ask its cluster for itself.
func askedByOwn(t *testing.T, p *Server, node string) {
	t.Helper()
	answer, err := http.Get("http://" + p.Addr() + "/api/v1/brokers")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 {
		t.Errorf("its brokers: %d %s, %v", answer.StatusCode, text, err)
	}
	var n v1.Node
	if err := p.askNode(t.Context(), node, "/api/v1/node", &n); err != nil || n.Version == "" {
		t.Errorf("the node behind it: %+v, %v", n, err)
	}
}

// TestNodesAreAskedAtAddresses: what is more than a host and a port is nobody's, and nobody may send elsewhere.
func TestNodesAreAskedAtAddresses(t *testing.T) {
	s := start(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer web.Close()
	at := strings.TrimPrefix(web.URL, "http://")
	f := func(addr, path, want string) {
		t.Helper()
		var n v1.Node
		if err := s.askNode(t.Context(), addr, path, &n); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s%s: %v, want %q", addr, path, err, want)
		}
	}
	f(at, "/", "<nil>")
	f(at, "/moved", "answered with 302")
	for _, addr := range []string{"10.0.0.1:80/x", "10.0.0.1/x:80", "me@10.0.0.1:80", "10.0.0.1:x", ":80", "h#:80", "h?q:80", "a b:80"} {
		f(addr, "/", "is no host and port")
	}
	f("10.0.0.1", "/", "missing port")
}

// TestProxyShowsItsNewCertificate: the files are read again when they have changed, and what they said goes on while they cannot be read.
func TestProxyShowsItsNewCertificate(t *testing.T) {
	a := newAuthority(t)
	file := a.issue("proxy")
	s := start(t)
	s.cfg.TLS.Out.On, s.cfg.TLS.Out.Verify, s.cfg.TLS.Out.Cert, s.cfg.TLS.Out.Key, s.cfg.TLS.Out.Trust = true, true, file, file, a.own
	v := newVisits(&s.cfg.TLS, s.log)
	now := time.Now()
	current := func(after time.Duration) *tls.Config {
		t.Helper()
		config, err := v.current(now.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	first := current(0)
	a.issue("proxy")
	if current(v.every-1) != first {
		t.Error("it looks too often")
	}
	second := current(v.every)
	if string(second.Certificates[0].Certificate[0]) == string(first.Certificates[0].Certificate[0]) {
		t.Error("it shows the old certificate")
	}
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if current(3*v.every) != second {
		t.Error("a file that cannot be read changes what is shown")
	}
}

// TestSubjectOfGRPCClients: whom a certificate names holds for the client's requests, and nobody else uses the client's id.
func TestSubjectOfGRPCClients(t *testing.T) {
	a := newAuthority(t)
	s := a.demanding()
	with := func(name string) credentials.TransportCredentials {
		file := a.issue(name)
		cert, err := tls.LoadX509KeyPair(file, file)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		return credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "127.0.0.1"})
	}
	beat := func(name string) *pb.Status {
		t.Helper()
		var st *pb.Status
		calling(t, s.Addr(), "c", with(name), func(ctx context.Context, c pb.MessagingServiceClient) error {
			r, err := c.Heartbeat(ctx, &pb.HeartbeatRequest{})
			st = r.GetStatus()
			return err
		})
		return st
	}
	if got := beat("orders"); got.GetCode() != pb.Code_UNRECOGNIZED_CLIENT_TYPE { // it has sent no settings
		t.Fatalf("the holder: %v", got)
	}
	if got := beat("orders"); got.GetCode() != pb.Code_UNRECOGNIZED_CLIENT_TYPE {
		t.Errorf("the holder with a new certificate: %v", got)
	}
	if got := beat("thief"); got.GetCode() != pb.Code_FORBIDDEN || strings.Contains(got.GetMessage(), "CN=orders") {
		t.Errorf("somebody else: %v", got)
	}
}

// aged wants a gRPC connection to be told to reconnect.
func aged(t *testing.T) {
	s := start(t, "grpcMaxConnectionAgeMs", "50")
	c, err := grpc.NewClient("passthrough:///"+s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c.Connect()
	for now := c.GetState(); now != connectivity.Ready; now = c.GetState() {
		if !c.WaitForStateChange(ctx, now) {
			t.Fatal("no connection")
		}
	}
	if !c.WaitForStateChange(ctx, connectivity.Ready) {
		t.Error("the connection is not told to reconnect")
	}
}

// outEffects proves the settings of a proxy's own connections.
func outEffects() map[string]func(*testing.T) {
	all := func(t *testing.T) { TestProxyToTheClusterOverTLS(t) }
	return map[string]func(*testing.T){"tls.enable": all, "tls.client.trustCertPath": all, "tls.client.authServer": all, "tls.client.certPath": all, "tls.client.keyPath": all,
		"grpcMaxConnectionAgeMs": aged}
}
