package broker

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// nameServerFake takes registrations as a NameServer does and passes them on to the test.
type nameServerFake struct {
	addr    string
	got     chan registration
	version protocol.DataVersion
}

type registration struct {
	code   int32
	header protocol.RegisterBrokerHeader
	id     protocol.BrokerIdentityHeader
	body   protocol.RegisterBrokerBody
	crc    bool
}

func newNameServerFake(t *testing.T) *nameServerFake {
	t.Helper()
	fake := &nameServerFake{got: make(chan registration, 100)}
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqRegisterBroker, "REGISTER_BROKER", func(c *remoting.Conn, f *protocol.Frame) {
		r := registration{code: f.Code}
		if err := r.header.Decode(f.Fields); err != nil {
			t.Error(err)
		}
		body, err := protocol.UnmarshalRegisterBroker(f.Body, r.header.Compressed, f.Version)
		if err != nil {
			t.Error(err)
		}
		r.body = body
		fake.version = body.Topics.DataVersion
		fake.got <- r
		out := f.Reply(protocol.ResSuccess, "")
		_ = c.Send(&out)
	})
	mux.Handle(protocol.ReqQueryDataVersion, "QUERY_DATA_VERSION", func(c *remoting.Conn, f *protocol.Frame) {
		fake.got <- registration{code: f.Code}
		out := f.Reply(protocol.ResSuccess, "")
		out.Fields.AddBool("changed", false)
		out.Body = protocol.MarshalBody(fake.version)
		_ = c.Send(&out)
	})
	mux.Handle(protocol.ReqUnregisterBroker, "UNREGISTER_BROKER", func(c *remoting.Conn, f *protocol.Frame) {
		r := registration{code: f.Code}
		if err := r.id.Decode(f.Fields); err != nil {
			t.Error(err)
		}
		fake.got <- r
		out := f.Reply(protocol.ResSuccess, "")
		_ = c.Send(&out)
	})
	srv := remoting.NewServer(remoting.Options{Mux: mux})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fake.addr = l.Addr().String()
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			srv.Serve(nc, remoting.ConnInfo{})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		_ = srv.Shutdown(t.Context())
	})
	return fake
}

func (fake *nameServerFake) next(t *testing.T, code int32) registration {
	t.Helper()
	select {
	case r := <-fake.got:
		if r.code != code {
			t.Fatalf("request %d came, want %d", r.code, code)
		}
		return r
	case <-time.After(10 * time.Second):
		t.Fatalf("request %d did not come", code)
		return registration{}
	}
}

func TestRegistersAtRemoteNameServers(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		fake := newNameServerFake(t)
		t.Run(map[bool]string{false: "plain", true: "compressed"}[compressed], func(t *testing.T) {
			n := newNode(t, func(o *Options, _ *store.Options) {
				o.NameServers, o.CompressedRegister, o.RegisterPeriod = []string{fake.addr}, compressed, time.Hour
			})
			first := fake.next(t, protocol.ReqRegisterBroker)
			h := first.header
			if h.BrokerName != "broker-a" || h.ClusterName != "DefaultCluster" || h.BrokerAddr != "10.1.2.3:10911" || h.HAServerAddr != "10.1.2.3:10912" || h.BrokerID != 0 || h.BodyCRC32 == 0 {
				t.Errorf("header %+v", h)
			}
			if len(first.body.Topics.Topics) < 8 || first.body.Topics.Topics["TBW102"].Perm != 7 || first.body.Topics.DataVersion.Counter == 0 {
				t.Errorf("topics %+v", first.body.Topics)
			}
			p := n.dial()
			p.want(0, p.send("fresh", 0, "", "x"))
			// The route knew the topic before the send was answered.
			select {
			case r := <-fake.got:
				if r.body.Topics.Topics["fresh"].WriteQueueNums != 4 {
					t.Errorf("registered %+v", r.body.Topics.Topics["fresh"])
				}
			default:
				t.Error("the send was answered before the topic was registered")
			}
		})
		if r := fake.next(t, protocol.ReqUnregisterBroker); r.id.BrokerName != "broker-a" || r.id.BrokerAddr != "10.1.2.3:10911" {
			t.Errorf("unregistered %+v", r.id)
		}
	}
}

func TestRegistersAgainAndOnlyOnChange(t *testing.T) {
	fake := newNameServerFake(t)
	newNode(t, func(o *Options, _ *store.Options) {
		o.NameServers, o.OnChange, o.RegisterPeriod = []string{fake.addr}, true, 20*time.Millisecond
	})
	fake.next(t, protocol.ReqRegisterBroker)
	fake.next(t, protocol.ReqQueryDataVersion)
	fake.next(t, protocol.ReqQueryDataVersion)
}

func TestDeadNameServerStopsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	n := newNode(t, func(o *Options, _ *store.Options) { o.NameServers = []string{l.Addr().String()} })
	p := n.dial()
	p.want(0, p.send("t", 0, "", "x"))
}

// registryFake is a NameServer in the process.
type registryFake struct {
	topics map[string]protocol.TopicConfig
	gone   bool
}

func (r *registryFake) RegisterLocal(_ protocol.RegisterBrokerHeader, t protocol.TopicConfigTable) {
	r.topics = t.Topics
}
func (r *registryFake) UnregisterLocal(protocol.BrokerIdentityHeader) { r.gone = true }

func TestLocalRegistryKnowsTopicsAtOnce(t *testing.T) {
	s, err := store.Open(store.Options{Dir: "store", Memory: true, StoreHost: testHost})
	if err != nil {
		t.Fatal(err)
	}
	var registry registryFake
	b, err := New(s, Options{StoreHost: testHost, Permission: 4}, &registry)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ensureTopic(t.Context(), plainTopic("t", 3)); err != nil {
		t.Fatal(err)
	}
	if c, ok := registry.topics["t"]; !ok || c.Perm != 4 {
		t.Errorf("registered %+v; the broker is read-only", c)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if !registry.gone {
		t.Error("not unregistered")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
