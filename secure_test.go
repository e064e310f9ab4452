package aerobee_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// TestTLS sends and receives inside TLS with our own client, by the certificate that the node has made, which a restart keeps.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	start := func() *aerobee.Server {
		t.Helper()
		s, err := aerobee.Start(aerobee.Config{Data: dir, Listen: []string{"127.0.0.1:0"}, Settings: map[string]string{"tls.server.mode": "enforcing"}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	kept := func() string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "tls-development.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	s := start()
	before := kept()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start()
	defer s.Close() //nolint:errcheck // the first close was the test
	if kept() != before {
		t.Error("a restart made another certificate")
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(before))
	config := &tls.Config{RootCAs: trusted}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := client.New(client.Config{NameServers: []string{s.Addr()}, TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) //nolint:errcheck // what was sent is acknowledged
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("0123456789abcdef", 200<<10/16) // more than a socket takes at once
	for i := range 20 {
		if _, err := p.Send(ctx, &client.Message{Topic: "Orders", Body: fmt.Appendf(nil, "%d %s", i, big)}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan int, 100)
	if _, err := c.NewPushConsumer(ctx, client.PushConfig{Group: "readers", Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				got <- len(d.Body)
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		select {
		case n := <-got:
			if n < len(big) {
				t.Errorf("a body of %d bytes", n)
			}
		case <-ctx.Done():
			t.Fatal("not all messages came")
		}
	}

	web := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer web.CloseIdleConnections()
	get := func(path string) string {
		t.Helper()
		answer, err := web.Get("https://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", path, answer.Status, err)
		}
		return string(b)
	}
	get("/ready")
	link, err := grpc.NewClient("passthrough:///"+s.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: trusted, ServerName: "localhost"})))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if health, err := grpc_health_v1.NewHealthClient(link).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("gRPC: %v, %v", health, err)
	}
	if _, err := tls.Dial("tcp", s.Addr(), &tls.Config{}); err == nil {
		t.Error("a client trusts a certificate that it does not know")
	}
	if _, err := http.Get("http://" + s.Addr() + "/ready"); err == nil {
		t.Error("plain text is served")
	}
	text := get("/metrics")
	for !strings.Contains(text, `aerobee_tls_handshakes_total{result="failed"} 1`) && ctx.Err() == nil { // the server counts when it hears of the failure, after the client
		text = get("/metrics")
	}
	if ctx.Err() != nil || !strings.Contains(text, "aerobee_tls_certificate_end_seconds") {
		t.Errorf("metrics:\n%s", text)
	}
}

// TestTLSSettings: what does not fit together fails the start, with the setting's name.
func TestTLSSettings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(want string, pairs ...string) {
		t.Helper()
		settings := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			settings[pairs[i]] = pairs[i+1]
		}
		s, err := aerobee.Start(aerobee.Config{Memory: true, Settings: settings})
		if err == nil {
			_ = s.Close()
		}
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %q", pairs, got, want)
		}
	}
	check("TLS: "+file+" with "+file+": failed to find any PEM data", "tls.server.certPath", file, "tls.server.keyPath", file)
	check("no such file", "tlsCertPath", file+"x", "tlsKeyPath", file)
	check("has no key: set tls.server.keyPath", "tls.server.certPath", file)
	check("is the key of no certificate", "tls.server.keyPath", file)
	check("needs tls.server.trustCertPath", "tls.server.need.client.auth", "require")
	check(file+": no certificate in PEM is in it", "tls.server.need.client.auth", "optional", "tls.server.trustCertPath", file)
	check("tls.test.mode.enable=false needs a certificate", "tls.test.mode.enable", "false")
	check(`"on" is not one of disabled, permissive, enforcing`, "tls.server.mode", "on")
	check("<nil>", "tls.server.mode", "disabled", "tls.server.certPath", file)
	check("<nil>")
}
