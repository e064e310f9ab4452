package interop

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

const (
	// boundedMiB is the --memory-limit of the server that is abused, in MiB; AEROBEE_INTEROP_BOUNDED_MIB overrides it.
	boundedMiB = 112
	// A message may take so many times as long as in quiet while others abuse the server, and at least so long: the abusers
	// have the same cores. Where the p99 in quiet, before or after, is above quietP99, others use them too, and nothing can be told from a few
	// messages that were late; nor can it while the abusers begin, which open thousands of connections as fast as both sides can.
	patience    = 3
	leastMedian = 20 * time.Millisecond
	quietP99    = 10 * time.Millisecond
	leastP99    = 250 * time.Millisecond
	noisyMedian = 100 * time.Millisecond
	noisyP99    = time.Second
	bigTopic    = "bounded-big"
	goodTopic   = "bounded-good"
)

// TestBounded has clients in a process of their own abuse a server in every way that costs it memory. Its peak of resident memory (VmHWM)
// must stay under --memory-limit, and a well-behaved producer and consumer must hardly notice.
func TestBounded(t *testing.T) {
	for _, a := range abuses() {
		t.Run(a.name, func(t *testing.T) { bounded(t, a) })
	}
}

func bounded(t *testing.T, a abuse) {
	limit := number(t, "AEROBEE_INTEROP_BOUNDED_MIB", boundedMiB)
	s := aerobeeWith(t, freePorts(t, 1)[0], "--memory-limit", strconv.FormatUint(limit<<20, 10))
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	idle := peakMemory(t, s)
	good := startGood(t, s)
	if a.backlog {
		fillBacklog(t, s, good.producer)
	}
	rest(t.Context(), 500*time.Millisecond)
	good.take()
	rest(t.Context(), 2*time.Second)
	quiet := good.take()
	abuser := startAbuser(t, s, a.name)
	beginning := good.take()
	rest(t.Context(), 2*time.Second)
	during := good.take()
	said := abuser()
	rest(t.Context(), 500*time.Millisecond)
	good.take()
	rest(t.Context(), time.Second)
	after := good.take()
	good.close(t)

	peak := peakMemory(t, s)
	t.Logf("%s (%s): peak %d MiB of %d (%d at start); a message takes p50 %v, p99 %v in quiet, p50 %v, p99 %v, worst %v while it begins, p50 %v, p99 %v, worst %v then",
		a.name, said, peak, limit, idle, at(quiet, 50), at(quiet, 99), at(beginning, 50), at(beginning, 99), at(beginning, 100), at(during, 50), at(during, 99), at(during, 100))
	if peak > limit {
		t.Errorf("peak of resident memory %d MiB, --memory-limit is %d MiB", peak, limit)
	}
	if grown := peak - idle; a.growth > 0 && grown > a.growth {
		t.Errorf("resident memory has grown by %d MiB, at most %d is allowed", grown, a.growth)
	}
	middling, late := leastMedian, leastP99
	if max(at(quiet, 99), at(after, 99)) > quietP99 {
		middling, late = noisyMedian, noisyP99
	}
	for _, bound := range []struct {
		when    string
		took    []time.Duration
		percent int
		least   time.Duration
	}{{"while the abuse begins", beginning, 99, noisyP99}, {"then", during, 50, middling}, {"then", during, 99, late}} {
		if most := max(patience*at(quiet, bound.percent), bound.least); at(bound.took, bound.percent) > most {
			t.Errorf("p%d of a message %s is %v, at most %v is allowed", bound.percent, bound.when, at(bound.took, bound.percent), most)
		}
	}
	if len(quiet) < 100 || len(during) < 100 {
		t.Errorf("%d and %d messages measured: too few", len(quiet), len(during))
	}
}

// aerobeeWith is aerobee, as its own NameServer, with more arguments.
func aerobeeWith(t *testing.T, port int, arguments ...string) *server {
	t.Helper()
	dir, addr := t.TempDir(), local(port)
	p := &process{name: "aerobee", dir: dir, command: append([]string{aerobeeBinary(t), "serve", "--data", filepath.Join(dir, "data"), "--listen", addr}, arguments...)}
	p.start(t)
	return &server{name: "aerobee", namesrv: addr, broker: addr, store: p, ready: func() error { return nil }}
}

// peakMemory is the server's VmHWM in MiB.
func peakMemory(t *testing.T, s *server) uint64 {
	t.Helper()
	return memoryOf(t, s, "VmHWM:")
}

// memoryOf is what the system says in MiB of the server's memory: its peak is "VmHWM:", what is resident now "VmRSS:".
func memoryOf(t *testing.T, s *server, what string) uint64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.store.cmd.Process.Pid))
	if err != nil {
		t.Skip("no /proc on this system")
	}
	_, rest, _ := strings.Cut(string(text), what)
	var kilobytes uint64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatalf("%s %v", what, err)
	}
	return kilobytes >> 10
}

// goodClient sends 400 messages of 1 KiB a second and notes how long each takes from before its send into the handler.
type goodClient struct {
	client   *client.Client
	producer *client.Producer
	consumer *client.PushConsumer
	stop     context.CancelFunc
	senders  sync.WaitGroup

	mu    sync.Mutex // guards taken and errs
	taken []time.Duration
	errs  []error
}

func startGood(t *testing.T, s *server) *goodClient {
	t.Helper()
	for topic, queues := range map[string]int{goodTopic: 4, bigTopic: 1} {
		if err := createTopic(s.broker, topic, queues); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}, HeartbeatInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &goodClient{client: c, stop: cancel}
	t.Cleanup(func() {
		cancel()
		g.senders.Wait()
	})
	if g.producer, err = c.NewProducer(client.ProducerConfig{}); err != nil {
		t.Fatal(err)
	}
	g.consumer, err = c.NewPushConsumer(ctx, client.PushConfig{Group: "bounded-good", From: client.FromFirst, RebalanceInterval: time.Second,
		Subscriptions: []client.Subscription{{Topic: goodTopic, Expression: "*"}}, Handler: g.handle})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		g.senders.Go(func() { g.send(ctx) })
	}
	return g
}

func (g *goodClient) send(ctx context.Context) {
	for ctx.Err() == nil {
		body := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
		m := &client.Message{Topic: goodTopic, Body: append(body, make([]byte, 1016)...)}
		if _, err := g.producer.Send(ctx, m); err != nil && ctx.Err() == nil {
			g.mu.Lock()
			g.errs = append(g.errs, err)
			g.mu.Unlock()
		}
		rest(ctx, 10*time.Millisecond)
	}
}

func (g *goodClient) handle(_ context.Context, ds []*client.Delivery) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range ds {
		g.taken = append(g.taken, time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(d.Body)))))
	}
	return nil
}

// take returns the times of all messages since the last call, sorted.
func (g *goodClient) take() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken := g.taken
	g.taken = nil
	slices.Sort(taken)
	return taken
}

func (g *goodClient) close(t *testing.T) {
	t.Helper()
	g.stop()
	g.senders.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.client.Close(ctx); err != nil {
		t.Error(err)
	}
	if len(g.errs) > 0 {
		t.Errorf("%d sends of the well-behaved client failed, the first: %v", len(g.errs), g.errs[0])
	}
}

// at is a percentile of sorted times, rounded.
func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(10 * time.Microsecond)
}

// fillBacklog stores 128 MB in messages of 64 KiB.
func fillBacklog(t *testing.T, s *server, p *client.Producer) {
	t.Helper()
	body := make([]byte, 64<<10)
	for i := range body {
		body[i] = byte(i * i >> 3)
	}
	for range 2000 {
		if _, err := p.Send(t.Context(), &client.Message{Topic: bigTopic, Body: body, Flag: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// startAbuser runs one abuse in a process of its own and returns when it has set everything up. The function that it returns ends
// the process and tells what it says of itself.
func startAbuser(t *testing.T, s *server, name string) func() string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBoundedAbuser$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "AEROBEE_INTEROP_BOUNDED_ABUSE="+name, "AEROBEE_INTEROP_BOUNDED_BROKER="+s.broker)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ready := make(chan struct{})
	said := ""
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			switch verb, rest, _ := strings.Cut(lines.Text(), " "); verb {
			case "READY":
				close(ready)
			case "END":
				said = rest // read after ended
			}
		}
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() { stdin.Close() })
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the abuser ended: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the abuser is not ready after 2 minutes")
	}
	return func() string {
		stdin.Close()
		if err := <-ended; err != nil {
			t.Errorf("the abuser: %v", err)
		}
		return said
	}
}
