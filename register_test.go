package aerobee

import (
	"net"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// fakeNameServer takes registrations and keeps the first one.
type fakeNameServer struct {
	addr  string
	first chan *protocol.Frame
}

func newFakeNameServer(t *testing.T) *fakeNameServer {
	t.Helper()
	n := &fakeNameServer{first: make(chan *protocol.Frame, 1)}
	mux := remoting.NewMux()
	answer := func(c *remoting.Conn, f *protocol.Frame) {
		if f.Code == protocol.ReqRegisterBroker {
			select {
			case n.first <- f.Clone():
			default:
			}
		}
		r := f.Reply(protocol.ResSuccess, "")
		_ = c.Send(&r)
	}
	mux.Handle(protocol.ReqRegisterBroker, "REGISTER_BROKER", answer)
	mux.Handle(protocol.ReqUnregisterBroker, "UNREGISTER_BROKER", answer)
	server := remoting.NewServer(remoting.Options{Mux: mux})
	t.Cleanup(func() {
		if err := server.Shutdown(t.Context()); err != nil {
			t.Log(err) // the test's context has ended: connections are cut, nothing is left
		}
	})
	n.addr = testnet.Accept(t, func(nc net.Conn) { server.Serve(nc, remoting.ConnInfo{}) })
	return n
}

// wantHAAddr checks the replication address in a registration.
func wantHAAddr(t *testing.T, want string, settings ...string) {
	t.Helper()
	ns := newFakeNameServer(t)
	start(t, append(settings, "namesrvAddr", ns.addr)...)
	var h protocol.RegisterBrokerHeader
	if err := h.Decode((<-ns.first).Fields); err != nil || h.HAServerAddr != want {
		t.Errorf("haServerAddr %q, %v; want %q", h.HAServerAddr, err, want)
	}
}

func testCompressedRegister(t *testing.T) {
	ns := newFakeNameServer(t)
	start(t, "compressedRegister", "true", "namesrvAddr", ns.addr)
	f := <-ns.first
	var h protocol.RegisterBrokerHeader
	if err := h.Decode(f.Fields); err != nil || !h.Compressed {
		t.Fatalf("header %+v, %v", h, err)
	}
	body, err := protocol.UnmarshalRegisterBroker(f.Body, true, f.Version)
	if err != nil || len(body.Topics.Topics) < 2 {
		t.Errorf("%d topics, %v", len(body.Topics.Topics), err)
	}
}

// testActingMaster registers a replica alone and looks whether routes let it stand in for its master.
func testActingMaster(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "false": false} {
		p := start(t, "roles", "namesrv", "supportActingMaster", value).dial(t)
		body := `{"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"topicConfigTable":{` +
			`"A":{"topicName":"A","readQueueNums":1,"writeQueueNums":1,"perm":6},"B":{"topicName":"B","readQueueNums":1,"writeQueueNums":1,"perm":6}}},"filterServerList":[]}`
		r := p.call(protocol.ReqRegisterBroker, body, "brokerName", "b", "brokerAddr", "192.0.2.1:10911", "clusterName", "c",
			"haServerAddr", "192.0.2.1:10912", "brokerId", "1", "enableActingMaster", "true", "compressed", "false", "bodyCrc32", "0")
		p.wantCode(r, protocol.ResSuccess, "")
		route := p.route("A")
		if route == nil {
			t.Fatalf("%s: no route", value)
		}
		if _, acting := route.Brokers[0].Addrs[0]; acting != want {
			t.Errorf("%s: addresses %v", value, route.Brokers[0].Addrs)
		}
	}
}
