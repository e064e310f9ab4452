package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

func TestInterceptorsSurroundSends(t *testing.T) {
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if n == 1 {
			s.answer(protocol.ResMessageIllegal, 0)
			return
		}
		s.answer(0, int64(n))
	}, "a")
	var mu sync.Mutex
	var log []string
	note := func(text string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, fmt.Sprintf(text, args...))
	}
	interceptor := func(name string) client.Interceptor {
		return client.Interceptor{Send: func(_ context.Context, s *client.Sending) (context.Context, func(client.SendResult, error)) {
			note("%s %s %d", name, s.Group, len(s.Messages))
			s.Messages[0].Properties["by"] += name
			return nil, func(r client.SendResult, err error) { note("%s end %d %v", name, r.Offset, err != nil) }
		}}
	}
	c := fakeClient(t, bs, client.Config{Interceptors: []client.Interceptor{interceptor("x"), {}, interceptor("y")}})
	p := newProducer(t, c, client.ProducerConfig{Group: "g"})
	m := one()
	if _, err := p.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if m.Properties != nil {
		t.Error("the user's message was changed")
	}
	if s := bs[0].sent()[0]; !strings.Contains(s.properties, "by\x01xy\x02") {
		t.Errorf("properties %q", s.properties)
	}
	outcome := make(chan error)
	if err := p.SendAsync(t.Context(), m, func(_ client.SendResult, err error) { outcome <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, client.ErrIllegal) {
		t.Error(err)
	}
	if err := p.SendOneWay(t.Context(), m); err != nil {
		t.Error(err)
	}
	if _, err := p.SendBatch(t.Context(), []*client.Message{m, m}); err != nil {
		t.Error(err)
	}
	want := []string{"x g 1", "y g 1", "y end 0 false", "x end 0 false", "x g 1", "y g 1", "y end 0 true", "x end 0 true",
		"x g 1", "y g 1", "y end 0 false", "x end 0 false", "x g 2", "y g 2", "y end 3 false", "x end 3 false", "y end 4 false", "x end 4 false"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
}

// TestTracesAreSentAtClose: nothing that was sent goes without its trace, and traces are not traced.
func TestTracesAreSentAtClose(t *testing.T) {
	var traces sync.Map
	bs := fakeCluster(t, func(n int, s fakeSend) {
		if s.topic == "RMQ_SYS_TRACE_TOPIC" {
			for line := range strings.SplitSeq(strings.TrimSuffix(string(s.frame.Body), "\x02"), "\x02") {
				traces.Store(strings.Split(line, "\x01")[5], line)
			}
			if s.group != "_INNER_TRACE_PRODUCER" {
				t.Errorf("traces come from group %s", s.group)
			}
		}
		s.answer(0, int64(n))
	}, "a")
	bs[0].routes["RMQ_SYS_TRACE_TOPIC"] = bs[0].routes["t"]
	c := fakeClient(t, bs, client.Config{Trace: true})
	p := newProducer(t, c, client.ProducerConfig{})
	ids := map[string]bool{}
	for range 250 {
		r, err := p.Send(t.Context(), one())
		if err != nil {
			t.Fatal(err)
		}
		ids[r.ID] = true
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id := range ids {
		if _, ok := traces.Load(id); !ok {
			t.Fatalf("message %s was not traced", id)
		}
	}
	noneLeft(t)
}

// TestOneWayIsBounded: a broker that reads nothing does not make the client keep everything.
func TestOneWayIsBounded(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close() //nolint:errcheck // a test's pipe
	bs := fakeCluster(t, func(int, fakeSend) {}, "a")
	route := bs[0].routes["t"]
	silent := "127.0.0.1:1"
	route.Brokers = []protocol.BrokerData{{Name: "a", Cluster: "c", Addrs: map[int64]string{0: silent}}}
	bs[0].routes["t"] = route
	c := fakeClient(t, bs, client.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		if addr == silent {
			return ours, nil
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}})
	p := newProducer(t, c, client.ProducerConfig{MaxPendingBytes: 10_000})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	n := 0
	for ; n < 100; n++ {
		if err := p.SendOneWay(ctx, &client.Message{Topic: "t", Body: make([]byte, 1000)}); err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			break
		}
	}
	if n > 20 {
		t.Errorf("%d KB were taken for a broker that reads nothing, the limit is 10", n)
	}
}

// TestSendAllocations is a ratchet: a send may allocate the text of its ids, and nothing else. The server in the same process may
// not allocate on behalf of the client, so it answers with the bytes that it got.
func TestSendAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	addr := echoServer(t)
	bs := fakeCluster(t, nil, "a")
	route := bs[0].routes["t"]
	route.Brokers[0].Addrs = map[int64]string{0: addr}
	bs[0].routes["t"] = route
	p := newProducer(t, fakeClient(t, bs, client.Config{}), client.ProducerConfig{})
	m := &client.Message{Topic: "t", Body: make([]byte, 1024), Tag: "A", Keys: []string{"k"}}
	ctx := t.Context()
	send := func() {
		if _, err := p.Send(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		send()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
	if n := testing.AllocsPerRun(500, send); n > 1.5 {
		t.Errorf("%.1f allocations per send, 1 is the mark", n)
	}
	byKey := func() {
		if _, err := p.Send(ctx, m, client.ByKey("key")); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(500, byKey); n > 2.5 {
		t.Errorf("%.1f allocations per send by key, 2 is the mark", n)
	}
}

// echoServer answers every request frame with a send's answer of fixed bytes, without allocating.
func echoServer(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answer := protocol.Frame{Encoding: protocol.Binary, Flag: protocol.FlagResponse, Version: protocol.CurrentVersion}
	h := protocol.SendMessageResponseHeader{MsgID: []byte("7F00000100002A9F0000000000000000"), QueueID: 1, QueueOffset: 1}
	h.Append(&answer.Fields)
	head := protocol.AppendHead(nil, &answer, 0)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = lis.Close()
		wg.Wait()
	})
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			nc, err := lis.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer nc.Close() //nolint:errcheck // a test's connection
				echo(nc, head)
			}()
		}
	}()
	return lis.Addr().String()
}

func echo(nc net.Conn, head []byte) {
	in, have := make([]byte, 1<<20), 0
	for {
		n, err := nc.Read(in[have:])
		if err != nil {
			return
		}
		have += n
		for have >= 17 {
			size := 4 + int(in[0])<<24 + int(in[1])<<16 + int(in[2])<<8 + int(in[3])
			if have < size {
				break
			}
			out := head
			if in[4] == byte(protocol.Binary) {
				copy(head[13:17], in[13:17]) // the opaque
			} else { // a heartbeat
				var f protocol.Frame
				if err := protocol.DecodeFrame(in[4:size], &f); err != nil {
					return
				}
				r := f.Reply(0, "")
				out = protocol.AppendFrame(nil, &r)
			}
			if _, err := nc.Write(out); err != nil {
				return
			}
			have = copy(in, in[size:have])
		}
	}
}

// TestThousandClients: 1,000 clients of one process, each with a producer that has sent, stay under 200 MB, the broker included.
func TestThousandClients(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("long")
	}
	s, first := startBroker(t, client.Config{})
	if _, err := newProducer(t, first, client.ProducerConfig{}).Send(t.Context(), &client.Message{Topic: "many", Body: make([]byte, 1024)}); err != nil {
		t.Fatal(err)
	}
	var failed atomic.Pointer[error]
	runtime.GC()
	before := residentKB(t)
	for range 1000 {
		c := newClient(t, client.Config{NameServers: []string{s.Addr()}})
		p := newProducer(t, c, client.ProducerConfig{})
		if _, err := p.Send(t.Context(), &client.Message{Topic: "many", Body: make([]byte, 1024)}); err != nil {
			failed.Store(&err)
		}
	}
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	after := residentKB(t)
	t.Logf("1000 clients: %d MB more, %d goroutines", (after-before)>>10, runtime.NumGoroutine())
	if after-before > 200<<10 {
		t.Errorf("1000 clients take %d MB", (after-before)>>10)
	}
}

// residentKB is the process's memory.
func residentKB(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}
