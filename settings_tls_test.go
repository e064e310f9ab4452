package aerobee

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// certificateFile is a file with a certificate and its key, as nodes make them.
func certificateFile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s, err := Start(Config{Data: dir, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "tls-development.pem")
}

// shown is the serial number of the certificate that a node shows.
func shown(t *testing.T, s *Server) string {
	t.Helper()
	c, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func serial(t *testing.T, file string) string {
	t.Helper()
	c, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.String()
}

func tlsEffects() map[string]func(*testing.T) {
	files := func(cert, key string) func(t *testing.T) {
		return func(t *testing.T) {
			file := certificateFile(t)
			if got := shown(t, start(t, cert, file, key, file)); got != serial(t, file) {
				t.Error("the node does not show the certificate of the file")
			}
		}
	}
	own := func(name string) func(t *testing.T) {
		return func(t *testing.T) { wantRefused(t, name, "false", "needs a certificate") }
	}
	demanding := func(t *testing.T) {
		s := start(t, "tls.server.need.client.auth", "require", "tls.server.trustCertPath", certificateFile(t))
		c, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_, err = c.Read(make([]byte, 1))
			_ = c.Close()
		}
		if err == nil || s.cert.Config().ClientCAs == nil {
			t.Errorf("a client without a certificate: %v", err)
		}
	}
	return map[string]func(*testing.T){
		"tls.server.mode": func(t *testing.T) {
			s := start(t, "tls.server.mode", "enforcing")
			if _, err := http.Get("http://" + s.Addr() + "/ready"); err == nil {
				t.Error("plain text is served")
			}
			s = start(t, "tls.server.mode", "disabled")
			if _, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true}); err == nil {
				t.Error("TLS is served")
			}
		},
		"tls.server.certPath":         files("tls.server.certPath", "tls.server.keyPath"),
		"tls.server.keyPath":          files("tls.server.certPath", "tls.server.keyPath"),
		"tlsCertPath":                 files("tlsCertPath", "tls.server.keyPath"),
		"tlsKeyPath":                  files("tls.server.certPath", "tlsKeyPath"),
		"tls.test.mode.enable":        own("tls.test.mode.enable"),
		"tlsTestModeEnable":           own("tlsTestModeEnable"),
		"tls.server.need.client.auth": demanding,
		"tls.server.trustCertPath":    demanding,
		"tlsUserFromSubject":          testUserFromSubject,
		"tlsCertWatchIntervalMs": func(t *testing.T) {
			file, other := certificateFile(t), certificateFile(t)
			s := start(t, "tls.server.certPath", file, "tls.server.keyPath", file, "tlsCertWatchIntervalMs", "5")
			b, err := os.ReadFile(other)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			for begin := time.Now(); shown(t, s) != serial(t, other); {
				if time.Since(begin) > 10*time.Second {
					t.Fatal("the changed certificate is not shown")
				}
			}
		},
	}
}
