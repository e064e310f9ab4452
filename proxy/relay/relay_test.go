package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	aerobee "github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// serve starts a node in memory.
func serve(t *testing.T, listen string, settings map[string]string) *aerobee.Server {
	t.Helper()
	s, err := aerobee.Start(aerobee.Config{Memory: true, Settings: settings, Listen: []string{listen}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// lab is two brokers, the first with the NameServer, and a proxy in front of them.
type lab struct {
	t        *testing.T
	a, b     *aerobee.Server
	proxy    *aerobee.Server
	settings map[string]string
}

func start(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t}
	l.a = serve(t, "127.0.0.1:0", map[string]string{"brokerName": "a"})
	l.settings = map[string]string{"brokerName": "b", "namesrvAddr": l.a.Addr(), "roles": "broker"}
	l.b = serve(t, "127.0.0.1:0", l.settings)
	l.proxy = serve(t, "127.0.0.1:0", map[string]string{"roles": "proxy", "namesrvAddr": l.a.Addr()})
	return l
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	l.t.Cleanup(cancel)
	return ctx
}

// topic makes a topic on both brokers.
func (l *lab) topic(name string) {
	l.t.Helper()
	a, err := admin.New(admin.Options{NameServers: []string{l.a.Addr()}})
	if err != nil {
		l.t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // nothing can be lost
	if _, err := a.PutTopic(l.ctx(), admin.Target{}, protocol.TopicConfig{TopicName: name, ReadQueueNums: 2, WriteQueueNums: 2, Perm: 6}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) client(name string) *client.Client {
	l.t.Helper()
	c, err := client.New(client.Config{NameServers: []string{l.proxy.Addr()}, InstanceName: name, HeartbeatInterval: time.Second})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close(l.ctx()) })
	return c
}

// TestTwoBrokers sends to two brokers through the proxy, and has two members share the queues of both: they hear of each other and of what comes.
func TestTwoBrokers(t *testing.T) {
	l := start(t)
	l.topic("orders")
	ctx := l.ctx()
	p, err := l.client("producer").NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	type got struct{ member, broker, body string }
	all := make(chan got, 1000)
	for _, member := range []string{"m1", "m2"} {
		if _, err := l.client(member).NewPushConsumer(ctx, client.PushConfig{Group: "g", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst,
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				for _, d := range ds {
					all <- got{member, d.Queue.BrokerName, string(d.Body)}
				}
				return nil
			}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	members, brokers := map[string]bool{}, map[string]bool{}
	for i := 0; len(members) < 2 || len(brokers) < 2; i++ { // until the members have shared the queues out
		body := fmt.Sprint(i)
		if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		select {
		case g := <-all:
			members[g.member], brokers[g.broker], seen[g.body] = true, true, true
		case <-ctx.Done():
			t.Fatalf("members %v, brokers %v, %d messages", members, brokers, len(seen))
		}
	}
}

// peer is a remoting client that sends frames as they are.
func (l *lab) peer() *remoting.Conn {
	l.t.Helper()
	c, err := remoting.Dial(l.ctx(), l.proxy.Addr(), remoting.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close(); c.Wait() })
	return c
}

func (l *lab) call(c *remoting.Conn, code int32, body []byte, pairs ...string) *protocol.Frame {
	l.t.Helper()
	f := &protocol.Frame{Code: code, Body: body, Version: protocol.CurrentVersion}
	for i := 0; i < len(pairs); i += 2 {
		f.Fields.Add(pairs[i], pairs[i+1])
	}
	answer, err := c.Invoke(l.ctx(), f)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// TestRequests are single requests, served and refused.
func TestRequests(t *testing.T) {
	l := start(t)
	l.topic("orders")
	c := l.peer()
	check := func(f *protocol.Frame, code int32, remark string) *protocol.Frame {
		t.Helper()
		if f.Code != code || !strings.Contains(f.Remark, remark) {
			t.Errorf("answer %d %q, want %d %q", f.Code, f.Remark, code, remark)
		}
		return f
	}
	var r protocol.RouteData
	if err := protocol.UnmarshalBody(check(l.call(c, protocol.ReqGetRouteInfoByTopic, nil, "topic", "orders"), 0, "").Body, &r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range r.Brokers {
		names = append(names, b.Name)
		if b.Addrs[0] != l.proxy.Addr() || len(b.Addrs) != 1 {
			t.Errorf("the route names %v, the proxy is %s", b.Addrs, l.proxy.Addr())
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"a", "b"}) || len(r.Queues) != 2 {
		t.Errorf("route %+v", r)
	}
	check(l.call(c, protocol.ReqGetRouteInfoByTopic, nil, "topic", "missing"), protocol.ResTopicNotExist, "missing")

	queue := []string{"topic", "orders", "queueId", "0"}
	if got := check(l.call(c, protocol.ReqGetMaxOffset, nil, append(queue, "bname", "b")...), 0, "").Fields.String("offset"); got != "0" {
		t.Errorf("offset %q", got)
	}
	check(l.call(c, protocol.ReqGetMaxOffset, nil, queue...), protocol.ResVersionNotSupported, "request 30 doesn't have field bname, and 2 brokers may be meant")
	check(l.call(c, protocol.ReqGetMaxOffset, nil, append(queue, "bname", "c")...), protocol.ResServiceNotAvailable, "broker c: no such broker")
	check(l.call(c, protocol.ReqGetMaxOffset, nil, append(queue, "bname", "a", "queueId", "9")...), 0, "")
	check(l.call(c, protocol.ReqUpdateAndCreateTopic, nil, "topic", "new"), protocol.ResRequestCodeNotSupported, "request type 17 not supported")
	lock := func(broker string) []byte {
		return protocol.MarshalBody(protocol.LockBatchRequest{ClientID: "c", ConsumerGroup: "g", Queues: []protocol.MessageQueue{{Topic: "orders", BrokerName: broker}}})
	}
	if body := string(check(l.call(c, protocol.ReqLockBatchMQ, lock("b")), 0, "").Body); !strings.Contains(body, `"brokerName":"b"`) {
		t.Errorf("lock: %s", body)
	}

	// A heartbeat reaches all brokers, and so does the connection's end.
	beat := protocol.MarshalBody(protocol.HeartbeatData{ClientID: "c@1", ProducerDataSet: []protocol.ProducerData{},
		ConsumerDataSet: []protocol.ConsumerData{{GroupName: "members", ConsumeType: "CONSUME_PASSIVELY", MessageModel: "CLUSTERING", ConsumeFromWhere: "CONSUME_FROM_LAST_OFFSET"}}})
	check(l.call(c, protocol.ReqHeartBeat, beat), 0, "")
	if body := string(check(l.call(c, protocol.ReqGetConsumerListByGroup, nil, "consumerGroup", "members"), 0, "").Body); !strings.Contains(body, "c@1") {
		t.Errorf("members %s", body)
	}
	direct, err := cluster.New(cluster.Options{NameServers: []string{l.a.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close() //nolint:errcheck // nothing can be lost
	member := func(addr string) bool {
		f := &protocol.Frame{Code: protocol.ReqGetConsumerListByGroup}
		f.Fields.Add("consumerGroup", "members")
		answer, err := direct.Invoke(l.ctx(), addr, f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(answer.Body), "c@1")
	}
	if !member(l.a.Addr()) || !member(l.b.Addr()) {
		t.Error("a heartbeat did not reach both brokers")
	}
	_ = c.Close()
	for deadline := l.ctx(); member(l.a.Addr()) || member(l.b.Addr()); {
		if deadline.Err() != nil {
			t.Fatal("a client that is gone stays a member")
		}
	}
}

// TestBrokerComesBack: a broker that is away is refused at once and served again when it is back, and the other one all the time.
func TestBrokerComesBack(t *testing.T) {
	l := start(t)
	l.topic("orders")
	c := l.peer()
	ask := func(broker string) int32 {
		return l.call(c, protocol.ReqGetMaxOffset, nil, "topic", "orders", "queueId", "0", "bname", broker).Code
	}
	if a, b := ask("a"), ask("b"); a != 0 || b != 0 {
		t.Fatalf("codes %d, %d", a, b)
	}
	addr := l.b.Addr()
	if err := l.b.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := ask("a"), ask("b"); a != 0 || b != protocol.ResServiceNotAvailable {
		t.Errorf("with b away: codes %d, %d", a, b)
	}
	l.b = serve(t, addr, l.settings)
	deadline := l.ctx()
	for ask("b") == protocol.ResServiceNotAvailable {
		if deadline.Err() != nil {
			t.Fatal("b is back and not served")
		}
	}
}
