package client_test

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// fakeBroker is a NameServer and a broker that answers sends as a test's script says.
type fakeBroker struct {
	t      testing.TB
	addr   string
	server *remoting.Server
	lis    net.Listener

	mu     sync.Mutex
	routes map[string]protocol.RouteData // guarded by mu, as all below
	sends  []fakeSend
	beats  []string // bodies of heartbeats
	left   []protocol.UnregisterClientHeader
	conns  int
	script func(n int, s fakeSend)                   // n counts sends from 0
	asked  int                                       // requests for routes
	pops   func(c *remoting.Conn, f *protocol.Frame) // answers pops and notifications
}

// fakeSend is a send that the fake broker got.
type fakeSend struct {
	b          *fakeBroker
	conn       *remoting.Conn
	frame      *protocol.Frame
	topic      string
	group      string
	properties string
	queue      int32
	sysFlag    int32
}

// answer answers with a code, as stored at the offset.
func (s fakeSend) answer(code int32, offset int64) {
	r := s.frame.Reply(code, "as the script says")
	h := protocol.SendMessageResponseHeader{MsgID: []byte("7F00000100002A9F0000000000000000"), QueueID: s.queue, QueueOffset: offset}
	h.Append(&r.Fields)
	_ = s.conn.Send(&r)
}

// fakeCluster starts brokers of these names, all of them in the routes of all topics. script answers their sends.
func fakeCluster(t testing.TB, script func(n int, s fakeSend), names ...string) []*fakeBroker {
	t.Helper()
	route := protocol.RouteData{}
	var all []*fakeBroker
	for _, name := range names {
		b := &fakeBroker{t: t, script: script, routes: map[string]protocol.RouteData{}}
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b.lis, b.addr = lis, lis.Addr().String()
		b.server = remoting.NewServer(remoting.Options{Mux: b.mux()})
		go func() {
			for {
				nc, err := lis.Accept()
				if err != nil {
					return
				}
				b.mu.Lock()
				b.conns++
				b.mu.Unlock()
				b.server.Serve(nc, remoting.ConnInfo{})
			}
		}()
		t.Cleanup(b.stop)
		route.Brokers = append(route.Brokers, protocol.BrokerData{Name: name, Cluster: "c", Addrs: map[int64]string{0: b.addr}})
		route.Queues = append(route.Queues, protocol.QueueData{BrokerName: name, Perm: 6, ReadQueueNums: 2, WriteQueueNums: 2})
		all = append(all, b)
	}
	for _, b := range all {
		b.routes["t"] = route
	}
	return all
}

func (b *fakeBroker) stop() {
	_ = b.lis.Close()
	b.hangUp()
	ctx, cancel := cancelled()
	defer cancel()
	_ = b.server.Shutdown(ctx)
}

func (b *fakeBroker) hangUp() {
	for c := range b.server.Conns() {
		_ = c.Close()
	}
}

func (b *fakeBroker) mux() *remoting.Mux {
	m := remoting.NewMux()
	m.Handle(protocol.ReqGetRouteInfoByTopic, "ROUTE", func(c *remoting.Conn, f *protocol.Frame) {
		b.mu.Lock()
		b.asked++
		route, ok := b.routes[f.Fields.String("topic")]
		b.mu.Unlock()
		r := f.Reply(protocol.ResTopicNotExist, "no such topic")
		if ok {
			r = f.Reply(0, "")
			r.Body = route.Append(nil, protocol.FastJSON)
		}
		_ = c.Send(&r)
	})
	m.Handle(protocol.ReqHeartBeat, "HEARTBEAT", func(c *remoting.Conn, f *protocol.Frame) {
		b.mu.Lock()
		b.beats = append(b.beats, string(f.Body))
		b.mu.Unlock()
		r := f.Reply(0, "")
		_ = c.Send(&r)
	})
	m.Handle(protocol.ReqUnregisterClient, "UNREGISTER", func(c *remoting.Conn, f *protocol.Frame) {
		var h protocol.UnregisterClientHeader
		_ = h.Decode(f.Fields)
		b.mu.Lock()
		b.left = append(b.left, h)
		b.mu.Unlock()
		r := f.Reply(0, "")
		_ = c.Send(&r)
	})
	for _, code := range []int32{protocol.ReqPopMessage, protocol.ReqNotification} {
		m.Handle(code, "POP", func(c *remoting.Conn, f *protocol.Frame) {
			b.mu.Lock()
			pops := b.pops
			b.mu.Unlock()
			pops(c, f.Clone())
		})
	}
	for _, code := range []int32{protocol.ReqSendMessageV2, protocol.ReqSendBatchMessage} {
		m.Handle(code, "SEND", b.send)
	}
	return m
}

func (b *fakeBroker) send(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.SendMessageHeader
	if err := h.DecodeSend(f.Code, f.Fields); err != nil {
		b.t.Errorf("send header: %v", err)
		return
	}
	s := fakeSend{b: b, conn: c, frame: f.Clone(), topic: string(h.Topic), group: string(h.ProducerGroup), properties: string(h.Properties),
		queue: h.QueueID, sysFlag: h.SysFlag}
	b.mu.Lock()
	n := len(b.sends)
	b.sends = append(b.sends, s)
	b.mu.Unlock()
	b.script(n, s)
}

func (b *fakeBroker) sent() []fakeSend {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]fakeSend(nil), b.sends...)
}

// ourGoroutines are the stacks of goroutines that run client code.
func ourGoroutines() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var ours []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "aerobee/client.") || strings.Contains(stack, "aerobee/client/") {
			ours = append(ours, stack)
		}
	}
	return ours
}

// noneLeft fails if client goroutines are left. One that has done its work and is being ended by the runtime gets a few rounds.
func noneLeft(t *testing.T) {
	t.Helper()
	var left []string
	for range 1000 {
		if left = ourGoroutines(); len(left) == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}
