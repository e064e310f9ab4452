package nameserver

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// harness is a NameServer behind a remoting server. It runs inside a synctest bubble: connections are pipes, time is false.
type harness struct {
	t        *testing.T
	ns       *Server
	remoting *remoting.Server
}

// start runs the body in a bubble with a NameServer.
func start(t *testing.T, opt Options, body func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opt.Logger = slog.New(slog.DiscardHandler)
		ns, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		mux := remoting.NewMux()
		ns.Mount(mux)
		h := &harness{t: t, ns: ns, remoting: remoting.NewServer(remoting.Options{Mux: mux, Closed: ns.ConnClosed, Logger: opt.Logger, IdleTimeout: time.Hour})}
		body(h)
		if err := h.remoting.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		ns.Close()
	})
}

// peer is one connection to the server.
type peer struct {
	t  *testing.T
	nc net.Conn
}

func (h *harness) dial(local string) *peer {
	ours, theirs := net.Pipe()
	go h.remoting.Serve(theirs, remoting.ConnInfo{Remote: netip.MustParseAddrPort("192.0.2.9:4000"), Local: netip.MustParseAddrPort(local)})
	return &peer{h.t, ours}
}

func (p *peer) close() {
	p.t.Helper()
	if err := p.nc.Close(); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

// send writes a request and returns the answer.
func (p *peer) send(f protocol.Frame) *protocol.Frame {
	p.t.Helper()
	f.Opaque = 7
	if f.Version == 0 {
		f.Version = protocol.CurrentVersion
	}
	if _, err := p.nc.Write(protocol.AppendFrame(nil, &f)); err != nil {
		p.t.Fatal(err)
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(p.nc, size); err != nil {
		p.t.Fatalf("code %d: %v", f.Code, err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(p.nc, b); err != nil {
		p.t.Fatal(err)
	}
	var r protocol.Frame
	if err := protocol.DecodeFrame(b, &r); err != nil {
		p.t.Fatal(err)
	}
	if r.Opaque != 7 || !r.IsResponse() {
		p.t.Fatalf("code %d: answer %+v", f.Code, r)
	}
	return &r
}

// ask sends a code with fields.
func (p *peer) ask(code int32, fields ...string) *protocol.Frame {
	p.t.Helper()
	f := protocol.Frame{Code: code}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	return p.send(f)
}

func (p *peer) want(r *protocol.Frame, code int32, body string) {
	p.t.Helper()
	if r.Code != code || string(r.Body) != body {
		p.t.Errorf("got code %d (%s), body %s; want code %d, body %s", r.Code, r.Remark, r.Body, code, body)
	}
}

// captured is a frame that the 5.5.0 broker sent.
func captured(t testing.TB, name string) protocol.Frame {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "protocol", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var f protocol.Frame
	if err := protocol.DecodeFrame(b[4:], &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// answer is a body that the 5.5.0 NameServer sent after that broker had registered.
func answer(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "protocol", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The 5.5.0 broker's registrations, byte for byte, and the answers that the 5.5.0 NameServer gave after them.
func TestAnswersAsApacheAnswers(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		broker, client := h.dial("10.0.0.1:9876"), h.dial("10.0.0.1:9876")
		delta := broker.send(captured(t, "register_delta.frame"))
		if delta.Code != protocol.ResSystemError || !strings.HasPrefix(delta.Remark, "register broker failed") {
			t.Errorf("one topic before the whole table: %+v", delta)
		}
		broker.want(broker.send(captured(t, "register_plain.frame")), 0, "")
		broker.want(broker.send(captured(t, "register_delta.frame")), 0, "")
		broker.want(broker.send(captured(t, "register_compressed.frame")), 0, "")

		old := protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic, Version: 317}
		old.Fields.Add("topic", "golden")
		client.want(client.send(old), 0, answer(t, "route_fastjson.json"))
		old.Fields.Add("acceptStandardJsonOnly", "true")
		client.want(client.send(old), 0, answer(t, "route_standard.json"))
		client.want(client.ask(105, "topic", "golden"), 0, answer(t, "route_standard.json"))
		client.want(client.ask(105, "topic", "golden", "__ZONE_MODE", "true", "__ZONE_NAME", "z1"), 0, `{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}`)
		client.want(client.ask(106), 0, answer(t, "cluster.json"))
		client.want(client.ask(304), 0, `{"brokerAddr":"127.0.0.1:21010","topicList":["DefaultCluster","broker-a"]}`)
		client.want(client.ask(901, "clusterName", "DefaultCluster", "brokerName", "broker-a"), 0, answer(t, "member_group.json"))

		var want, got protocol.TopicList
		for _, code := range []int32{206, 224} {
			if err := errors.Join(protocol.UnmarshalBody([]byte(answer(t, "topic_list.json")), &want), protocol.UnmarshalBody(client.ask(code, "cluster", "DefaultCluster").Body, &got)); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(sorted(want.Topics), sorted(got.Topics)); d != "" {
				t.Errorf("%d: %s", code, d)
			}
		}
		client.want(client.ask(224, "cluster", "nix"), 0, `{"topicList":[]}`)
		client.want(client.ask(311), 0, `{"topicList":[]}`)
		if r := client.ask(105, "topic", "absent"); r.Code != protocol.ResTopicNotExist || r.Remark != "No topic route info in name server for the topic: absent" {
			t.Errorf("%+v", r)
		}
		if r := client.ask(105); r.Code != protocol.ResTopicNotExist {
			t.Errorf("no topic named: %+v", r)
		}
		if r := client.ask(205, "brokerName", "broker-a"); r.Fields.String("wipeTopicCount") != "16" {
			t.Errorf("%+v", r)
		}
		if body := string(client.ask(105, "topic", "golden").Body); !strings.Contains(body, `"perm":4,`) {
			t.Errorf("write permission is still there: %s", body)
		}
		if r := client.ask(327, "brokerName", "broker-a"); r.Fields.String("addTopicCount") != "16" {
			t.Errorf("%+v", r)
		}
	})
}

func sorted(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

func TestDataVersionAndHeartbeat(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		p.send(captured(t, "register_plain.frame"))
		identity := []string{"brokerName", "broker-a", "brokerAddr", "127.0.0.1:21010", "clusterName", "DefaultCluster", "brokerId", "0"}
		ask := func(body string, changed string) string {
			t.Helper()
			f := protocol.Frame{Code: protocol.ReqQueryDataVersion, Body: []byte(body)}
			for i := 0; i < len(identity); i += 2 {
				f.Fields.Add(identity[i], identity[i+1])
			}
			r := p.send(f)
			if r.Code != 0 || r.Fields.String("changed") != changed {
				t.Errorf("%s: %+v", body, r)
			}
			return string(r.Body)
		}
		have := ask(`{"counter":0,"stateVersion":0,"timestamp":0}`, "true")
		if same := ask(have, "false"); same != have || have == "" {
			t.Errorf("version %s, then %s", have, same)
		}
		// 322 and 904 are signs of life: 110 s twice is more than the 120 s that silence may last.
		time.Sleep(110 * time.Second)
		ask(have, "false")
		time.Sleep(110 * time.Second)
		p.want(p.ask(904, identity...), 0, "")
		time.Sleep(110 * time.Second)
		if r := p.ask(105, "topic", "golden"); r.Code != 0 {
			t.Errorf("expired in spite of its signs of life: %+v", r)
		}
		p.want(p.ask(104, identity...), 0, "")
		if r := p.ask(105, "topic", "golden"); r.Code != protocol.ResTopicNotExist {
			t.Errorf("unregistered and still there: %+v", r)
		}
		identity[3] = "127.0.0.1:1"
		if body := ask(have, "true"); body != "" {
			t.Errorf("an unknown broker has the version %s", body)
		}
	})
}

func TestSilenceAndDisconnection(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		broker, client := h.dial("10.0.0.1:9876"), h.dial("10.0.0.1:9876")
		broker.send(captured(t, "register_plain.frame"))
		time.Sleep(120 * time.Second)
		if r := client.ask(105, "topic", "golden"); r.Code != 0 {
			t.Errorf("120 s are allowed: %+v", r)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if r := client.ask(105, "topic", "golden"); r.Code != protocol.ResTopicNotExist {
			t.Errorf("silent for 126 s and still there: %+v", r)
		}
		if _, err := broker.nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the expired broker's connection is open: %v", err)
		}

		again := h.dial("10.0.0.1:9876")
		again.send(captured(t, "register_plain.frame"))
		if r := client.ask(105, "topic", "golden"); r.Code != 0 {
			t.Errorf("%+v", r)
		}
		again.close()
		if r := client.ask(105, "topic", "golden"); r.Code != protocol.ResTopicNotExist {
			t.Errorf("gone and still there: %+v", r)
		}
	})
}

func TestLocalBroker(t *testing.T) {
	rule, err := route.ParseRule("203.0.113.5:30911@192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	local := route.Registration{Cluster: "c", Broker: "me", Addr: "10.0.0.1:10911", Topics: []route.Topic{{Name: "t", ReadQueues: 1, WriteQueues: 1, Perm: 6}}}
	f := func(opt Options, addr string) {
		t.Helper()
		opt.Canonical = netip.MustParseAddrPort("10.0.0.1:10911")
		start(t, opt, func(h *harness) {
			p := h.dial("[2001:db8::1]:9876")
			p.send(captured(t, "register_plain.frame"))
			h.ns.RegisterLocal(local)
			p.want(p.ask(105, "topic", "t"), 0, `{"brokerDatas":[{"brokerAddrs":{"0":"`+addr+`"},"brokerName":"me","cluster":"c","enableActingMaster":false}],`+
				`"filterServerTable":{},"queueDatas":[{"brokerName":"me","perm":6,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":1}]}`)
			if body := string(p.ask(106).Body); !strings.Contains(body, `{0:"`+addr+`"}`) || !strings.Contains(body, `{0:"127.0.0.1:21010"}`) {
				t.Errorf("cluster info: %s", body)
			}
			time.Sleep(time.Hour - time.Second) // no sign of life is needed
			if r, ok := h.ns.Route("t", route.Client{}); !ok || r.Brokers[0].Addrs[0] == "" {
				t.Errorf("the local broker expired: %+v", r)
			}
			second := local
			second.Topics, second.Version, second.Gone = []route.Topic{{Name: "u", Perm: 6}}, route.Version{Counter: 1}, []string{"t"}
			h.ns.RegisterLocal(second)
			p = h.dial("10.0.0.1:9876")
			if r := p.ask(105, "topic", "t"); r.Code != protocol.ResTopicNotExist {
				t.Errorf("a deleted topic: %+v", r)
			}
			if r := p.ask(105, "topic", "u"); r.Code != 0 {
				t.Errorf("a topic that came later: %+v", r)
			}
			h.ns.UnregisterLocal()
			if r := p.ask(105, "topic", "u"); r.Code != protocol.ResTopicNotExist {
				t.Errorf("after the stop: %+v", r)
			}
		})
	}
	f(Options{}, "[2001:db8::1]:9876")
	f(Options{Advertise: []route.Rule{rule}}, "203.0.113.5:30911")
}

func TestRefusedRegistrations(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		f := func(change func(*protocol.Frame), want string) {
			t.Helper()
			frame := captured(t, "register_plain.frame")
			change(&frame)
			if r := p.send(frame); r.Code != protocol.ResSystemError || !strings.Contains(r.Remark, want) {
				t.Errorf("got %d %s, want %s", r.Code, r.Remark, want)
			}
		}
		set := func(f *protocol.Frame, name, value string) {
			for i := range f.Fields {
				if string(f.Fields[i].Key) == name {
					f.Fields[i].Value = []byte(value)
				}
			}
		}
		f(func(f *protocol.Frame) { f.Body[10] ^= 1 }, "crc32 not match")
		f(func(f *protocol.Frame) { set(f, "brokerId", "x") }, "the custom field <brokerId> is not a 64-bit integer")
		f(func(f *protocol.Frame) { f.Fields = nil }, "the custom field <brokerName> is null")
		f(func(f *protocol.Frame) { set(f, "bodyCrc32", "0"); f.Body = f.Body[:100] }, "decode the JSON body of 100 bytes")
		f(func(f *protocol.Frame) { set(f, "bodyCrc32", "0"); set(f, "compressed", "true") }, "decode the register body")
		var bomb bytes.Buffer
		w := zlib.NewWriter(&bomb)
		if _, err := w.Write(make([]byte, protocol.MaxRegisterBytes+1)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f(func(f *protocol.Frame) { set(f, "bodyCrc32", "0"); f.Body = bomb.Bytes() }, "limit of 33554432")
		if r := p.ask(206); string(r.Body) != `{"topicList":[]}` {
			t.Errorf("something was taken: %s", r.Body)
		}
	})
}

func TestSingleTopic(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		p.send(captured(t, "register_plain.frame"))
		f := protocol.Frame{Code: protocol.ReqRegisterTopicInNamesrv, Body: []byte(strings.Replace(answer(t, "route_fastjson.json"), `"perm":6`, `"perm":2`, 1))}
		f.Fields.Add("topic", "single")
		p.want(p.send(f), 0, "")
		if body := string(p.ask(105, "topic", "single").Body); !strings.Contains(body, `"perm":2`) {
			t.Errorf("got %s", body)
		}
		p.want(p.ask(216, "topic", "single", "clusterName", "nix"), 0, "")
		if r := p.ask(105, "topic", "single"); r.Code != 0 {
			t.Errorf("%+v", r)
		}
		p.want(p.ask(216, "topic", "single"), 0, "")
		if r := p.ask(105, "topic", "single"); r.Code != protocol.ResTopicNotExist {
			t.Errorf("%+v", r)
		}
		f.Body = []byte("{")
		if r := p.send(f); r.Code != protocol.ResSystemError {
			t.Errorf("half a body: %+v", r)
		}
	})
}

func TestConfig(t *testing.T) {
	start(t, Options{}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		p.send(captured(t, "register_plain.frame"))
		update := func(text string, code int32, remark string) {
			t.Helper()
			if r := p.send(protocol.Frame{Code: protocol.ReqUpdateNamesrvConfig, Body: []byte(text)}); r.Code != code || !strings.Contains(r.Remark, remark) {
				t.Errorf("%q: %+v", text, r)
			}
		}
		p.want(p.ask(100, "namespace", "ORDER_TOPIC_CONFIG", "key", "golden", "value", "broker-a:4"), 0, "")
		if body := string(p.ask(105, "topic", "golden").Body); strings.Contains(body, "orderTopicConf") {
			t.Errorf("orderMessageEnable is off: %s", body)
		}
		update("orderMessageEnable=true\nenableTopicList=false\n", 0, "")
		if body := string(p.ask(105, "topic", "golden").Body); !strings.Contains(body, `"orderTopicConf":"broker-a:4"`) {
			t.Errorf("orderMessageEnable is on: %s", body)
		}
		for _, code := range []int32{224, 311, 312, 313} {
			if r := p.ask(code, "cluster", "c"); r.Code != protocol.ResSystemError {
				t.Errorf("%d: %+v", code, r)
			}
		}
		update("enableTopicList=true\nkvConfigPath=/x\n", protocol.ResNoPermission, "black list: kvConfigPath")
		update("enableTopicList=maybe\n", protocol.ResSystemError, "line 1: enableTopicList is true or false")
		update("enableTopicList=true\nlistenPort=1\n", protocol.ResSystemError, `line 2: "listenPort" cannot be changed`)
		if body := string(p.ask(319).Body); body != "enableAllTopicList=true\nenableTopicList=false\norderMessageEnable=true\nreturnOrderTopicConfigToBroker=true\n"+
			"scanNotActiveBrokerInterval=5000\nsupportActingMaster=false\ndeleteTopicWithBrokerRegistration=false\n" {
			t.Errorf("got %s", body)
		}
		p.want(p.send(captured(t, "register_plain.frame")), 0, `{"table":{"golden":"broker-a:4"}}`)
		update("returnOrderTopicConfigToBroker=false\nenableAllTopicList=false", 0, "")
		p.want(p.send(captured(t, "register_plain.frame")), 0, "")
		if r := p.ask(206); r.Code != protocol.ResSystemError {
			t.Errorf("%+v", r)
		}
	})
}

func TestKVSurvivesTheRestart(t *testing.T) {
	fs := crashable(t)
	start(t, Options{KV: NewFileKV(fs, "data", "kvConfig.json")}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		p.want(p.ask(100, "namespace", "n", "key", "a", "value", "1"), 0, "")
		p.want(p.ask(100, "namespace", "n", "key", "b", "value", "2"), 0, "")
		p.want(p.ask(102, "namespace", "n", "key", "a"), 0, "")
		p.want(p.ask(219, "namespace", "n"), 0, `{"table":{"b":"2"}}`)
		if r := p.ask(101, "namespace", "n", "key", "b"); r.Fields.String("value") != "2" {
			t.Errorf("%+v", r)
		}
		if r := p.ask(101, "namespace", "n", "key", "a"); r.Code != protocol.ResQueryNotFound || r.Remark != "No config item, Namespace: n Key: a" {
			t.Errorf("%+v", r)
		}
		if r := p.ask(219, "namespace", "nix"); r.Code != protocol.ResQueryNotFound {
			t.Errorf("%+v", r)
		}
		for code := range map[int32]bool{100: true, 101: true, 102: true, 219: true} {
			if r := p.ask(code); r.Code != protocol.ResSystemError || r.Remark != "the custom field <namespace> is null" {
				t.Errorf("%d: %+v", code, r)
			}
		}
	})
	after := fs.CrashClone(vfs.CrashCloneCfg{}) // all that was not synced is lost
	start(t, Options{KV: NewFileKV(after, "data", "kvConfig.json")}, func(h *harness) {
		p := h.dial("10.0.0.1:9876")
		p.want(p.ask(219, "namespace", "n"), 0, `{"table":{"b":"2"}}`)
	})
}
