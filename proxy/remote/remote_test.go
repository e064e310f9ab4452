package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	aerobee "github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/remote"
)

// lab is a broker and a backend that stands before it.
type lab struct {
	*remote.Backend
	t      *testing.T
	broker *aerobee.Server
	hold   chan struct{} // a dialling of a link waits until it is closed, if there is one
	dials  atomic.Int64
}

func start(t *testing.T, held bool, o remote.Options) *lab {
	t.Helper()
	l := &lab{t: t}
	var err error
	l.broker, err = aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": "a", "autoCreateSubscriptionGroup": "false"}, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.broker.Close() })
	a, err := admin.New(admin.Options{NameServers: []string{l.broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // nothing can be lost
	if _, err := a.PutTopic(l.ctx(), admin.Target{}, protocol.TopicConfig{TopicName: "orders", ReadQueueNums: 3, WriteQueueNums: 3, Perm: 6,
		Attributes: protocol.Attributes{"message.type": "FIFO"}}); err != nil {
		t.Fatal(err)
	}
	if held {
		l.hold = make(chan struct{})
	}
	o.NameServers = []string{l.broker.Addr()}
	o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		if l.dials.Add(1) > 1 && l.hold != nil { // the first goes to the NameServer
			<-l.hold
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	if l.Backend, err = remote.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

func (l *lab) link() *remote.Link {
	l.t.Helper()
	link, err := l.Link(backend.Client{ID: "c"}, func(string, *protocol.Frame, func(*protocol.Frame)) {})
	if err != nil {
		l.t.Fatal(err)
	}
	return link
}

func TestLookups(t *testing.T) {
	l := start(t, false, remote.Options{})
	parts, err := l.Route(l.ctx(), "orders")
	if err != nil || len(parts) != 1 || parts[0] != (backend.Part{Broker: "a", Perm: 6, ReadQueues: 3, WriteQueues: 3}) {
		t.Errorf("route %+v, %v", parts, err)
	}
	if _, err := l.Route(l.ctx(), "missing"); !errors.Is(err, backend.ErrNoTopic) {
		t.Errorf("route of no topic: %v", err)
	}
	if c, err := l.Topic(l.ctx(), "orders"); err != nil || c.Attributes["message.type"] != "FIFO" || c.ReadQueues != 3 {
		t.Errorf("topic %+v, %v", c, err)
	}
	if _, err := l.Topic(l.ctx(), "missing"); !errors.Is(err, backend.ErrNoTopic) {
		t.Errorf("no topic: %v", err)
	}
	if _, known, err := l.Group(l.ctx(), "nobody"); known || err != nil {
		t.Errorf("no group: %v, %v", known, err)
	}
	if all, err := l.Brokers(l.ctx()); err != nil || len(all) != 1 || all[0] != "a" {
		t.Errorf("brokers %v, %v", all, err)
	}
}

// numbers takes answers and writes down their order.
type numbers struct {
	n   int
	all chan int
	err chan error
}

func (n numbers) Answered(_ *protocol.Frame, err error) {
	n.err <- err
	n.all <- n.n
}

// TestOrderWhileDialling: what is sent while the connection is made goes out in its order when it is.
func TestOrderWhileDialling(t *testing.T) {
	l := start(t, true, remote.Options{MaxWaiting: 50})
	link := l.link()
	defer link.Close()
	all, errs := make(chan int, 100), make(chan error, 100)
	ask := func(i int) error {
		f := &protocol.Frame{Code: protocol.ReqGetMaxOffset, Body: []byte(fmt.Sprint(i))}
		f.Fields.Add("topic", "orders")
		f.Fields.Add("queueId", "0")
		return link.Begin("a", f, time.Now().Add(20*time.Second), numbers{i, all, errs})
	}
	for i := range 50 {
		if err := ask(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(50); err == nil || !strings.Contains(err.Error(), "50 requests of the client wait for a connection, the limits are 50 and") {
		t.Errorf("one too many: %v", err)
	}
	close(l.hold)
	for i := range 50 {
		if err, n := <-errs, <-all; n != i || err != nil {
			t.Fatalf("answer %d came at place %d, %v", n, i, err)
		}
	}
}

// TestClosedLink: who waits is told, and nobody may begin.
func TestClosedLink(t *testing.T) {
	l := start(t, false, remote.Options{})
	link := l.link()
	get := func() error {
		f := &protocol.Frame{Code: protocol.ReqGetMaxOffset}
		return link.Call(l.ctx(), "", f, func(*protocol.Frame) {})
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	f := &protocol.Frame{Code: protocol.ReqPopMessage} // held by the broker, as its 32-bit code tells: the binary encoding would lose it
	h := &protocol.PopMessageHeader{ConsumerGroup: "g", Topic: "orders", QueueID: -1, MaxMsgNums: 1, InvisibleTime: 60000, PollTime: 20000, BornTime: time.Now().UnixMilli()}
	h.Append(&f.Fields)
	if err := link.Call(l.ctx(), "a", f, func(f *protocol.Frame) {
		if f.Code != protocol.ResSubscriptionGroupNotExist {
			t.Errorf("pop: %d %s", f.Code, f.Remark)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := link.Call(l.ctx(), "b", f, nil); !errors.Is(err, backend.ErrNoBroker) {
		t.Errorf("an unknown broker: %v", err)
	}
	link.Close()
	if err := get(); !errors.Is(err, backend.ErrGone) {
		t.Errorf("a closed link: %v", err)
	}
	select {
	case <-link.Done():
	default:
		t.Error("the link is not done")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Join(backend.Client{}, nil); !errors.Is(err, backend.ErrGone) {
		t.Errorf("a closed backend: %v", err)
	}
}
