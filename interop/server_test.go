package interop

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// server is a NameServer and a broker that clients reach at two addresses (one and the same for Aerobee alone).
type server struct {
	name            string // "aerobee", "apache", "apache49", or what is mixed
	namesrv, broker string
	grpc            string   // where it serves gRPC; empty where nothing asks
	store           *process // the process that holds the messages
	ready           func() error
}

const readyLimit = 90 * time.Second

// awaitReady waits until the broker accepts a connection and the NameServer sends clients to it. A killed broker's old
// route may still stand, and a NameServer may have another broker, so both must hold.
func (s *server) awaitReady() error {
	return eventually(readyLimit, s.name+" ready", func() error {
		if err := s.ready(); err != nil {
			return err
		}
		conn, err := net.DialTimeout("tcp", s.broker, time.Second)
		if err != nil {
			return err
		}
		conn.Close()
		return routed(s.namesrv, "TBW102", s.broker)
	})
}

// restart kills the broker with kill -9 and brings it back on the same data directory and port.
func (s *server) restart() error {
	if err := s.store.kill(); err != nil {
		return err
	}
	if err := s.store.launch(); err != nil {
		return err
	}
	return s.awaitReady()
}

// committed adds up the group's committed offsets of the topic's queues.
func (s *server) committed(topic, group string, queues int) (int64, error) {
	sum := int64(0)
	for queue := range queues {
		offset, err := queueOffset(s.broker, codeQueryConsumerOffset, map[string]string{
			"topic": topic, "consumerGroup": group, "queueId": strconv.Itoa(queue)})
		if err != nil {
			return 0, err
		}
		sum += offset
	}
	return sum, nil
}

// awaitCommitted waits until the group's committed offsets add up to total.
func (s *server) awaitCommitted(topic, group string, queues, total int) error {
	return eventually(20*time.Second, "progress of "+group, func() error {
		sum, err := s.committed(topic, group, queues)
		if err == nil && sum != int64(total) {
			err = fmt.Errorf("committed offsets add up to %d, want %d", sum, total)
		}
		return err
	})
}

// targets lists the servers that AEROBEE_INTEROP_TARGET chooses for the official clients; they have Apache's newest broker alone.
func targets(t *testing.T) []string {
	t.Helper()
	chosen := slices.DeleteFunc(clientTargets(t), func(target string) bool { return target == "apache49" })
	if len(chosen) == 0 {
		t.Skip("AEROBEE_INTEROP_TARGET=apache49 is for our own client")
	}
	return chosen
}

// clientTargets lists the servers that AEROBEE_INTEROP_TARGET chooses for our own client.
func clientTargets(t *testing.T) []string {
	t.Helper()
	switch target := os.Getenv("AEROBEE_INTEROP_TARGET"); target {
	case "":
		return []string{"aerobee"}
	case "aerobee", "apache", "apache49":
		return []string{target}
	case "both":
		return []string{"apache", "aerobee"}
	case "all":
		return []string{"apache", "apache49", "aerobee"}
	default:
		t.Fatalf("AEROBEE_INTEROP_TARGET=%s: want aerobee, apache, apache49, both or all", target)
		return nil
	}
}

// startServer starts the named target on free ports with an empty store, and with settings "KEY=VALUE" besides the usual ones.
func startServer(t *testing.T, target string, settings ...string) *server {
	t.Helper()
	ports := freePorts(t, 2)
	var s *server
	if version, ok := apacheVersions[target]; ok {
		apacheNamesrv(t, version, ports[0])
		s = apacheBroker(t, version, local(ports[0]), ports[1], settings...)
		s.name = target
	} else {
		s = aerobee(t, ports[0], "", settings...)
		s.namesrv = s.broker
	}
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	return s
}

// aerobee starts an Aerobee with all roles on one port; other is the NameServer to register at, if it is not its own.
func aerobee(t *testing.T, port int, other string, settings ...string) *server {
	t.Helper()
	dir, addr := t.TempDir(), local(port)
	p := &process{name: "aerobee", dir: dir, command: []string{aerobeeBinary(t), "serve", "--data", filepath.Join(dir, "data"), "--listen", addr}}
	if other != "" {
		p.command = append(p.command, "--namesrv", other)
	}
	for _, set := range settings {
		p.command = append(p.command, "--set", set)
	}
	p.start(t)
	ready := func() error {
		resp, err := http.Get("http://" + addr + "/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/ready: %s", resp.Status)
		}
		return nil
	}
	return &server{name: "aerobee", namesrv: other, broker: addr, store: p, ready: ready}
}

// aerobeeBinary builds the server of this work tree, without cgo as it is shipped, unless it is given one.
func aerobeeBinary(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("AEROBEE_INTEROP_BINARY"); given != "" {
		return given
	}
	binary := cacheDir(t, "bin", "aerobee")
	build(t, binary, "..", "./cmd/aerobee")
	return binary
}

// apacheVersions are the targets that are Apache RocketMQ. 4.9.8 has no broker in Maven Central.
var apacheVersions = map[string]string{"apache": javaNew, "apache49": "4.9.7"}

// apacheNamesrv starts Apache's NameServer.
func apacheNamesrv(t *testing.T, version string, port int) {
	t.Helper()
	config := fmt.Sprintf("listenPort=%d\nbindAddress=127.0.0.1\n", port)
	startApache(t, version, "apache-namesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", "128m", config)
}

// apacheBroker starts Apache's broker, registered at the NameServer, with the settings that make a test of it steady on
// a loaded machine; SYNC_FLUSH as Aerobee does it. 4.9 does not know bindAddress and listens everywhere.
func apacheBroker(t *testing.T, version, namesrv string, port int, more ...string) *server {
	t.Helper()
	p := startApache(t, version, "apache-broker", "org.apache.rocketmq.broker.BrokerStartup", "512m", apacheBrokerConfig(namesrv, port, more...))
	return &server{name: "apache", namesrv: namesrv, broker: local(port), store: p, ready: func() error { return nil }}
}

func apacheBrokerConfig(namesrv string, port int, more ...string) string {
	config := []string{
		"brokerClusterName=DefaultCluster", "brokerName=broker-a", "brokerId=0", "brokerIP1=127.0.0.1",
		"bindAddress=127.0.0.1", fmt.Sprintf("listenPort=%d", port), "namesrvAddr=" + namesrv,
		"flushDiskType=SYNC_FLUSH", "syncFlushTimeout=30000", "waitTimeMillsInSendQueue=5000", "osPageCacheBusyTimeOutMills=10000",
		"mappedFileSizeCommitLog=67108864", "mappedFileSizeConsumeQueue=600000", "maxIndexNum=50000", "maxHashSlotNum=10000",
		"flushConsumerOffsetInterval=500", "diskMaxUsedSpaceRatio=99", "traceTopicEnable=true", "enablePropertyFilter=true", "recallMessageEnable=true",
	}
	return strings.Join(append(config, more...), "\n")
}

func startApache(t *testing.T, version, name, class, heap, config string) *process {
	t.Helper()
	need(t, "java", "mvn")
	jars, dir := javaJars(t, "server", version), t.TempDir()
	command := append(apacheJava(dir, heap), "-cp", jars, class, "-c", writeApacheConfig(t, dir, name, config))
	p := &process{name: name, dir: dir, abrupt: true, command: command}
	p.start(t)
	return p
}

// writeApacheConfig writes a server's configuration, with its files under dir, and returns the path.
func writeApacheConfig(t *testing.T, dir, name, config string) string {
	t.Helper()
	writeLogback(t, dir)
	file := filepath.Join(dir, name+".conf")
	config += fmt.Sprintf("\nstorePathRootDir=%s\nkvConfigPath=%s\n", filepath.Join(dir, "store"), filepath.Join(dir, "kvConfig.json"))
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// apacheJava is how one of Apache's servers is run, up to its class path.
func apacheJava(dir, heap string) []string {
	command := []string{"java", "-XX:TieredStopAtLevel=1", "-Xms" + heap, "-Xmx" + heap, "-XX:MaxDirectMemorySize=512m",
		"-Drocketmq.home.dir=" + dir, "-Duser.home=" + dir}
	for _, name := range []string{"sun.nio.ch", "java.nio", "java.lang", "java.util", "java.util.concurrent", "jdk.internal.ref", "jdk.internal.misc"} {
		command = append(command, "--add-opens=java.base/"+name+"=ALL-UNNAMED", "--add-exports=java.base/"+name+"=ALL-UNNAMED")
	}
	return command
}

// writeLogback writes the files that 4.9 does not start without.
func writeLogback(t *testing.T, home string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(home, "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"logback_namesrv.xml", "logback_broker.xml"} {
		if err := os.WriteFile(filepath.Join(home, "conf", name), []byte("<configuration/>\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
