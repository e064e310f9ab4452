//go:build numbers

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// What the rows of gRPC are about.
const (
	grpcBacklog = 200_000
	grpcStreams = 10_000

	codeCommitOffset = 15
)

// grpcRows send and receive with the official clients that speak gRPC: before Apache's broker there is a proxy, Aerobee serves them itself.
func grpcRows() []row {
	both := []contender{apacheProxied(), aerobeeSync()}
	cpu := figure{Key: "serverCPU", Title: "CPU of all server processes, s per million", Digits: 1, Times: 5}
	p99 := figure{Key: "p99", Title: "p99, ms", Digits: 2, Times: 3}
	rss := figure{Key: "rss", Title: "RSS of all server processes behind it, MB", Times: 15}
	rate := figure{Key: "rate", Title: "messages/s", More: true, Beat: true}
	rows := make([]row, 0, 6)
	for i, by := range []string{"java", "go"} {
		title := map[string]string{"java": "Java", "go": "Go"}[by]
		rows = append(rows,
			row{name: "grpc-" + by + "-send", title: "64 synchronous senders over gRPC (" + title + ")", order: 50 + i, kind: sends, contenders: both, anchor: "apache-proxy",
				text:    "64 threads share one producer of the official client that speaks gRPC; each sends a message of 1 KiB and waits for its answer. " + grpcText,
				figures: sendFigures(cpu, p99, rate, millisFigure("p50", "p50, ms", 0, 0), rss),
				warm:    func(a *arena, on *standing, span time.Duration) { a.grpcSend(by, on, 0, span) },
				round: func(a *arena, on *standing) map[string]float64 {
					return a.grpcSend(by, on, min(2*time.Second, a.span), a.span)
				}},
			row{name: "grpc-" + by + "-receive", title: "receive over gRPC (" + title + ")", order: 52 + i, kind: consumes, contenders: both, anchor: "apache-proxy",
				text: fmt.Sprintf("A push consumer of the official client that speaks gRPC, with its default settings, works off %d messages of 1 KiB. Then one process sends %d messages a second without waiting, "+
					"and receives them with a push consumer; latency counts from the time at which each was meant to leave to its listener. ", grpcBacklog, endToEndRate) + grpcText,
				figures: sendFigures(cpu, p99, millisFigure("p50", "p50, ms", 0, 0), figure{Key: "rate", Title: "messages/s worked off", More: true, Beat: true},
					figure{Key: "livelyCPU", Title: "CPU of all server processes at that rate, sends too, s per million", Digits: 1, Times: 5}, rss, figure{Key: "lost", Title: "messages lost", Must: map[string]float64{"aerobee": 0}}),
				warm:  func(a *arena, on *standing, span time.Duration) { a.repeat(span, func() { a.grpcDrain(by, on) }) },
				round: func(a *arena, on *standing) map[string]float64 { return a.grpcReceive(by, on) }})
	}
	return append(rows,
		row{name: "grpc-memory", title: "memory of all that serves gRPC", order: 54, own: true, contenders: both, anchor: "apache-proxy", round: (*arena).grpcMemory,
			text:    fmt.Sprintf("The servers are started, and have nothing to do for 10 s; then %d messages a second are sent and received with the official Java client that speaks gRPC. ", endToEndRate) + grpcText,
			figures: []figure{{Key: "rss", Title: "highest RSS of all server processes under the load, MB", Times: 15}, {Key: "idle", Title: "RSS of all server processes with nothing to do, MB", Times: 15}}},
		row{name: "grpc-streams", title: "10,000 telemetry streams", order: 55, own: true, contenders: both, anchor: "apache-proxy", round: (*arena).grpcStreams,
			text: fmt.Sprintf("%d producers agree on settings over a telemetry stream each, with a connection of its own, and do no more for 10 s. ", grpcStreams) + grpcText,
			figures: []figure{{Key: "rss", Title: "highest RSS of all server processes, MB", Must: aerobeeBound(300), Beat: true}, {Key: "rest", Title: "the same at the end, MB"},
				{Key: "kib", Title: "highest RSS beyond that before, KiB a stream", Digits: 1}, {Key: "seconds", Title: "until all had their settings, s", Digits: 1}}})
}

const grpcText = "Without TLS. Apache's broker (ASYNC_FLUSH) has its proxy in cluster mode before it; Aerobee is one process, with SYNC_FLUSH."

// apacheProxied is Apache's NameServer and broker with a proxy before them, which starts when they are ready. Its heap is half as large as its own start
// script makes it.
func apacheProxied() contender {
	c := apacheContender("apache-proxy", "Apache ASYNC_FLUSH, proxy", "ASYNC_FLUSH")
	version, commands, ready := c.version, c.commands, c.ready
	c.ports = 3
	c.version = func(t *testing.T) string {
		javaJars(t, "proxy", javaNew)
		return version(t)
	}
	c.grpc = func(ports []int) string { return local(ports[2]) }
	c.commands = func(t *testing.T, dir string, ports []int) []*process {
		all := commands(t, dir, ports)
		last := len(all) - 1
		return append(all[:last:last], proxyProcess(t, dir, local(ports[0]), ports[2]), all[last])
	}
	c.late, c.early = "proxy", ready
	c.ready = func(on *standing) error {
		conn, err := net.DialTimeout("tcp", on.grpcAddress(), time.Second)
		if err != nil {
			return err
		}
		return errors.Join(conn.Close(), ready(on))
	}
	return c
}

// proxyProcess is Apache's proxy in cluster mode.
func proxyProcess(t *testing.T, dir, namesrv string, port int) *process {
	t.Helper()
	home := filepath.Join(dir, "proxy")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(map[string]any{"rocketMQClusterName": "DefaultCluster", "namesrvAddr": namesrv, "localServeAddr": "127.0.0.1",
		"grpcServerPort": port, "remotingListenPort": port + 1})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(home, "proxy.json")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		t.Fatal(err)
	}
	command := append(apacheOptions(home, "-Xms2g", "-Xmx2g", "-XX:MaxDirectMemorySize=1g"), "-cp", filepath.Join(cacheDir(t, "java-proxy-"+javaNew), "*"),
		"org.apache.rocketmq.proxy.ProxyStartup", "-pc", file, "-pm", "cluster")
	return &process{name: "proxy", dir: home, command: command, abrupt: true}
}

// grpcAddress is where clients that speak gRPC find it.
func (s *standing) grpcAddress() string {
	if s.grpc != nil {
		return s.grpc(s.ports)
	}
	return s.broker
}

// startGoGenerator builds the load generator with the official Go client that speaks gRPC and starts it; whole outlives t.
func startGoGenerator(t, whole *testing.T) *javaGenerator {
	t.Helper()
	binary := cacheDir(t, "bin", "compare-go")
	build := exec.Command("go", "build", "-o", binary, "./compare")
	build.Dir = "go"
	run(t, build)
	home := whole.TempDir()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "rocketmq.client.logRoot="+home, "rocketmq.client.logLevel=warn")
	return startGenerator(t, home, cmd)
}

// grpcLoad has a load generator with a client that speaks gRPC run a command: "senders topic=t".
func (a *arena) grpcLoad(by string, on *standing, command string, args ...any) map[string]float64 {
	a.t.Helper()
	command = fmt.Sprintf(command, args...) + " endpoint=" + on.grpcAddress()
	var numbers map[string]float64
	if by == "go" {
		numbers = a.generate(&a.sdk, startGoGenerator, on, command)
	} else {
		numbers = a.generate(&a.java, startJavaGenerator, on, "grpc"+command)
	}
	rss, err := on.rss()
	a.do(err)
	numbers["rss"] = rss
	return numbers
}

func (a *arena) grpcSend(by string, on *standing, warm, span time.Duration) map[string]float64 {
	a.t.Helper()
	return a.grpcLoad(by, on, "senders threads=64 size=1024 topic=%s warm=%g seconds=%g", a.topic(on, "grpc"), warm.Seconds(), span.Seconds())
}

// grpcDrain fills a topic and has a push consumer work it off.
func (a *arena) grpcDrain(by string, on *standing) map[string]float64 {
	a.t.Helper()
	topic, group, count := a.topic(on, "grpc"), a.group(on), int(grpcBacklog*a.scale)
	for queue := range 8 { // a group that pops first begins at the end, if what is at the beginning is not recent
		_, err := invoke(on.broker, codeCommitOffset, map[string]string{"consumerGroup": group, "topic": topic, "queueId": strconv.Itoa(queue), "commitOffset": "0"}, nil)
		a.do(err)
	}
	a.fill(on, topic, count)
	return a.grpcLoad(by, on, "drain topic=%s group=%s count=%d", topic, group, count)
}

func (a *arena) grpcLively(by string, on *standing, warm time.Duration) map[string]float64 {
	a.t.Helper()
	return a.grpcLoad(by, on, "endtoend topic=%s group=%s rate=%d size=1024 warm=%g seconds=%g", a.topic(on, "grpc"), a.group(on), endToEndRate,
		warm.Seconds(), a.span.Seconds())
}

func (a *arena) grpcReceive(by string, on *standing) map[string]float64 {
	a.t.Helper()
	drained, numbers := a.grpcDrain(by, on), a.grpcLively(by, on, min(2*time.Second, a.span))
	numbers["livelyCPU"] = numbers["serverCPU"]
	for _, key := range []string{"serverCPU", "rate", "clientCPU"} {
		numbers[key] = drained[key]
	}
	numbers["rss"] = max(numbers["rss"], drained["rss"])
	return numbers
}

func (a *arena) grpcMemory(on *standing) map[string]float64 {
	a.t.Helper()
	a.do(on.launch())
	a.do(on.awaitReady())
	time.Sleep(min(idleFor, a.span)) // nothing happens, that is the point
	idle, err := on.rss()
	a.do(err)
	most := sync.OnceValue(on.watch())
	defer most()
	warm := min(warmNative, a.warm)
	if on.jit {
		warm = a.warm
	}
	a.grpcLively("java", on, warm)
	return map[string]float64{"idle": idle, "rss": most()}
}
