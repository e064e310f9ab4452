package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// node is a broker over a memory store, reachable by real connections.
type node struct {
	*Broker
	t     testing.TB
	store *store.Store
	srv   *remoting.Server
	addr  string
}

var testHost = netip.MustParseAddrPort("10.1.2.3:10911")

// newNode starts a broker; change may alter its options and the store's before.
func newNode(t testing.TB, change ...func(*Options, *store.Options)) *node {
	t.Helper()
	return newNodeOver(t, func(s Store) Store { return s }, change...)
}

// newNodeOver is newNode with something between the broker and the store.
func newNodeOver(t testing.TB, between func(Store) Store, change ...func(*Options, *store.Options)) *node {
	t.Helper()
	opt := Options{StoreHost: testHost}
	n := &node{t: t}
	arrived := func(a []store.Arrival) {
		if n.Broker != nil {
			n.Arrived(a)
		}
	}
	so := store.Options{Dir: "store", Memory: true, StoreHost: testHost, OnArrive: arrived, TellWaiting: true}
	for _, c := range change {
		c(&opt, &so)
	}
	s, err := store.Open(so)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(between(s), opt)
	if err != nil {
		t.Fatal(err)
	}
	n.store, n.Broker = s, b
	mux := remoting.NewMux()
	b.Register(mux)
	srv := remoting.NewServer(remoting.Options{Mux: mux, Closed: b.Closed, AfterRead: b.AfterRead})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if _, err := s.PopAudit(); err != nil { // each message is acknowledged, in flight, deliverable or expired, whatever the test was about
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	n.srv = srv
	n.addr = testnet.Accept(t, func(nc net.Conn) { srv.Serve(nc, remoting.ConnInfo{}) })
	return n
}

// peer is a client's connection.
type peer struct {
	t    testing.TB
	conn *remoting.Conn
	told chan *protocol.Frame // requests from the broker
}

func (n *node) dial() *peer {
	n.t.Helper()
	p := &peer{t: n.t, told: make(chan *protocol.Frame, 100)}
	mux := remoting.NewMux()
	for _, code := range []int32{protocol.ReqNotifyConsumerIDsChanged, protocol.ReqGetConsumerRunningInfo, protocol.ReqConsumeMessageDirectly,
		protocol.ReqCheckTransactionState} {
		mux.Handle(code, "callback", func(c *remoting.Conn, f *protocol.Frame) {
			p.told <- f.Clone()
			if !f.IsOneway() {
				r := f.Reply(protocol.ResSuccess, "")
				r.Body = []byte(`{"mine":1}`)
				_ = c.Send(&r)
			}
		})
	}
	conn, err := remoting.Dial(n.t.Context(), n.addr, remoting.Options{Mux: mux})
	if err != nil {
		n.t.Fatal(err)
	}
	p.conn = conn
	n.t.Cleanup(func() { p.close() })
	return p
}

func (p *peer) close() {
	_ = p.conn.Close()
	p.conn.Wait()
}

// fields writes "k=v k=v" as header fields; "_" in a value stands for a space.
type fields map[string]string

// call sends a request and waits for its answer.
func (p *peer) call(code int32, fs fields, body []byte) *protocol.Frame {
	p.t.Helper()
	return p.callFrame(&protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Fields: wire(fs), Body: body})
}

func (p *peer) callFrame(f *protocol.Frame) *protocol.Frame {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	answer, err := p.conn.Invoke(ctx, f)
	if err != nil {
		p.t.Fatalf("request %d: %v", f.Code, err)
	}
	return answer
}

// start sends a request and returns where its answer will come.
func (p *peer) start(code int32, fs fields) <-chan *protocol.Frame {
	out := make(chan *protocol.Frame, 1)
	f := &protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Fields: wire(fs)}
	go func() {
		defer close(out)
		if answer, err := p.conn.Invoke(context.Background(), f); err == nil {
			out <- answer
		}
	}()
	return out
}

// oneway sends a request that wants no answer.
func (p *peer) oneway(code int32, fs fields, body []byte) {
	p.t.Helper()
	if err := p.conn.Send(&protocol.Frame{Code: code, Flag: protocol.FlagOneway, Opaque: 77, Version: protocol.CurrentVersion, Fields: wire(fs), Body: body}); err != nil {
		p.t.Fatal(err)
	}
}

func wire(fs fields) protocol.Fields {
	var out protocol.Fields
	for k, v := range fs {
		out.Add(k, v)
	}
	return out
}

// want checks an answer's code and returns the answer.
func (p *peer) want(code int32, f *protocol.Frame) *protocol.Frame {
	p.t.Helper()
	if f.Code != code {
		p.t.Fatalf("answered with code %d (%s), want %d", f.Code, f.Remark, code)
	}
	return f
}

// sendFields is a plain send in the form of code 310.
func sendFields(topic string, queue int, properties string) fields {
	return fields{"a": "pg", "b": topic, "c": "TBW102", "d": "4", "e": fmt.Sprint(queue), "f": "0", "g": "1700000000000", "h": "7",
		"i": string(props(properties)), "j": "0", "k": "false", "m": "false"}
}

func (p *peer) send(topic string, queue int, properties, body string) *protocol.Frame {
	p.t.Helper()
	return p.call(protocol.ReqSendMessageV2, sendFields(topic, queue, properties), []byte(body))
}

func pullFields(group, topic string, queue int, from int64) fields {
	return fields{"consumerGroup": group, "topic": topic, "queueId": fmt.Sprint(queue), "queueOffset": fmt.Sprint(from), "maxMsgNums": "32",
		"sysFlag": fmt.Sprint(protocol.PullSubscription), "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0"}
}

func (fs fields) with(more fields) fields {
	out := fields{}
	for k, v := range fs {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func records(t testing.TB, body []byte) []message.Record {
	t.Helper()
	var out []message.Record
	for len(body) > 0 {
		r, err := message.ParseRecord(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := message.Check(body[:r.Size]); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
		body = body[r.Size:]
	}
	return out
}

func bodies(t testing.TB, body []byte) []string {
	var out []string
	for _, r := range records(t, body) {
		out = append(out, string(r.Body))
	}
	return out
}

// beat sends a heartbeat of one consumer group that subscribes to the topics by the expression.
func (p *peer) beat(id, group, model, expression string, topics ...string) *protocol.Frame {
	p.t.Helper()
	data := protocol.HeartbeatData{ClientID: id, ConsumerDataSet: []protocol.ConsumerData{{GroupName: group, ConsumeType: protocol.ConsumePassively, MessageModel: model,
		ConsumeFromWhere: protocol.ConsumeFromLast}}, ProducerDataSet: []protocol.ProducerData{{GroupName: "CLIENT_INNER_PRODUCER"}}}
	for _, topic := range append(topics, message.RetryTopic(group)) {
		s := protocol.SubscriptionData{Topic: topic, SubString: expression, SubVersion: 1}
		if message.IsRetry(topic) {
			s.SubString = "*"
		}
		data.ConsumerDataSet[0].SubscriptionData = append(data.ConsumerDataSet[0].SubscriptionData, s)
	}
	body, err := json.Marshal(data)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.call(protocol.ReqHeartBeat, nil, body)
}

// notified waits for the broker's word that a group has changed.
func (p *peer) notified(group string) {
	p.t.Helper()
	select {
	case f := <-p.told:
		if f.Code != protocol.ReqNotifyConsumerIDsChanged || !f.IsOneway() || f.Fields.String("consumerGroup") != group {
			p.t.Errorf("told request %d of group %q", f.Code, f.Fields.String("consumerGroup"))
		}
	case <-time.After(10 * time.Second):
		p.t.Fatalf("not told of group %s", group)
	}
}

// quiet checks that the broker has sent no request; a round trip before makes sure that it would have arrived.
func (p *peer) quiet() {
	p.t.Helper()
	p.call(protocol.ReqGetMaxOffset, fields{"topic": "none", "queueId": "0"}, nil)
	select {
	case f := <-p.told:
		p.t.Errorf("told request %d, group %q", f.Code, f.Fields.String("consumerGroup"))
	default:
	}
}

// props writes "k=v k=v" as property text.
func props(text string) []byte {
	return []byte(strings.NewReplacer("=", "\x01", " ", "\x02").Replace(text))
}

func readable(b []byte) string {
	return strings.NewReplacer("\x01", "=", "\x02", " ").Replace(string(b))
}
