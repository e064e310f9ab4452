package certificate

import (
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/logtext"
)

// pair writes a certificate and its key, and returns the files.
func pair(t *testing.T, dir, name string, now time.Time) (cert, key string) {
	t.Helper()
	b, err := makeDevelopment([]string{name}, now)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(b)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(block))
	write(t, key, rest)
	return cert, key
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, o Options) *Source {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func name(s *Source) string { return s.Config().Certificates[0].Leaf.DNSNames[0] }

func TestDevelopmentIsKept(t *testing.T) {
	dir := t.TempDir()
	names := []string{"localhost", "::1", "192.0.2.7", "broker.example"}
	serial := func(s *Source) string { return s.Config().Certificates[0].Leaf.SerialNumber.String() }
	s := open(t, Options{Dir: dir, Names: names})
	leaf := s.Config().Certificates[0].Leaf
	if diff := cmp.Diff([]string{"localhost", "broker.example"}, leaf.DNSNames); diff != "" {
		t.Error(diff)
	}
	for _, n := range names {
		if err := leaf.VerifyHostname(n); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, DevelopmentFile)); err == nil {
		t.Error("it is written before the directory is known to be this process's own")
	}
	s.Keep(dir)
	info, err := os.Stat(filepath.Join(dir, DevelopmentFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v, want mode 0600", info, err)
	}
	if again := open(t, Options{Dir: dir, Names: names}); serial(again) != serial(s) {
		t.Error("the second start has another certificate")
	}
	if memory := open(t, Options{Names: names}); serial(memory) == serial(s) {
		t.Error("a start without a directory found the certificate")
	}
	if more := open(t, Options{Dir: dir, Names: append(names, "other.example")}); serial(more) == serial(s) {
		t.Error("the certificate does not hold for a new name")
	}
	late := func() time.Time { return time.Now().Add(developmentLife - developmentRest) }
	if old := open(t, Options{Dir: dir, Names: names, Now: late}); serial(old) == serial(s) {
		t.Error("a certificate is used that is about to end")
	}
	write(t, filepath.Join(dir, DevelopmentFile), []byte("torn"))
	open(t, Options{Dir: dir, Names: names}).Keep(dir)
	open(t, Options{Dir: dir, Names: names}).Keep(filepath.Join(dir, "missing"))
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left over: %v, %v", files, err)
	}
}

// TestReload replaces files of a running source: a good pair is taken over, a bad one leaves the old in use and is told once.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := pair(t, dir, "first.example", time.Now())
		trust := filepath.Join(dir, "trust.pem")
		first, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		write(t, trust, first)
		log := &logtext.Buffer{}
		s, err := Open(Options{CertFile: cert, KeyFile: key, TrustFile: trust, ClientAuth: tls.RequireAndVerifyClientCert, Every: time.Second,
			Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		after := func(want, line string, lines int) {
			t.Helper()
			log.Take()
			time.Sleep(3500 * time.Millisecond) // three looks, in the bubble's time
			synctest.Wait()
			if said := log.Take(); name(s) != want || strings.Count(said, "\n") != lines || !strings.Contains(said, line) {
				t.Errorf("serves %s, want %s, and wrote %q, want %d lines with %q", name(s), want, said, lines, line)
			}
		}
		after("first.example", "", 0)
		pair(t, dir, "second.example", time.Now())
		after("second.example", "changed files are in use", 1)
		write(t, cert, first) // without its key
		after("second.example", "private key does not match public key", 1)
		write(t, cert, []byte("nonsense"))
		after("second.example", "failed to find any PEM data", 1)
		if err := os.Remove(cert); err != nil {
			t.Fatal(err)
		}
		after("second.example", "no such file", 1)
		pair(t, dir, "expired.example", time.Now().Add(-developmentLife-time.Hour))
		after("second.example", "it holds from", 1)
		pair(t, dir, "third.example", time.Now())
		write(t, trust, nil)
		after("second.example", "no certificate in PEM is in it", 1)
		write(t, trust, first)
		after("third.example", "changed files are in use", 1)
	})
}

func TestTrustBesideDevelopment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		trust, _ := pair(t, dir, "a.example", time.Now())
		s := open(t, Options{TrustFile: trust, ClientAuth: tls.RequireAndVerifyClientCert, Names: []string{"own.example"}, Every: time.Second})
		defer s.Close()
		before := s.Config()
		pair(t, dir, "b.example", time.Now())
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if s.Config() == before || s.Config().ClientCAs.Equal(before.ClientCAs) || name(s) != "own.example" {
			t.Error("a changed trust file is not in use, or took the certificate with it")
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	check := func(o Options, want string) {
		t.Helper()
		if s, err := Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open: %v, %v, want %q", s, err, want)
		}
	}
	cert, key := pair(t, dir, "a.example", time.Now())
	check(Options{CertFile: cert + "x", KeyFile: key}, cert+"x: no such file")
	check(Options{CertFile: cert, KeyFile: key, TrustFile: key}, key+": no certificate in PEM is in it")
	check(Options{CertFile: cert, KeyFile: cert}, cert+" with "+cert+": ")
	early := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	check(Options{CertFile: cert, KeyFile: key, Now: early}, "and now is")
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	check(Options{CertFile: cert, KeyFile: key}, key+": the key is encrypted (ENCRYPTED PRIVATE KEY), keys with a password are not read")
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}))
	check(Options{CertFile: cert, KeyFile: key}, "the key is encrypted (RSA PRIVATE KEY)")
}
