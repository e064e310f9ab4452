package client

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

func TestPenalties(t *testing.T) {
	f := func(latency time.Duration, failed bool, want time.Duration) {
		t.Helper()
		if got := avoidFor(latency, failed); got != want {
			t.Errorf("%s, failed %v: avoided for %s, want %s", latency, failed, got, want)
		}
	}
	f(0, false, 0)
	f(549*time.Millisecond, false, 0)
	f(550*time.Millisecond, false, 2*time.Second)
	f(1799*time.Millisecond, false, 2*time.Second)
	f(1800*time.Millisecond, false, 5*time.Second)
	f(3*time.Second, false, 6*time.Second)
	f(5*time.Second, false, 10*time.Second)
	f(15*time.Second, false, 30*time.Second)
	f(time.Millisecond, true, 10*time.Second)
	f(20*time.Second, true, 30*time.Second)
}

func TestFaultTable(t *testing.T) {
	queues := []Queue{{BrokerName: "a"}, {BrokerName: "a", QueueID: 1}, {BrokerName: "b"}, {BrokerName: "c"}}
	start := time.Unix(1000, 0)
	var table faultTable
	f := func(at int, last string, after time.Duration, want int) {
		t.Helper()
		if got := table.choose(queues, at, last, start.Add(after)); got != want {
			t.Errorf("from %d, last %q, after %s: queue %d, want %d", at, last, after, got, want)
		}
	}
	f(0, "", 0, 0)
	f(0, "a", 0, 2) // not the one that has just failed
	table.observe("b", time.Millisecond, true, start)
	f(2, "", 0, 3)
	f(2, "", 9*time.Second, 3)
	f(2, "", 10*time.Second, 2)
	f(2, "c", 0, 0)
	table.observe("a", 600*time.Millisecond, false, start)
	table.observe("c", 600*time.Millisecond, false, start)
	f(1, "", 0, 1)  // all are avoided: the turn counts
	f(1, "a", 0, 2) // but the last one still is not
	f(0, "", 2*time.Second, 0)
	table.observe("b", time.Millisecond, false, start)
	f(0, "", 0, 2) // its quick answer has set b free
	if len(table.until) != 2 {
		t.Errorf("%d brokers in the table", len(table.until))
	}
}

// TestKeyIndex has the queues that Java's SelectMessageQueueByHash chose.
func TestKeyIndex(t *testing.T) {
	f := func(key string, n, want int) {
		t.Helper()
		if got := keyIndex(key, n); got != want {
			t.Errorf("%q of %d: queue %d, want %d", key, n, got, want)
		}
	}
	f("Aa", 4, 0)
	f("BB", 4, 0) // the same hash
	f("", 4, 0)
	f("a", 7, 6)
	f("polygenelubricants", 7, 2) // hash -2147483648
	f("order-1", 4, 2)            // hash -1207111310
	f("order-1", 7, 6)
	f("grün", 7, 4)
	f("😀", 4, 3)
}

func TestNamespace(t *testing.T) {
	f := func(ns namespace, name, wire string) {
		t.Helper()
		if got := ns.wrap(name); got != wire {
			t.Errorf("%q wraps %q as %q, want %q", ns, name, got, wire)
		}
		if got := ns.unwrap(wire); got != name {
			t.Errorf("%q unwraps %q as %q, want %q", ns, wire, got, name)
		}
		if got := ns.wrap(wire); got != wire {
			t.Errorf("%q wraps %q again as %q", ns, wire, got)
		}
	}
	f("", "t", "t")
	f("ns", "t", "ns%t")
	f("ns", "%RETRY%g", "%RETRY%ns%g")
	f("ns", "%DLQ%g", "%DLQ%ns%g")
	f("ns", "RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRACE_TOPIC")
	f("ns", "rmq_sys_x", "rmq_sys_x")
	f("ns", "CID_RMQ_SYS_x", "CID_RMQ_SYS_x")
	f("ns", "TBW102", "TBW102")
}

// TestTraceText has what Java's encoder writes for the same values; · stands for 0x01 and ¶ for 0x02.
func TestTraceText(t *testing.T) {
	show := strings.NewReplacer("\x01", "·", "\x02", "¶")
	f := func(got []byte, want string) {
		t.Helper()
		if diff := cmp.Diff(want, show.Replace(string(got))); diff != "" {
			t.Error(diff)
		}
	}
	at := time.UnixMilli(1700000000000)
	pub := pubTrace{at: at, region: "DefaultRegion", group: "g", topic: "t", id: "C0A8", tag: "A", keys: "k1 k2", storeHost: "10.0.0.1:10911",
		bodyLength: 5, cost: 3 * time.Millisecond, offsetID: "0A00", success: true}
	f(pub.append(nil), "Pub·1700000000000·DefaultRegion·g·t·C0A8·A·k1 k2·10.0.0.1:10911·5·3·0·0A00·true¶")
	pub.tag, pub.keys, pub.kind, pub.success = "", "", traceDelay, false
	f(pub.append(nil), "Pub·1700000000000·DefaultRegion·g·t·C0A8·null·null·10.0.0.1:10911·5·3·3·0A00·false¶")
	sub := subTrace{at: at, region: "DefaultRegion", group: "g", request: "R1", beans: []subBean{{id: "C0A8", keys: "k1"}, {id: "C0A9", retries: 2}}}
	f(sub.appendBefore(nil), "SubBefore·1700000000000·DefaultRegion·g·R1·C0A8·0·k1¶SubBefore·1700000000000·DefaultRegion·g·R1·C0A9·2·null¶")
	f(sub.appendAfter(nil, at.Add(7), 7*time.Millisecond, handleSuccess),
		"SubAfter·R1·C0A8·7·true·k1·0·1700000000000·g¶SubAfter·R1·C0A9·7·true·null·0·1700000000000·g¶")
	sub.beans = sub.beans[:1]
	f(sub.appendAfter(nil, at, 0, handleFailed), "SubAfter·R1·C0A8·0·false·k1·4·1700000000000·g¶")
}

func TestMessagesThatAreRefused(t *testing.T) {
	c, err := New(Config{NameServers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(ProducerConfig{MaxMessageSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	f := func(m *Message, word string) {
		t.Helper()
		if _, err := p.Send(t.Context(), m); !errors.Is(err, ErrIllegal) || !strings.Contains(err.Error(), word) {
			t.Errorf("%+v: %v, want %q", m, err, word)
		}
	}
	f(nil, "nil")
	f(&Message{}, "blank")
	f(&Message{Topic: "a b"}, "letters")
	f(&Message{Topic: strings.Repeat("t", 128)}, "limit is 127")
	f(&Message{Topic: "t", Body: make([]byte, 11)}, "11 bytes")
	f(&Message{Topic: "t", Keys: []string{"a b"}}, "space")
	f(&Message{Topic: "t", Tag: "a\x01"}, "0x01")
	f(&Message{Topic: "t", Properties: map[string]string{"UNIQ_KEY": "x"}}, "not for users")
	f(&Message{Topic: "t", Properties: map[string]string{"": "x"}}, "not for users")
	f(&Message{Topic: "t", Properties: map[string]string{"x": "\x02"}}, "0x02")
	f(&Message{Topic: "t", Properties: map[string]string{"x": strings.Repeat("y", 32767)}}, "32767")
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.Send(t.Context(), &Message{Topic: "t"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := c.NewProducer(ProducerConfig{}); !errors.Is(err, ErrClosed) {
		t.Errorf("NewProducer after Close: %v", err)
	}
}

// TestGate: waiters pass in line, one that gives up lets the next one pass, and nothing is lost in the count.
func TestGate(t *testing.T) {
	g := gate{limit: 10}
	ctx, cancel := context.WithCancel(t.Context())
	if err := g.acquire(ctx, 100); err != nil { // alone it passes, whatever its size
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() { gone <- g.acquire(ctx, 10) }()
	for g.waiting.Load() < 1 {
		runtime.Gosched()
	}
	passed := make(chan error)
	go func() { passed <- g.acquire(t.Context(), 4) }()
	for g.waiting.Load() < 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g.release(100)
	if err := <-passed; err != nil {
		t.Fatal(err)
	}
	if g.used.Load() != 4 || g.waiting.Load() != 0 {
		t.Errorf("%d bytes, %d waiting", g.used.Load(), g.waiting.Load())
	}
}

func TestHeartbeatBody(t *testing.T) {
	c, err := New(Config{NameServers: []string{"127.0.0.1:1"}, InstanceName: "i"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context()) //nolint:errcheck // nothing was sent
	for _, group := range []string{"b", "a", "b"} {
		if _, err := c.NewProducer(ProducerConfig{Group: group}); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"clientID":"` + c.id + `","consumerDataSet":[],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"a"},{"groupName":"b"}],"withoutSub":false}`
	body := c.heartbeatBody(c.snapshot())
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	if _, err := protocol.UnmarshalHeartbeat(body); err != nil {
		t.Error(err)
	}
}
