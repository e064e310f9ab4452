package register_test

import (
	"maps"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/broker/register"
	"github.com/aerobee-mq/aerobee/internal/testnet"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
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
	t.Cleanup(func() { _ = srv.Shutdown(t.Context()) })
	fake.addr = testnet.Accept(t, func(nc net.Conn) { srv.Serve(nc, remoting.ConnInfo{}) })
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

// topics is a table of topics that a test changes.
type topics struct {
	mu    sync.Mutex
	table topic.Table
}

func (s *topics) add(c topic.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(topic.AppendPut(nil, &c, s.table.Version().Next(1700000000000)))
}

func (s *topics) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(topic.AppendDelete(nil, name, s.table.Version().Next(1700000000000)))
}

func (s *topics) apply(change []byte) {
	if err := s.table.Apply(change, 0); err != nil {
		panic(err)
	}
}

func (s *topics) Topics() []topic.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.All()
}

func (s *topics) TopicVersion() topic.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Version()
}

func (s *topics) TopicsSince(v topic.Version) ([]*topic.Config, []string, topic.Version, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, gone, ok := s.table.Since(v)
	return changed, gone, s.table.Version(), ok
}

// start runs a registrar for a broker of three topics, one of them hidden.
func start(t *testing.T, change func(*register.Options)) (*register.Registrar, *topics) {
	t.Helper()
	source := &topics{}
	for _, name := range []string{"TBW102", "orders", "hidden"} {
		source.add(topic.Config{Name: name, ReadQueues: 8, WriteQueues: 8, Perm: 7})
	}
	opt := register.Options{BrokerName: "broker-a", ClusterName: "DefaultCluster", Addr: "10.1.2.3:10911", HAAddr: "10.1.2.3:10912", Permission: 6,
		Period: time.Hour, Timeout: 6 * time.Second, Hidden: func(name string) bool { return name == "hidden" }}
	change(&opt)
	r := register.New(source, opt)
	r.Start(t.Context())
	return r, source
}

func stop(t *testing.T, r *register.Registrar) {
	t.Helper()
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRegistersChangesAndUnregisters(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		fake := newNameServerFake(t)
		r, source := start(t, func(o *register.Options) { o.NameServers, o.Compressed = []string{fake.addr}, compressed })
		first := fake.next(t, protocol.ReqRegisterBroker)
		h := first.header
		if h.BrokerName != "broker-a" || h.ClusterName != "DefaultCluster" || h.BrokerAddr != "10.1.2.3:10911" || h.HAServerAddr != "10.1.2.3:10912" ||
			h.BrokerID != 0 || h.BodyCRC32 == 0 || h.Compressed != compressed {
			t.Errorf("header %+v", h)
		}
		if got := first.body.Topics; len(got.Topics) != 2 || got.Topics["orders"].Perm != 7 || got.Topics["orders"].WriteQueueNums != 8 || got.DataVersion.Counter != 3 {
			t.Errorf("topics %+v", got)
		}
		source.add(topic.Config{Name: "fresh", ReadQueues: 4, WriteQueues: 4, Perm: 6})
		r.Publish(t.Context())
		select { // Publish has waited for it
		case got := <-fake.got:
			if got.body.Topics.Topics["fresh"].WriteQueueNums != 4 {
				t.Errorf("registered %+v", got.body.Topics.Topics["fresh"])
			}
		default:
			t.Error("Publish returned before the NameServer knew the topic")
		}
		source.add(topic.Config{Name: "poked", ReadQueues: 2, WriteQueues: 2, Perm: 6, Static: &topic.Static{Epoch: 7, Scope: "__global__"}})
		r.Poke()
		got := fake.next(t, protocol.ReqRegisterBroker).body.Topics
		if got.Topics["poked"].WriteQueueNums != 2 {
			t.Errorf("registered %+v", got.Topics["poked"])
		}
		want := map[string]protocol.TopicQueueMappingInfo{"poked": {BrokerName: "broker-a", Topic: "poked", TotalQueues: 2, Epoch: 7, Scope: "__global__",
			CurrIDMap: map[int32]int32{0: 0, 1: 1}}}
		if diff := cmp.Diff(want, got.Mappings); diff != "" {
			t.Errorf("static topics: %s", diff)
		}
		stop(t, r)
		if got := fake.next(t, protocol.ReqUnregisterBroker); got.id.BrokerName != "broker-a" || got.id.BrokerAddr != "10.1.2.3:10911" {
			t.Errorf("unregistered %+v", got.id)
		}
	}
}

func TestRegistersNoMoreThanTheBrokersPermission(t *testing.T) {
	fake := newNameServerFake(t)
	r, _ := start(t, func(o *register.Options) { o.NameServers, o.Permission = []string{fake.addr}, 4 })
	if got := fake.next(t, protocol.ReqRegisterBroker).body.Topics.Topics["orders"]; got.Perm != 4 {
		t.Errorf("perm %d of a topic with 7 on a read-only broker, want 4", got.Perm)
	}
	stop(t, r)
}

func TestAsksBeforeItRegistersAgain(t *testing.T) {
	fake := newNameServerFake(t)
	r, _ := start(t, func(o *register.Options) {
		o.NameServers, o.OnChange, o.Period = []string{fake.addr}, true, 20*time.Millisecond
	})
	fake.next(t, protocol.ReqRegisterBroker)
	fake.next(t, protocol.ReqQueryDataVersion)
	fake.next(t, protocol.ReqQueryDataVersion)
	stop(t, r)
}

// slowRegistry is a NameServer in the process that takes its time.
type slowRegistry struct {
	enter, leave chan struct{} // nil: no time
	known        map[string]protocol.TopicConfig
	whole        int // how often it was told everything
}

func (s *slowRegistry) RegisterLocal(_ protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable) {
	s.known = topics.Topics
	s.whole++
}

func (s *slowRegistry) ChangeLocal(_ protocol.RegisterBrokerHeader, topics protocol.TopicConfigTable, gone []string) {
	if s.enter != nil {
		s.enter <- struct{}{}
		<-s.leave
	}
	maps.Copy(s.known, topics.Topics)
	for _, name := range gone {
		delete(s.known, name)
	}
}

func (s *slowRegistry) UnregisterLocal(protocol.BrokerIdentityHeader) { s.known = nil }

// TestNoOlderTableOvertakes lets two changes be published at once: the route has both when either call returns that must have made it.
func TestNoOlderTableOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, local := &topics{}, &slowRegistry{}
		source.add(topic.Config{Name: "TBW102", ReadQueues: 8, WriteQueues: 8, Perm: 7})
		r := register.New(source, register.Options{Permission: 6, Hidden: func(string) bool { return false }}, local)
		r.Start(t.Context())
		local.enter, local.leave = make(chan struct{}, 2), make(chan struct{})
		var first, second, third bool
		source.add(topic.Config{Name: "a"})
		go func() { r.Publish(t.Context()); first = true }()
		<-local.enter
		go func() { r.Publish(t.Context()); second = true }() // there is nothing newer, but it has not been told yet
		source.add(topic.Config{Name: "b"})
		go func() { r.Publish(t.Context()); third = true }()
		synctest.Wait()
		if first || second || third || len(local.known) != 1 {
			t.Errorf("returned %v %v %v before the NameServer knew, which knows %v", first, second, third, local.known)
		}
		close(local.leave)
		synctest.Wait()
		if _, ok := local.known["b"]; !ok || !first || !second || !third {
			t.Errorf("returned %v %v %v; the NameServer knows %v", first, second, third, local.known)
		}
		stop(t, r)
	})
}

// TestTellsWhatChanged makes, changes and deletes topics: the NameServer in the process is told of these alone, but of everything
// after more changes than are remembered.
func TestTellsWhatChanged(t *testing.T) {
	source, local := &topics{}, &slowRegistry{}
	r := register.New(source, register.Options{Permission: 4, Hidden: func(name string) bool { return name == "hidden" }}, local)
	source.add(topic.Config{Name: "TBW102", Perm: 6})
	r.Start(t.Context())
	source.add(topic.Config{Name: "a", Perm: 6})
	source.add(topic.Config{Name: "b", Perm: 6})
	source.add(topic.Config{Name: "hidden", Perm: 6})
	r.Publish(t.Context())
	source.add(topic.Config{Name: "b", Perm: 2})
	source.remove("a")
	r.Publish(t.Context())
	want := map[string]protocol.TopicConfig{
		"TBW102": {TopicName: "TBW102", Perm: 4, TopicFilterType: "SINGLE_TAG"}, "b": {TopicName: "b", TopicFilterType: "SINGLE_TAG"}}
	if diff := cmp.Diff(want, local.known); diff != "" || local.whole != 1 {
		t.Errorf("told everything %d times, and the route has (-want +got)\n%s", local.whole, diff)
	}
	for i := range 2000 {
		source.add(topic.Config{Name: strconv.Itoa(i)})
	}
	source.remove("b")
	r.Publish(t.Context())
	if _, ok := local.known["b"]; ok || local.whole != 2 || len(local.known) != 2001 {
		t.Errorf("after 2001 changes at once: told everything %d times, %d topics are routed", local.whole, len(local.known))
	}
	stop(t, r)
}
