package reach

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestReturned: part of a name is not the name, and the retry topics of a group are its own, not those of groups whose names begin alike.
func TestReturned(t *testing.T) {
	group := "g"
	f := func(topic, properties, origin string, want bool) {
		t.Helper()
		r := message.Record{Topic: []byte(topic)}
		if key, value, ok := strings.Cut(properties, "="); ok {
			r.Properties = message.AppendProperty(nil, key, value)
		}
		if err := Returned(&r, &protocol.SendBackHeader{Group: group, OriginTopic: origin}); (err == nil) != want {
			t.Errorf("%s %s of %q: %v", topic, properties, origin, err)
		}
	}
	f("t", "", "t", true)
	f("t", "", "", true)
	f("ns%t", "", "t", false)
	f("%RETRY%h", "RETRY_TOPIC=t", "t", true)
	f("%RETRY%h", "RETRY_TOPIC=ns%t", "t", false)
	f("%RETRY%g", "", "t", true)
	f("%RETRY%g_t", "", "t", true)
	f("%RETRY%g+t", "", "t", true)
	f("%RETRY%g_other", "", "t", false)
	f("%RETRY%gh", "", "t", false)
	f("parent", "INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b", "%LMQ%b", true)
	f("parent", "INNER_MULTI_DISPATCH=%LMQ%ab,%LMQ%b", "%LMQ%a", false)
	f("parent", "INNER_MULTI_DISPATCH=%LMQ%a", ",", false)
	f(message.TopicHalf, "REAL_TOPIC=t", "", false)
	group = "ns%g"
	f("ns%t", "", "t", true)
	f("ns%t", "", "ns%t", true)
	f("other%t", "", "t", false)
	f("%RETRY%ns%g+ns%t", "", "t", true)
	f("%RETRY%h", "RETRY_TOPIC=ns%t", "t", true)
}
