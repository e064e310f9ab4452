package interop

import (
	"fmt"
	"net/http"
	"testing"
)

// proxied is a server behind an Aerobee that is a proxy: clients take the proxy for its NameServer, and gRPC is the proxy's.
func proxied(t *testing.T, s *server, settings ...string) *server {
	t.Helper()
	port := freePorts(t, 1)[0]
	addr := local(port)
	p := &process{name: "aerobee-proxy", dir: t.TempDir(), command: []string{aerobeeBinary(t), "proxy", "--namesrv", s.namesrv, "--listen", addr}}
	for _, set := range settings {
		p.command = append(p.command, "--set", set)
	}
	p.start(t)
	front := *s
	front.grpc = addr
	err := eventually(readyLimit, "proxy ready", func() error {
		resp, err := http.Get("http://" + addr + "/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/ready: %s", resp.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &front
}

// TestProxyGrpcJava has the official Java client speak gRPC to our proxy in front of every chosen server.
func TestProxyGrpcJava(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaGrpcProgram(t)
			runSuite(t, p, proxied(t, startServer(t, target, askingSoon(target)...)), "INTEROP_PROXY=aerobee")
		})
	}
}

// TestProxyRemotingJava has the official remoting client take our proxy for its NameServer and its brokers, in front of every chosen server.
// Administration is not relayed, as Apache's proxy does not relay it: the program's own goes to the NameServer.
func TestProxyRemotingJava(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, javaNew)
			s := proxied(t, startServer(t, target))
			runSuite(t, p, s, "INTEROP_CLIENT_NAMESRV="+s.grpc, "INTEROP_ONLY="+relayedScenarios)
		})
	}
}

// relayedScenarios are those that need nothing but sending and consuming.
const relayedScenarios = "^(sync|async|oneway|batch|properties|body.*|compressed.*|clustering|broadcast|tag-filter|two-groups|resume|ordered.*|.*retry.*|long-poll|unregister)$"
