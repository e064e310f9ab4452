//go:build numbers

package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/bench"
)

const kafkaVersion = "4.4.0"

// othersSpans: a JVM that sends is a new process each round, so it warms up in each.
const (
	othersWarm    = 15 * time.Second
	othersBacklog = 1_000_000
	othersStarts  = 3
)

// otherRow is a load that several brokers bear, each through its own client.
type otherRow struct {
	name, title, text    string
	order                int
	aerobee              func(a *arena, on *standing, span time.Duration) map[string]float64
	nats, kafka          []string // arguments of the load generators in compare/nats and compare/kafka
	synced, backlog, own bool     // those that sync take part; a backlog bounds it, not a time; a start
	figures              []figure
}

// othersRows put NATS JetStream and Apache Kafka beside Aerobee where the work is much the same; what is not, say their READMEs.
func othersRows() []row {
	send := func(args ...string) func(*arena, *standing, time.Duration) map[string]float64 {
		return func(a *arena, on *standing, span time.Duration) map[string]float64 {
			return a.benchSend(on, span, args...)
		}
	}
	rate, cpu := figure{Key: "rate", Title: "messages/s", More: true}, figure{Key: "serverCPU", Title: "server CPU, s per million", Digits: 2}
	millis := func(key, title string) figure { return figure{Key: key, Title: title + ", ms", Digits: 2} }
	sends := []figure{rate, cpu, millis("p50", "p50"), millis("p999", "p99.9"), {Key: "rss", Title: "RSS behind it, MB"}}
	const gathers = " Kafka's client gathers records of many senders into one request by itself, so its broker does less for each."
	all := []otherRow{
		{name: "others-sync64", title: "64 synchronous senders: Aerobee, NATS JetStream, Kafka", order: 110, synced: true, figures: sends,
			text:    "64 senders share one connection; each sends 1 KiB and waits for its answer." + gathers,
			aerobee: send("--threads", "64"), nats: []string{"send", "--threads", "64"}, kafka: []string{"send", "--threads", "64"}},
		{name: "others-window64", title: "64 in flight: Aerobee, NATS JetStream, Kafka", order: 111, synced: true, figures: sends,
			text:    "One connection keeps 64 messages of 1 KiB in flight. Kafka with linger.ms=0." + gathers,
			aerobee: send("--window", "64"), nats: []string{"send", "--window", "64"}, kafka: []string{"send", "--window", "64", "--linger.ms", "0"}},
		{name: "others-window1000", title: "1,000 in flight: Aerobee, NATS JetStream, Kafka", order: 112, synced: true, figures: sends,
			text:    "One connection keeps 1,000 messages of 1 KiB in flight. Kafka with its client's default batching, which is made for this." + gathers,
			aerobee: send("--window", "1000"), nats: []string{"send", "--window", "1000"}, kafka: []string{"send", "--window", "1000"}},
		{name: "others-drain", title: "drain a backlog of 1 million: Aerobee, NATS JetStream, Kafka", order: 113, backlog: true, figures: []figure{rate, cpu},
			text: "One consumer works off 1 million messages of 1 KiB: Aerobee's push consumer in a group, JetStream's ordered consumer, Kafka's assigned one (its second half is measured). " +
				"Only Aerobee's keeps its progress on the server meanwhile.",
			aerobee: func(a *arena, on *standing, _ time.Duration) map[string]float64 {
				_, numbers := a.benchLoad(on, "consume", "--count", strconv.Itoa(int(othersBacklog*a.scale)))
				return numbers
			},
			nats: []string{"consume"}, kafka: []string{"consume"}},
		{name: "others-e2e", title: "end to end at 1,000/s: Aerobee, NATS JetStream, Kafka", order: 114, synced: true,
			text:    "1,000 messages of 1 KiB a second; latency counts from the time at which each was meant to leave to its receipt. Kafka with linger.ms=0.",
			figures: []figure{millis("p50", "p50"), millis("p99", "p99"), millis("p999", "p99.9"), cpu},
			aerobee: (*arena).benchEndToEnd, nats: []string{"e2e"}, kafka: []string{"e2e"}},
		{name: "others-start", title: "start and idle memory: Aerobee, NATS JetStream, Kafka", order: 115, own: true,
			text: "From exec to the first acknowledged message of a client that is already running; memory 10 s later. NATS and Kafka find the stream, the topic made before; " +
				"Aerobee starts with nothing.",
			figures: []figure{{Key: "first", Title: "exec to first acknowledged message, ms", Digits: 1}, {Key: "rss", Title: "idle RSS, MB"}},
			aerobee: func(a *arena, on *standing, _ time.Duration) map[string]float64 { return a.start(on) },
			nats:    []string{"first"}, kafka: []string{"first"}},
	}
	var rows []row
	for _, o := range all {
		rows = append(rows, o.row())
	}
	return rows
}

func (o otherRow) row() row {
	contenders := []contender{aerobeeSync(), natsContender("nats", "NATS, default (syncs every 2 min)", ""), kafkaContender("kafka", "Kafka, default (does not sync)", "")}
	if o.synced {
		contenders = []contender{aerobeeSync(), natsContender("nats-sync", "NATS, `sync_interval: always`", "sync_interval: always"), kafkaContender("kafka-sync", "Kafka, `flush.messages=1`", "log.flush.interval.messages=1"),
			aerobeeAsync(), contenders[1], contenders[2]}
	}
	r := row{name: o.name, title: o.title, text: o.text, order: o.order, contenders: contenders, figures: o.figures, own: o.own,
		round: func(a *arena, on *standing) map[string]float64 { return o.load(a, on, min(othersWarm, a.warm), a.span) }}
	if !o.own {
		r.warm = func(a *arena, on *standing, span time.Duration) { o.load(a, on, min(span, time.Second), span) }
	}
	return r
}

// load puts the load on one of the servers, through its client.
func (o otherRow) load(a *arena, on *standing, warm, span time.Duration) map[string]float64 {
	a.t.Helper()
	var numbers map[string]float64
	switch on.product {
	case "NATS":
		url := []string{"--url", "nats://" + on.broker}
		if o.own {
			return o.start(a, on, append([]string{natsLoad(a.t), "first", "--count", strconv.Itoa(othersStarts)}, url...))
		}
		args := append(url, "--warm-up", min(warm, 2*time.Second).String(), "--duration", span.String(), "--count", strconv.Itoa(int(othersBacklog*a.scale)))
		numbers = a.otherLoad(on, natsLoad(a.t), slices.Concat(o.nats, args)...)
	case "Apache Kafka":
		command := append(kafkaLoad(a.t), o.kafka...)
		command = append(command, "--url", on.broker)
		if o.own {
			return o.start(a, on, append(command, "--count", strconv.Itoa(othersStarts)))
		}
		seconds := func(d time.Duration) string { return strconv.Itoa(max(1, int(d.Seconds()))) }
		command = append(command, "--warm-up", seconds(warm), "--duration", seconds(span), "--count", strconv.Itoa(int(othersBacklog*a.scale)))
		numbers = a.otherLoad(on, command[0], command[1:]...)
	default:
		if numbers = o.aerobee(a, on, span); o.own {
			return numbers
		}
	}
	rss, err := on.rss()
	a.do(err)
	numbers["rss"] = rss
	return numbers
}

// otherLoad runs a load generator that prints what `aerobee bench --json` prints.
func (a *arena) otherLoad(on *standing, program string, args ...string) map[string]float64 {
	a.t.Helper()
	r := a.printed(program, append(args, "--server-pid", strconv.Itoa(on.main().cmd.Process.Pid))...)
	numbers := map[string]float64{"rate": r.Rate, "messages": float64(r.Messages)}
	if c := r.CPU.ServerPerMillion; c != nil {
		numbers["serverCPU"] = *c
	}
	if c := r.CPU.ClientPerMillion; c != nil {
		numbers["clientCPU"] = *c
	}
	if l := r.Latency; l != nil {
		numbers["p50"], numbers["p99"], numbers["p999"] = l.P50/1e3, l.P99/1e3, l.P999/1e3
	}
	if r.Failed > 0 {
		a.t.Errorf("%s: %d messages failed", on.name, r.Failed)
	}
	return numbers
}

// printed runs a program and reads the result on its last line.
func (a *arena) printed(program string, args ...string) (r bench.Result) {
	a.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = a.t.TempDir()
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("%q: %v\n%s\n%s", cmd.Args, err, errs.String(), out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	a.do(json.Unmarshal([]byte(lines[len(lines)-1]), &r))
	return r
}

// start has the load generator start the server, and then looks at its memory when it is idle.
func (o otherRow) start(a *arena, on *standing, command []string) map[string]float64 {
	a.t.Helper()
	a.do(on.prepare())
	command = append(append(command, "--"), on.main().command...)
	first := a.printed(command[0], command[1:]...)
	a.do(on.launch())
	a.do(on.awaitReady())
	time.Sleep(min(idleFor, a.span)) // nothing happens, that is the point
	rss, err := on.rss()
	a.do(err)
	return map[string]float64{"first": first.Latency.P50 / 1e3, "rss": rss}
}

// natsContender is a nats-server with JetStream; setting is one more of JetStream's.
func natsContender(name, title, setting string) contender {
	return contender{
		name: name, title: title, product: "NATS", ports: 1,
		version: func(t *testing.T) string {
			build(t, natsServer(t), filepath.Join("compare", "nats"), "github.com/nats-io/nats-server/v2")
			build(t, natsLoad(t), filepath.Join("compare", "nats"), ".")
			out, err := exec.Command(natsServer(t), "--version").Output()
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(strings.TrimPrefix(string(out), "nats-server: "))
		},
		address: func(ports []int) (namesrv, broker string) { return local(ports[0]), local(ports[0]) },
		commands: func(t *testing.T, dir string, ports []int) []*process {
			file := filepath.Join(dir, "nats.conf")
			config := fmt.Sprintf("listen: %s\njetstream {\n store_dir: %q\n %s\n}\n", local(ports[0]), filepath.Join(dir, "store"), setting)
			if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
				t.Fatal(err)
			}
			return []*process{{name: name, dir: dir, command: []string{natsServer(t), "-c", file}, abrupt: true}}
		},
		ready: func(on *standing) error {
			conn, err := net.DialTimeout("tcp", on.broker, time.Second)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err == nil && !strings.Contains(line, `"jetstream":true`) {
				err = fmt.Errorf("JetStream is not there: %s", line)
			}
			return err
		},
	}
}

func natsServer(t *testing.T) string { return cacheDir(t, "bin", "nats-server") }
func natsLoad(t *testing.T) string   { return cacheDir(t, "bin", "compare-nats") }

// kafkaContender is one node of Kafka in KRaft mode; setting is one more of the broker's.
func kafkaContender(name, title, setting string) contender {
	return contender{
		name: name, title: title, jit: true, product: "Apache Kafka", ports: 2,
		version: func(t *testing.T) string {
			need(t, "java", "javac", "mvn")
			source, dir := filepath.Join("compare", "kafka", "compare", "Load.java"), cacheDir(t, "java-kafka-"+kafkaVersion)
			fetched(t, dir, "kafka "+kafkaVersion, exec.Command("mvn", "-q", "-B", "-f", filepath.Join("compare", "kafka", "pom.xml"), "dependency:copy-dependencies",
				"-DoutputDirectory="+dir, "-Dkafka.version="+kafkaVersion))
			classes := cacheDir(t, "classes-kafka")
			fetched(t, classes, "kafka "+kafkaVersion+" "+digest(t, []string{source}), exec.Command("javac", "-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", filepath.Join(dir, "*"), source))
			return kafkaVersion
		},
		address: func(ports []int) (namesrv, broker string) { return local(ports[0]), local(ports[0]) },
		commands: func(t *testing.T, dir string, ports []int) []*process {
			file := filepath.Join(dir, "server.properties")
			config := []string{"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + local(ports[1]),
				"listeners=PLAINTEXT://" + local(ports[0]) + ",CONTROLLER://" + local(ports[1]), "advertised.listeners=PLAINTEXT://" + local(ports[0]),
				"controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT", "log.dirs=" + filepath.Join(dir, "logs"),
				"offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", setting}
			if err := os.WriteFile(file, []byte(strings.Join(config, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			jars := filepath.Join(cacheDir(t, "java-kafka-"+kafkaVersion), "*")
			run(t, exec.Command("java", "-cp", jars, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", file))
			// The sizes and options of Kafka's own start script.
			return []*process{{name: name, dir: dir, abrupt: true, command: []string{"java", "-Xmx1g", "-Xms1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
				"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", "-cp", jars, "kafka.Kafka", file}}}
		},
		ready: func(on *standing) error {
			conn, err := net.DialTimeout("tcp", on.broker, time.Second)
			if err == nil {
				err = conn.Close()
			}
			return err
		},
	}
}

// kafkaLoad is the command of the load generator.
func kafkaLoad(t *testing.T) []string {
	classpath := cacheDir(t, "classes-kafka") + string(os.PathListSeparator) + filepath.Join(cacheDir(t, "java-kafka-"+kafkaVersion), "*")
	return []string{"java", "-Xmx1g", "-cp", classpath, "compare.Load"}
}
