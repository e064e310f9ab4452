package interop

import (
	"cmp"
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
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// with returns the Java program with more system properties.
func (p program) with(name string, properties ...string) program {
	p.name += " " + name
	p.command = slices.Concat(p.command[:1:1], properties, p.command[1:])
	return p
}

// TestJavaTLS runs the official clients inside TLS, as they are switched to it by -Dtls.enable=true, on the port that the test's own
// requests and another client use in plain text.
func TestJavaTLS(t *testing.T) {
	t.Parallel()
	s := startServer(t, "aerobee")
	test := []string{"-Dtls.enable=true", "-Dtls.test.mode.enable=true"}
	t.Run("new", func(t *testing.T) {
		some := "INTEROP_ONLY=" + cmp.Or(os.Getenv("AEROBEE_INTEROP_ONLY"), "^(sync|async|oneway|batch|properties|body.*|compressed.*|two-groups|resume|long-poll|pop-push|request-reply|timer|reset-online)$")
		if os.Getenv("AEROBEE_INTEROP_TARGET") == "all" {
			some = "INTEROP_ONLY=." // whole in make test-long
		}
		runSuite(t, javaProgram(t, javaNew).with("TLS", test...), s, some)
	})
	t.Run("old", func(t *testing.T) {
		runSuite(t, javaProgram(t, javaOld).with("TLS", test...), s, "INTEROP_ONLY=^(sync|async|oneway|batch|properties|body.*|compressed.*|two-groups|resume)$")
	})
	t.Run("plain", func(t *testing.T) {
		runSuite(t, javaProgram(t, javaNew), s, "INTEROP_ONLY=^(sync|async|oneway|batch|properties|body.*|compressed.*|two-groups|resume)$")
	})
}

// TestJavaMutualTLS has server and client show certificates of one authority, and verify them.
func TestJavaMutualTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newAuthority(t, dir)
	serverCert, serverKey := a.issue("server")
	clientCert, clientKey := a.issue("client")
	s := startServer(t, "aerobee", "tls.server.certPath="+serverCert, "tls.server.keyPath="+serverKey,
		"tls.server.need.client.auth=require", "tls.server.trustCertPath="+a.file)
	p := javaProgram(t, javaNew).with("mTLS", "-Dtls.enable=true", "-Dtls.test.mode.enable=false", "-Dtls.client.authServer=true",
		"-Dtls.client.trustCertPath="+a.file, "-Dtls.client.certPath="+clientCert, "-Dtls.client.keyPath="+clientKey)
	runSuite(t, p, s, "INTEROP_ONLY=^(sync|async|oneway|batch|properties|body.*|compressed.*|two-groups|resume)$")
}

// enforcing are the addresses of servers that take nothing but TLS.
var enforcing sync.Map

// connect connects to a server, inside TLS where nothing else will do.
func connect(addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 2 * time.Second}
	if _, ok := enforcing.Load(addr); ok {
		return tls.DialWithDialer(d, "tcp", addr, &tls.Config{InsecureSkipVerify: true}) // #nosec G402 -- the server has made its certificate itself
	}
	return d.Dial("tcp", addr)
}

// startEnforcing starts an Aerobee that takes nothing but TLS.
func startEnforcing(t *testing.T, settings ...string) *server {
	t.Helper()
	port := freePorts(t, 1)[0]
	enforcing.Store(local(port), true)
	t.Cleanup(func() { enforcing.Delete(local(port)) })
	s := aerobee(t, port, "", append(settings, "tls.server.mode=enforcing")...)
	s.namesrv = s.broker
	s.ready = func() error {
		c, err := connect(s.broker)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTLSEnforcing has clients inside TLS work on a port that takes nothing else, and says in its log what the others should change.
func TestTLSEnforcing(t *testing.T) {
	t.Parallel()
	s := startEnforcing(t)
	const some = "INTEROP_ONLY=^(sync|async|oneway|two-groups|resume)$"
	t.Run("java", func(t *testing.T) {
		runSuite(t, javaProgram(t, javaNew).with("TLS", "-Dtls.enable=true", "-Dtls.test.mode.enable=true"), s, some)
	})
	t.Run("go", func(t *testing.T) { runSuite(t, goTLSProgram(t), s, some, "INTEROP_TLS=1") })
	t.Run("plain", func(t *testing.T) {
		for _, text := range []string{string(frameOf(codeGetRoute, nil)), "GET / HTTP/1.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} {
			c, err := net.DialTimeout("tcp", s.broker, 2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("%.20q is answered: %d, %v", text, n, err)
			}
			_ = c.Close()
		}
		if got, want := s.said(t, "only TLS is served here (tls.server.mode=enforcing), connect with it (useTLS=true, tls.enable=true)"), 3; got != want {
			t.Errorf("the log says it %d times, want %d", got, want)
		}
	})
}

// TestTLSDisabled: who comes inside TLS where there is none is told in the server's log what to change.
func TestTLSDisabled(t *testing.T) {
	t.Parallel()
	s := startServer(t, "aerobee", "tls.server.mode=disabled")
	if _, err := tls.Dial("tcp", s.broker, &tls.Config{InsecureSkipVerify: true}); err == nil { // #nosec G402 -- nothing is sent
		t.Error("TLS is served")
	}
	if got := s.said(t, "TLS is not served here (tls.server.mode=disabled), connect without it (useTLS=false, tls.enable=false)"); got != 1 {
		t.Errorf("the log says it %d times, want once", got)
	}
}

// said counts how often the server's log has a text.
func (s *server) said(t *testing.T, text string) int {
	t.Helper()
	log, err := os.ReadFile(s.store.logPath())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), text)
}

// TestGoTLS has the official Go client for remoting, from the version behind its last release on, which can do it, switch TLS on beside plain text.
func TestGoTLS(t *testing.T) {
	t.Parallel()
	s := startServer(t, "aerobee")
	runSuite(t, goTLSProgram(t), s, "INTEROP_TLS=1", "INTEROP_ONLY=^(sync|async|oneway|batch|properties|body.*|compressed|two-groups|resume)$")
	done, err := metric("http://"+s.broker, `aerobee_tls_handshakes_total{result="done"}`)
	if err != nil || done == "0" || done == "" {
		t.Errorf("%q TLS handshakes, %v", done, err)
	}
}

// metric is the value of one sample in what /metrics shows.
func metric(base, sample string) (string, error) {
	r, err := http.Get(base + "/metrics")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, sample+" "); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("no sample %s", sample)
}

// What the Go client's version with TLS has in go.sum.
const (
	goTLSVersion = "v2.1.3-0.20251226070945-2173d070fd1b"
	goTLSSum     = "h1:bGsugMynVzy4WP03A3ZID3RpyeLVuyt8Cpt3D2coFlg="
	goTLSModSum  = "h1:6I6vgxHR3hzrvn+6n/4mrhS+UTulzK/X9LB2Vk1U5gE="
)

// goTLSProgram builds the Go scenarios with that version.
func goTLSProgram(t *testing.T) program {
	t.Helper()
	const module = "github.com/apache/rocketmq-client-go/v2"
	mod, err := os.ReadFile("go/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("go/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	newer := strings.Replace(string(mod), module+" v2.1.2", module+" "+goTLSVersion, 1)
	more := fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", module, goTLSVersion, goTLSSum, module, goTLSVersion, goTLSModSum)
	for name, text := range map[string]string{"go.mod": newer, "go.sum": string(sum) + more} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	filling.Lock()
	defer filling.Unlock()
	binary := cacheDir(t, "bin", "interop-go-tls")
	c := exec.Command("go", "build", "-modfile", filepath.Join(dir, "go.mod"), "-tags", "tls", "-o", binary, ".")
	c.Dir, c.Env = "go", append(os.Environ(), "CGO_ENABLED=0")
	run(t, c)
	return program{name: "go TLS", command: []string{binary}}
}

// TestTLSReload replaces the certificate of a running server: clients that trust the new one alone are served from then on, and connections that are open go on.
func TestTLSReload(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	before, after := newAuthority(t, dir), newAuthority(t, other)
	cert, key := before.issue("server")
	s := startServer(t, "aerobee", "tls.server.certPath="+cert, "tls.server.keyPath="+key, "tlsCertWatchIntervalMs=50")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	producer := func(a *authority) *client.Producer {
		t.Helper()
		trusted := x509.NewCertPool()
		trusted.AddCert(a.cert)
		c, err := client.New(client.Config{NameServers: []string{s.namesrv}, TLS: &tls.Config{RootCAs: trusted}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = c.Close(last) // what was sent is acknowledged
		})
		p, err := c.NewProducer(client.ProducerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	send := func(p *client.Producer) error {
		_, err := p.Send(ctx, &client.Message{Topic: "Reload", Body: []byte("x")})
		return err
	}
	old := producer(before)
	if err := send(old); err != nil {
		t.Fatal(err)
	}
	newCert, newKey := after.issue("server")
	for from, to := range map[string]string{newKey: key, newCert: cert} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := eventually(20*time.Second, "the new certificate", func() error {
		trusted := x509.NewCertPool()
		trusted.AddCert(after.cert)
		c, err := tls.Dial("tcp", s.broker, &tls.Config{RootCAs: trusted, ServerName: "localhost"})
		if err != nil {
			return err
		}
		return c.Close()
	}); err != nil {
		t.Fatal(err)
	}
	if err := send(producer(after)); err != nil {
		t.Errorf("who trusts the new certificate: %v", err)
	}
	if err := send(old); err != nil {
		t.Errorf("a connection that was open: %v", err)
	}
}

// authority issues certificates into a directory.
type authority struct {
	t    *testing.T
	dir  string
	file string // its own certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{t: t, dir: dir}
	a.file, _ = a.issue("authority")
	return a
}

// issue writes a certificate for this machine and its key; the first one is the authority's own.
func (a *authority) issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: a.cert == nil}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.t.Fatal(err)
		}
		a.key = key
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return certFile, keyFile
}
