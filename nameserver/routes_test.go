package nameserver

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/route"
)

// TestRoutesAreForgotten: an answer that is kept is the one that would be made now, whatever has changed in between.
func TestRoutesAreForgotten(t *testing.T) {
	start(t, Options{Settings: Settings{OrderMessageEnable: true}}, func(h *harness) {
		p := h.dial("127.0.0.1:9876")
		body := func() string {
			t.Helper()
			first, second := p.ask(protocol.ReqGetRouteInfoByTopic, "topic", "T"), p.ask(protocol.ReqGetRouteInfoByTopic, "topic", "T")
			if first.Code != second.Code || !bytes.Equal(first.Body, second.Body) {
				t.Errorf("the second answer is %s, the first was %s", second.Body, first.Body)
			}
			return fmt.Sprint(first.Code, " ", string(first.Body))
		}
		want := func(parts ...string) {
			t.Helper()
			got := body()
			for _, part := range parts {
				if !strings.Contains(got, part) {
					t.Errorf("%s: %q is missing", got, part)
				}
			}
		}
		r := route.Registration{Cluster: "C", Broker: "b", Addr: "10.0.0.1:10911", Topics: []route.Topic{{Name: "T", ReadQueues: 4, WriteQueues: 4, Perm: 6}}}
		want("17 ")
		h.ns.RegisterLocal(r)
		want("0 ", `"127.0.0.1:9876"`, `"writeQueueNums":4`)
		other := h.dial("127.0.0.7:9876") // it reaches the broker by another address
		if got := other.ask(protocol.ReqGetRouteInfoByTopic, "topic", "T"); !strings.Contains(string(got.Body), `"127.0.0.7:9876"`) {
			t.Errorf("by another address: %s", got.Body)
		}
		old := protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic, Version: 1}
		old.Fields.Add("topic", "T")
		if got := p.send(old); !strings.Contains(string(got.Body), `{0:"`) {
			t.Errorf("for an old client: %s", got.Body)
		}
		other.close()
		r.Topics[0].WriteQueues, r.Version.Counter = 8, 1
		h.ns.RegisterLocal(r)
		want("0 ", `"writeQueueNums":8`)
		p.want(p.ask(protocol.ReqPutKVConfig, "namespace", "ORDER_TOPIC_CONFIG", "key", "T", "value", "b:8"), protocol.ResSuccess, "")
		want(`"orderTopicConf":"b:8"`)
		gone := r
		gone.Topics, gone.Gone = nil, []string{"T"}
		h.ns.RegisterLocal(gone)
		want("17 ")
		h.ns.RegisterLocal(r)
		h.ns.UnregisterLocal()
		want("17 ")
		p.close()
	})
}

// TestRoutesAreBounded: queries make the server keep so much and no more.
func TestRoutesAreBounded(t *testing.T) {
	var c routeCache
	body := make([]byte, 1<<20)
	for i := range 100 {
		c.put(1, routeKey{topic: fmt.Sprint(i), addr: "127.0.0.1:1"}, body)
	}
	if n := len(c.bodies); n < 10 || n > 16 {
		t.Errorf("%d MiB are kept", n)
	}
	k := routeKey{topic: "new"}
	c.put(2, k, body)
	c.put(1, routeKey{topic: "late"}, body)
	if len(c.bodies) != 1 || c.get(2, k) == nil || c.get(1, k) != nil || c.get(3, k) != nil {
		t.Errorf("%d bodies are kept", len(c.bodies))
	}
}
