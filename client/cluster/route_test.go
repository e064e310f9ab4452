package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

func TestRouteLists(t *testing.T) {
	f := func(d protocol.RouteData, readable, writable string) {
		t.Helper()
		r := newRoute("t", &d)
		if diff := cmp.Diff([]string{readable, writable}, []string{text(r.Readable), text(r.Writable)}); diff != "" {
			t.Error(diff)
		}
	}
	master := func(name string) protocol.BrokerData {
		return protocol.BrokerData{Name: name, Cluster: "c", Addrs: map[int64]string{0: name + ":1", 1: name + ":2"}}
	}
	slave := protocol.BrokerData{Name: "s", Cluster: "c", Addrs: map[int64]string{1: "s:2"}}
	f(protocol.RouteData{}, "", "")
	f(protocol.RouteData{Brokers: []protocol.BrokerData{master("b"), master("a")}, Queues: []protocol.QueueData{
		{BrokerName: "b", Perm: 6, ReadQueueNums: 1, WriteQueueNums: 2}, {BrokerName: "a", Perm: 6, ReadQueueNums: 2, WriteQueueNums: 1},
	}}, "a0 a1 b0", "a0 b0 b1")
	f(protocol.RouteData{Brokers: []protocol.BrokerData{master("a"), slave}, Queues: []protocol.QueueData{
		{BrokerName: "s", Perm: 6, ReadQueueNums: 1, WriteQueueNums: 1}, {BrokerName: "a", Perm: 2, ReadQueueNums: 1, WriteQueueNums: 1},
	}}, "s0", "a0") // a slave cannot be written, a is not for reading
	f(protocol.RouteData{Brokers: []protocol.BrokerData{master("a")}, Queues: []protocol.QueueData{
		{BrokerName: "gone", Perm: 6, ReadQueueNums: 1, WriteQueueNums: 1}, {BrokerName: "a", Perm: 4, ReadQueueNums: 1, WriteQueueNums: 1},
	}}, "a0", "")
	f(protocol.RouteData{Brokers: []protocol.BrokerData{master("a")}, OrderConf: "b:1;a:2", Queues: []protocol.QueueData{
		{BrokerName: "a", Perm: 6, ReadQueueNums: 2, WriteQueueNums: 2},
	}}, "a0 a1", "b0 a0 a1") // a strict order keeps its queues whoever is there
}

func text(queues []Queue) string {
	var out []string
	for _, q := range queues {
		out = append(out, fmt.Sprint(q.BrokerName, q.QueueID))
	}
	return strings.Join(out, " ")
}

func TestRouteEqual(t *testing.T) {
	make := func(n int32, addr string) *Route {
		return newRoute("t", &protocol.RouteData{Brokers: []protocol.BrokerData{{Name: "a", Addrs: map[int64]string{0: addr}}},
			Queues: []protocol.QueueData{{BrokerName: "a", Perm: 6, ReadQueueNums: n, WriteQueueNums: n}}})
	}
	if !make(1, "a:1").equal(make(1, "a:1")) || make(1, "a:1").equal(make(2, "a:1")) || make(1, "a:1").equal(make(1, "b:1")) || make(1, "a:1").equal(nil) {
		t.Error("routes are compared wrongly")
	}
}

func TestErrors(t *testing.T) {
	f := func(code int32, kind error, name string) {
		t.Helper()
		err := Check(&protocol.Frame{Code: code, Remark: "why"}, "10.0.0.1:10911", 310)
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != code || (kind != nil && !errors.Is(err, kind)) || errors.Is(err, ErrClosed) {
			t.Errorf("code %d: %v", code, err)
		}
		if want := fmt.Sprintf("request 310 to 10.0.0.1:10911 was refused with %d (%s): why", code, name); err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
	f(1, nil, "SYSTEM_ERROR")
	f(2, ErrBusy, "SYSTEM_BUSY")
	f(215, ErrBusy, "FLOW_CONTROL")
	f(13, ErrIllegal, "MESSAGE_ILLEGAL")
	f(29, ErrIllegal, "INVALID_PARAMETER")
	f(14, ErrUnavailable, "SERVICE_NOT_AVAILABLE")
	f(16, ErrNotPermitted, "NO_PERMISSION")
	f(17, ErrTopicNotFound, "TOPIC_NOT_EXIST")
	f(22, ErrNotFound, "QUERY_NOT_FOUND")
	f(10, ErrFlushTimeout, "FLUSH_DISK_TIMEOUT")
	f(4711, nil, "see ResponseCode")
	if err := Check(&protocol.Frame{}, "", 0); err != nil {
		t.Errorf("SUCCESS: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	now := time.Unix(0, 0)
	var waits []time.Duration
	for range 8 {
		b.failed(now, nil)
		waits = append(waits, b.until.Sub(now))
	}
	want := []time.Duration{50e6, 100e6, 200e6, 400e6, 800e6, 1600e6, 2e9, 2e9}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Error(diff)
	}
}

// TestOneDialForMany: callers that come while an address is being dialled share the connection, and one that has no time goes without.
func TestOneDialForMany(t *testing.T) {
	var dials atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	c, err := New(Options{NameServers: []string{"a:1"}, Dial: func(context.Context, string) (net.Conn, error) {
		if dials.Add(1) == 1 {
			close(begun)
		}
		<-goOn
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		return ours, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*remoting.Conn, 10)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			conn, err := c.Conn(context.Background(), "b:1")
			if err != nil {
				t.Error(err)
			}
			conns[i] = conn
		}()
	}
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Conn(ctx, "b:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller without time: %v", err)
	}
	close(goOn)
	wg.Wait()
	for _, conn := range conns {
		if conn != conns[0] || conn == nil {
			t.Error("callers got different connections")
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d dials", dials.Load())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Conn(t.Context(), "b:1"); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestFailureIsRememberedForAWhile: the callers of an address that does not answer do not each wait for it.
func TestFailureIsRememberedForAWhile(t *testing.T) {
	var dials atomic.Int32
	refused := errors.New("refused")
	c, err := New(Options{NameServers: []string{"a:1"}, Dial: func(context.Context, string) (net.Conn, error) {
		dials.Add(1)
		return nil, refused
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	for range 100 {
		if _, err := c.Conn(t.Context(), "b:1"); !errors.Is(err, ErrUnreachable) || !errors.Is(err, refused) {
			t.Fatal(err)
		}
	}
	if most := 1 + time.Since(begin)/firstBackoff; int64(dials.Load()) > int64(most) {
		t.Errorf("%d dials in %s", dials.Load(), time.Since(begin))
	}
}

// TestAbsenceIsNotBelievedAtOnce: a NameServer that has just been started knows no topic.
func TestAbsenceIsNotBelievedAtOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	unknown := topic{name: "t"}
	if !unknown.goneLong(now) {
		t.Error("a topic that was never there is taken for one that is")
	}
	known := topic{name: "t"}
	known.route.Store(&Route{Topic: "t"})
	for after, want := range []bool{false, false, true} {
		if got := known.goneLong(now.Add(time.Duration(after) * absence / 2)); got != want {
			t.Errorf("after %s: gone %v", time.Duration(after)*absence/2, got)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	f := func(o Options, word string) {
		t.Helper()
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v: %v, want %q", o.NameServers, err, word)
		}
	}
	f(Options{}, "neither NameServers nor Discovery")
	f(Options{NameServers: []string{" ; "}}, "neither NameServers nor Discovery")
	f(Options{NameServers: []string{"host"}}, "no host:port")
	c, err := New(Options{NameServers: []string{"a:1; b:2", "[::1]:3"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.NameServers(t.Context())
	if diff := cmp.Diff([]string{"a:1", "b:2", "[::1]:3"}, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
