package redelivery

import (
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

func TestMake(t *testing.T) {
	f := func(from string, reconsumed int32, suspended bool, g Group, wantTopic string, wantTimes int32, wantDead bool) {
		t.Helper()
		r := message.Record{Topic: []byte(from), QueueID: 3, ReconsumeTimes: reconsumed, SysFlag: message.FlagTransactionMask,
			StoreHost: netip.MustParseAddrPort("10.1.2.3:10911"), Properties: message.AppendProperty(nil, message.PropKeys, "k")}
		to, dead := Make(&r, 77, pop.Message{Handle: 4711, PopTime: 99, Suspended: suspended}, g)
		if to != wantTopic || dead != wantDead || string(r.Topic) != to || r.ReconsumeTimes != wantTimes || r.QueueID != 0 || r.PreparedOffset != 4711 {
			t.Errorf("%s after %d: to %s, dead %v, then %d times, queue %d, handle %d", from, reconsumed, to, dead, r.ReconsumeTimes, r.QueueID, r.PreparedOffset)
		}
		if r.SysFlag != 0 || r.Properties.GetString(FirstPopTime) != "99" || r.Properties.GetString(OriginGroup) != g.Name || r.Properties.GetString(message.PropKeys) != "k" {
			t.Errorf("%s after %d: flags %x, properties %q", from, reconsumed, r.SysFlag, r.Properties)
		}
		if origin := r.Properties.GetString(message.PropDLQOriginTopic); dead && origin != "T_x" {
			t.Errorf("%s: the dead letter's origin is %s", from, origin)
		}
	}
	g := Group{Name: "g", RetryMaxTimes: 2}
	f("T_x", 0, false, g, "%RETRY%g_T_x", 1, false)
	f("T_x", 0, true, g, "%RETRY%g_T_x", 0, false)
	f("T_x", 0, false, Group{Name: "g", RetryMaxTimes: 2, V2: true}, "%RETRY%g+T_x", 1, false)
	f("%RETRY%g_T_x", 1, false, g, "%RETRY%g_T_x", 2, false)
	f("%RETRY%g_T_x", 2, false, g, "%DLQ%g", 3, true)
	f("%RETRY%g+T_x", 2, false, g, "%DLQ%g", 3, true)
	f("%RETRY%g_T_x", 2, true, g, "%RETRY%g_T_x", 2, false)
	f("T_x", 0, false, Group{Name: "g"}, "%DLQ%g", 1, true)
	f("%RETRY%g_T_x", 15, false, Group{Name: "g", RetryMaxTimes: -1}, "%RETRY%g_T_x", 16, false)
	f("%RETRY%g_T_x", 16, false, Group{Name: "g", RetryMaxTimes: -1}, "%DLQ%g", 17, true)
}

// What Make adds to a copy, Bare takes away, and nothing that the message had.
func TestBare(t *testing.T) {
	f := func(text string, limit int32, with string) {
		t.Helper()
		had := message.AppendProperty(nil, message.PropKeys, "k")
		if with != "" {
			had = message.AppendProperty(had, message.PropRetryTopic, with)
		}
		r := message.Record{Topic: []byte("%RETRY%g"), StoreHost: netip.MustParseAddrPort("10.1.2.3:10911"), Properties: had}
		Make(&r, 77, pop.Message{Handle: 4711, PopTime: 99}, Group{Name: "g", RetryMaxTimes: limit})
		Bare(&r)
		if string(r.Properties) != string(had) {
			t.Errorf("%s: %q are left, want %q", text, r.Properties, had)
		}
	}
	f("dead", 0, "")
	f("again", 1, "")
	f("again, sent back before", 1, "T")
}

func TestOrigin(t *testing.T) {
	for from, want := range map[string]string{"T": "T", "%RETRY%g_T": "T", "%RETRY%g+T": "T", "%RETRY%g": "%RETRY%g", "%RETRY%g2_T": "%RETRY%g2_T", "%RETRY%g_": "%RETRY%g_"} {
		if got := Origin("g", from); got != want {
			t.Errorf("the origin of %s is %s, want %s", from, got, want)
		}
	}
}
