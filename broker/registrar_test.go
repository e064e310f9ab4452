package broker

import (
	"maps"
	"net"
	"testing"

	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

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
	topics  map[string]protocol.TopicConfig
	static  map[string]protocol.TopicQueueMappingInfo // as told last
	version protocol.DataVersion
	gone    bool
}

func (r *registryFake) RegisterLocal(_ protocol.RegisterBrokerHeader, t protocol.TopicConfigTable) {
	r.topics, r.static, r.version = t.Topics, t.Mappings, t.DataVersion
}
func (r *registryFake) ChangeLocal(_ protocol.RegisterBrokerHeader, t protocol.TopicConfigTable, _ []string) {
	maps.Copy(r.topics, t.Topics)
	r.static, r.version = t.Mappings, t.DataVersion
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
	static := plainTopic("s", 2)
	static.Static = &topic.Static{Epoch: 7, Scope: topic.GlobalScope}
	if _, err := b.ensureTopic(t.Context(), static); err != nil {
		t.Fatal(err)
	}
	if m := registry.static["s"]; m.TotalQueues != 2 || len(m.CurrIDMap) != 2 || m.CurrIDMap[1] != 1 || m.Epoch != 7 {
		t.Errorf("registered %+v of a static topic", m)
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
