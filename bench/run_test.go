package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/bench"
	"github.com/aerobee-mq/aerobee/client"
)

// runOn runs c on a broker in memory and fails the test if it cannot, or if something was lost.
func runOn(t *testing.T, b *aerobeetest.Broker, c bench.Config) *bench.Result {
	t.Helper()
	c.NameServers = []string{b.Addr()}
	if c.Size == 0 {
		c.Size = 64
	}
	r, err := bench.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Problem(); err != nil || r.Failed > 0 {
		t.Errorf("%s: %v; failed: %v", r.Load, err, r.Errors)
	}
	return r
}

func TestSendAllWays(t *testing.T) {
	b := aerobeetest.Start(t)
	f := func(what string, c bench.Config, latency bool) {
		t.Helper()
		c.Mode, c.Count = bench.Send, 500
		r := runOn(t, b, c)
		if r.Messages != 500 || r.Rate <= 0 || (r.Latency != nil) != latency {
			t.Errorf("%s: %d messages, %g/s, latency %v", what, r.Messages, r.Rate, r.Latency)
		}
	}
	f("one sender", bench.Config{Threads: 1}, true)
	f("senders on several connections", bench.Config{Threads: 8, Connections: 3, Keys: true, Tag: "x"}, true)
	f("batches, the last one smaller", bench.Config{Threads: 4, Batch: 32}, true)
	f("batches of one connection each", bench.Config{Threads: 2, Connections: 2, Batch: 7, Random: true}, true)
	f("a window", bench.Config{Window: 16, Connections: 2, Keys: true}, true)
	f("a window that is larger than the run", bench.Config{Window: 1000}, true)
	f("one way", bench.Config{Threads: 2, OneWay: true}, false)
	f("at a rate", bench.Config{Threads: 2, Rate: 50_000}, true)
	f("at a rate, with a window", bench.Config{Window: 10, Rate: 50_000}, true)
	f("large bodies, compressed", bench.Config{Threads: 2, Size: 20_000}, true)
	f("large bodies as they are", bench.Config{Threads: 2, Size: 20_000, CompressOver: -1}, true)
	f("more senders than are counted apart", bench.Config{Threads: 100, Rate: 50_000}, true)
}

func TestSendForAWhile(t *testing.T) {
	b := aerobeetest.Start(t)
	var progress bytes.Buffer
	r := runOn(t, b, bench.Config{Mode: bench.Send, Threads: 4, Duration: 300 * time.Millisecond, WarmUp: 800 * time.Millisecond, Progress: &progress, ServerPID: os.Getpid()})
	if r.Seconds < 0.2 || r.Seconds > 30 || r.Messages == 0 || r.CPU.ServerPerMillion == nil {
		t.Errorf("%d messages in %g s, CPU %+v", r.Messages, r.Seconds, r.CPU)
	}
	if !strings.Contains(progress.String(), "   1 s ") {
		t.Errorf("progress %q", &progress)
	}
}

func TestConsumeABacklog(t *testing.T) {
	b := aerobeetest.Start(t)
	f := func(what string, c bench.Config, want int64) {
		t.Helper()
		c.Mode = bench.Consume
		r := runOn(t, b, c)
		if r.Expected != want || r.Received != want || r.Lost != 0 {
			t.Errorf("%s: %d of %d received, %d lost", what, r.Received, r.Expected, r.Lost)
		}
	}
	f("filled for the run", bench.Config{Count: 2000}, 2000)
	f("in batches", bench.Config{Count: 2000, Batch: 16, Threads: 2}, 2000)
	f("by pull", bench.Config{Count: 2000, Pull: true}, 2000)
	send := bench.Config{Mode: bench.Send, Topic: "kept", Keep: true, Count: 300}
	runOn(t, b, send)
	f("what a topic holds", bench.Config{Topic: "kept"}, 301) // one is the first message, sent before the run begins
	f("some of what a topic holds", bench.Config{Topic: "kept", Count: 100}, 100)
	f("at a rate", bench.Config{Count: 200, ConsumeRate: 10_000}, 200)
	f("at a rate, by pull", bench.Config{Count: 200, ConsumeRate: 10_000, Pull: true}, 200)
}

func TestEndToEnd(t *testing.T) {
	b := aerobeetest.Start(t)
	f := func(what string, c bench.Config, want int64) {
		t.Helper()
		c.Mode = bench.EndToEnd
		r := runOn(t, b, c)
		if r.Messages != want || r.Expected != want || r.Received != want || r.Latency == nil || r.Ack == nil || r.Latency.Max > 60e6 {
			t.Errorf("%s: %d measured, %d of %d received, latency %+v, of sending %+v", what, r.Messages, r.Received, r.Expected, r.Latency, r.Ack)
		}
	}
	f("at a rate", bench.Config{Count: 200, Rate: 2000}, 200)
	f("at a rate with a window", bench.Config{Count: 200, Rate: 5000, Window: 50}, 200)
	f("as fast as it goes, on two connections", bench.Config{Count: 500, Threads: 4, Connections: 2, Topic: "used", Keep: true}, 500)
	f("a topic that was used before", bench.Config{Count: 200, Rate: 5000, Batch: 10, Topic: "used"}, 200)
	f("consumers beside the senders", bench.Config{Count: 200, Rate: 5000, Consumers: 2}, 200)
	f("each message to all consumers", bench.Config{Count: 200, Rate: 5000, Consumers: 3, Broadcast: true}, 600)
	f("the same in a topic that was used before", bench.Config{Count: 100, Rate: 5000, Connections: 2, Broadcast: true, Topic: "used"}, 200)
}

// TestPeakLeavesABacklog sends faster than the consumers take: what is left comes behind the sending, and is counted.
func TestPeakLeavesABacklog(t *testing.T) {
	r := runOn(t, aerobeetest.Start(t), bench.Config{Mode: bench.EndToEnd, Count: 1000, Rate: 10_000, ConsumeRate: 100})
	if r.Backlog < 500 || r.Received != 1000 || r.Seconds > 8 {
		t.Errorf("a backlog of %d, %d received within %g s: want most of 1000 left behind, and all received soon", r.Backlog, r.Received, r.Seconds)
	}
}

// TestTopicsTakeTurns sends to several topics and looks what each of them got.
func TestTopicsTakeTurns(t *testing.T) {
	b := aerobeetest.Start(t)
	f := func(c bench.Config, want int64) {
		t.Helper()
		c.Mode, c.Topics, c.Queues, c.Keep = bench.Send, 5, 2, true
		runOn(t, b, c)
		a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		for i := range c.Topics {
			name := fmt.Sprintf("%s-%05d", c.Topic, i+1)
			state, err := a.Topic(t.Context(), name)
			if err != nil || len(state.Queues) != 2 {
				t.Fatalf("%s: %d queues: %v", name, len(state.Queues), err)
			}
			got := int64(-1) // the first message, before the run begins
			for _, q := range state.Queues {
				got += q.Max
			}
			if got < want-2 || got > want+2 {
				t.Errorf("%s holds %d messages of the run, want %d or a few more or less", name, got, want)
			}
		}
	}
	f(bench.Config{Topic: "waiting", Count: 100, Threads: 3}, 20)
	f(bench.Config{Topic: "window", Count: 100, Window: 7}, 20)
}

// TestNothingIsLeftBehind runs and looks for topics and groups.
func TestNothingIsLeftBehind(t *testing.T) {
	b := aerobeetest.Start(t)
	for _, mode := range []bench.Mode{bench.Send, bench.Consume, bench.EndToEnd} {
		runOn(t, b, bench.Config{Mode: mode, Count: 10})
	}
	a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	topics, err := a.TopicNames(t.Context())
	if err != nil || slices.ContainsFunc(topics, func(name string) bool { return strings.Contains(name, "bench-") }) {
		t.Errorf("left topics %q: %v", topics, err)
	}
	groups, err := a.Groups(t.Context())
	if err != nil || slices.ContainsFunc(groups, func(g admin.Group) bool { return strings.Contains(g.Name, "bench-") }) {
		t.Errorf("left groups %+v: %v", groups, err)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	f := func(c bench.Config, want string) {
		t.Helper()
		c.NameServers = []string{"127.0.0.1:1"}
		if _, err := bench.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	f(bench.Config{Mode: "sand"}, `mode "sand": want send, consume or e2e`)
	f(bench.Config{Size: 5 << 20}, "size 5242880: want 0 to 4194304 bytes")
	f(bench.Config{Mode: bench.EndToEnd, Size: 8}, "size 8: end to end needs 16 bytes")
	f(bench.Config{Window: 10, Batch: 2}, "use threads, not window")
	f(bench.Config{Topics: 100_000}, "topics 100000: want 1 to 99999")
	f(bench.Config{Mode: bench.Consume, Topics: 2}, "several are for sending alone")
	f(bench.Config{ConsumeRate: 5}, "nobody consumes")
	f(bench.Config{Broadcast: true}, "are for end to end")
	f(bench.Config{Threads: 2, Connections: 4}, "threads 2 are fewer than connections 4")
	f(bench.Config{}, "not reachable")
}

// TestEmptyTopicHasNothingToConsume asks for a backlog that is not there.
func TestEmptyTopicHasNothingToConsume(t *testing.T) {
	b := aerobeetest.Start(t)
	b.CreateTopic("empty", 2)
	_, err := bench.Run(t.Context(), bench.Config{Mode: bench.Consume, Topic: "empty", NameServers: []string{b.Addr()}})
	if err == nil || !strings.Contains(err.Error(), "topic empty holds no message") {
		t.Error(err)
	}
	_, err = bench.Run(t.Context(), bench.Config{Mode: bench.Consume, Topic: "absent", NameServers: []string{b.Addr()}})
	if err == nil || !strings.Contains(err.Error(), "there is no topic absent to consume") {
		t.Error(err)
	}
}

// TestOthersMessagesDoNotDisturb runs end to end in a topic in which somebody else's messages lie.
func TestOthersMessagesDoNotDisturb(t *testing.T) {
	b := aerobeetest.Start(t)
	p, err := b.Client().NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := p.Send(t.Context(), &client.Message{Topic: "shared", Body: make([]byte, 40)}); err != nil {
			t.Fatal(err)
		}
	}
	if r := runOn(t, b, bench.Config{Mode: bench.EndToEnd, Topic: "shared", Count: 50, Rate: 5000}); r.Messages != 50 || r.Duplicates != 0 {
		t.Errorf("%d measured, %d twice", r.Messages, r.Duplicates)
	}
}

// TestResultIsJSON encodes a real result, to see that nothing in it cannot be.
func TestResultIsJSON(t *testing.T) {
	r := runOn(t, aerobeetest.Start(t), bench.Config{Mode: bench.Send, Count: 10, Threads: 1, Version: "aerobee test"})
	text, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(text), `"client":"aerobee test"`) || !strings.Contains(string(text), `"server":"V5_5_0"`) {
		t.Errorf("%s: %v", text, err)
	}
}
