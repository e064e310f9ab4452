package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where a [Source] has its certificate from. With CertFile and KeyFile empty it makes one for development.
type Options struct {
	CertFile, KeyFile string             // PEM: the certificate with what it was issued by behind it; its key, without a password
	TrustFile         string             // PEM: who may issue clients' certificates; "" unless ClientAuth asks for any
	ClientAuth        tls.ClientAuthType // whether clients are to show a certificate
	Protocols         []string           // for ALPN, the preferred first
	Dir               string             // where the certificate made for development was kept; "" for nowhere
	Names             []string           // host names and addresses that it is to hold for
	Every             time.Duration      // between two looks at the files; default 10 s
	Now               func() time.Time   // default time.Now
	Logger            *slog.Logger       // default slog.Default()
}

// Source is a certificate that may change while the process runs.
type Source struct {
	opts    Options
	config  atomic.Pointer[tls.Config]
	own     []byte // what Keep writes; nil if there is nothing to write
	seen    [sha256.Size]byte
	failing bool // the last look at the files failed; used by watch alone, as seen is after Open
	stop    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

// DevelopmentFile is the name in Options.Dir of the certificate that was made for development, with its key.
const DevelopmentFile = "tls-development.pem"

// Open reads the files, and from then on looks whether they change; or it reads or makes the certificate for development, which
// [Source.Keep] then writes. Its errors name the file and the rule.
func Open(o Options) (*Source, error) {
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Source{opts: o, stop: make(chan struct{})}
	config, sum, err := s.load()
	if err != nil {
		return nil, err
	}
	s.seen = sum
	s.config.Store(config)
	if len(s.files()) > 0 {
		s.done.Go(s.watch)
	}
	return s, nil
}

// Config is what a new connection shows and demands. It must not be changed. The next one may be another.
func (s *Source) Config() *tls.Config { return s.config.Load() }

// Close ends the looks at the files and waits for that.
func (s *Source) Close() {
	s.once.Do(func() { close(s.stop) })
	s.done.Wait()
}

// files are the files that are looked at.
func (s *Source) files() []string {
	var all []string
	for _, f := range []string{s.opts.CertFile, s.opts.KeyFile, s.opts.TrustFile} {
		if f != "" {
			all = append(all, f)
		}
	}
	return all
}

// load makes a configuration of what the files hold now. sum tells their contents, also when they are bad. Each configuration has keys
// of its own for resumed sessions, so that nobody resumes one that began under other rules.
func (s *Source) load() (_ *tls.Config, sum [sha256.Size]byte, err error) {
	held, hash := map[string][]byte{}, sha256.New()
	for _, f := range s.files() {
		b, readErr := os.ReadFile(f) // #nosec G304 -- the operator names the file
		err = errors.Join(err, readErr)
		held[f] = b
		fmt.Fprintf(hash, "%s %d\n", f, len(b))
		hash.Write(b)
	}
	hash.Sum(sum[:0])
	if err != nil {
		return nil, sum, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: s.opts.Protocols, ClientAuth: s.opts.ClientAuth, Time: s.opts.Now}
	var cert tls.Certificate
	if s.opts.CertFile != "" {
		cert, err = s.pair(held[s.opts.CertFile], held[s.opts.KeyFile])
	} else if s.config.Load() == nil {
		cert, s.own, err = s.development()
	} else {
		cert = s.config.Load().Certificates[0] // only the trust file has changed
	}
	if err != nil {
		return nil, sum, err
	}
	config.Certificates = []tls.Certificate{cert}
	if s.opts.TrustFile != "" {
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(held[s.opts.TrustFile]) {
			return nil, sum, fmt.Errorf("%s: no certificate in PEM is in it", s.opts.TrustFile)
		}
	}
	return config, sum, nil
}

// pair is the certificate of the files.
func (s *Source) pair(certs, key []byte) (tls.Certificate, error) {
	if kind := encrypted(key); kind != "" {
		return tls.Certificate{}, fmt.Errorf("%s: the key is encrypted (%s), keys with a password are not read: write it without, as `openssl pkey` does, and keep the file to yourself", s.opts.KeyFile, kind)
	}
	cert, err := tls.X509KeyPair(certs, key)
	if err != nil {
		return cert, fmt.Errorf("%s with %s: %s", s.opts.CertFile, s.opts.KeyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	if now := s.opts.Now(); now.After(cert.Leaf.NotAfter) || now.Before(cert.Leaf.NotBefore) {
		return cert, fmt.Errorf("%s: it holds from %s to %s, and now is %s", s.opts.CertFile,
			cert.Leaf.NotBefore.Format(time.RFC3339), cert.Leaf.NotAfter.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return cert, nil
}

// encrypted returns the type of the PEM block that says that the key needs a password, "" for none.
func encrypted(key []byte) string {
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return block.Type
		}
	}
	return ""
}

// watch looks at the files until Close.
func (s *Source) watch() {
	tick := time.NewTicker(s.opts.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.look()
		case <-s.stop:
			return
		}
	}
}

// look takes over what the files hold, if that has changed. A bad one leaves the certificate as it is, which is said once for each
// content: files that are replaced one after the other do not fit in between.
func (s *Source) look() {
	config, sum, err := s.load()
	switch {
	case sum == s.seen && s.failing == (err != nil):
		return
	case err != nil:
		s.opts.Logger.Error("TLS: the changed files are bad, the former certificate stays in use", "error", err)
	default:
		leaf := config.Certificates[0].Leaf
		s.opts.Logger.Info("TLS: changed files are in use for new connections", "files", strings.Join(s.files(), " "),
			"subject", leaf.Subject.String(), "until", leaf.NotAfter.Format(time.RFC3339))
		s.config.Store(config)
	}
	s.seen, s.failing = sum, err != nil
}

// Keep writes a certificate for development that was made by Open into a directory, for the next start: call it when the directory
// is there and this process's own. It is Options.Dir of that start. A directory that does not take it is no reason not to serve: then the log says so.
func (s *Source) Keep(dir string) {
	if s.own == nil {
		return
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return // a disk that is not the machine's
	}
	file := filepath.Join(dir, DevelopmentFile)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, s.own) { // #nosec G304 -- below the node's own directory
		return
	}
	if err := replace(file, s.own); err != nil {
		s.opts.Logger.Warn("TLS: the certificate for development is not kept, the next start makes another", "error", err)
		return
	}
	s.opts.Logger.Info("TLS: a certificate for development was made", "file", file, "for", strings.Join(s.opts.Names, " "))
}

// replace writes a file that nobody else may read, whole or not at all.
func replace(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
