package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// startGrpcServer is startServer with gRPC served too: Aerobee has it on its one port, Apache in a proxy: one in cluster mode, beside the
// broker, or with AEROBEE_INTEROP_PROXY=local one that has the broker inside.
func startGrpcServer(t *testing.T, target string, settings ...string) *server {
	t.Helper()
	switch mode := os.Getenv("AEROBEE_INTEROP_PROXY"); {
	case target != "apache":
		s := startServer(t, target, settings...)
		s.grpc = s.broker
		return s
	case mode == "local":
		ports := freePorts(t, 3)
		apacheNamesrv(t, javaNew, ports[0])
		s := &server{name: target, namesrv: local(ports[0]), broker: local(ports[1]), grpc: local(ports[2]), ready: func() error { return nil }}
		s.store = apacheProxy(t, s.namesrv, ports[2], apacheBrokerConfig(s.namesrv, ports[1], settings...))
		if err := s.awaitReady(); err != nil {
			t.Fatal(err)
		}
		return s
	case mode != "" && mode != "cluster":
		t.Fatalf("AEROBEE_INTEROP_PROXY=%s: want cluster or local", mode)
	}
	s := startServer(t, target, settings...)
	port := freePorts(t, 1)[0]
	apacheProxy(t, s.namesrv, port, "")
	s.grpc = local(port)
	return s
}

// apacheProxy starts Apache's proxy: gRPC at the port, remoting at the next; in local mode, if it is given a broker's configuration, else in cluster
// mode. It tells brokers every second, not every 20, of the producers to ask about transactions: before that a broker asks nobody, and counts that as
// having asked.
func apacheProxy(t *testing.T, namesrv string, port int, broker string) *process {
	t.Helper()
	need(t, "java", "mvn")
	config, err := json.Marshal(map[string]any{
		"rocketMQClusterName": "DefaultCluster", "namesrvAddr": namesrv, "localServeAddr": "127.0.0.1",
		"grpcServerPort": port, "remotingListenPort": port + 1, "transactionHeartbeatPeriodSecond": 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	jars, dir := javaJars(t, "proxy", javaNew), t.TempDir()
	file := filepath.Join(dir, "proxy.json")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	command := append(apacheJava(dir, "512m"), "-cp", jars, "org.apache.rocketmq.proxy.ProxyStartup", "-pc", file)
	if broker == "" {
		command = append(command, "-pm", "cluster")
	} else {
		command = append(command, "-pm", "local", "-bc", writeApacheConfig(t, dir, "broker", broker))
	}
	p := &process{name: "apache-proxy", dir: dir, abrupt: true, command: command}
	p.start(t)
	err = eventually(readyLimit, "apache-proxy ready", func() error {
		conn, err := net.DialTimeout("tcp", local(port), time.Second)
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		return conn.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
