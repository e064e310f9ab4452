package recall

import (
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

func TestCheck(t *testing.T) {
	const now = 1_700_000_000_000
	r := Rules{Broker: "b", MaxDelay: time.Hour}
	good := message.RecallHandle{Topic: "T", Broker: "b", Millis: now + 1, UniqueKey: "k"}
	f := func(change func(h *message.RecallHandle), want string) {
		t.Helper()
		h := good
		change(&h)
		got, no := r.Check("T", h.String(), now)
		switch {
		case want == "" && (no != nil || got != h):
			t.Errorf("%+v is refused: %+v", h, no)
		case want != "" && (no == nil || no.Code != 604 || !strings.Contains(no.Remark, want)):
			t.Errorf("%+v: %+v, want %q", h, no, want)
		}
	}
	f(func(*message.RecallHandle) {}, "")
	f(func(h *message.RecallHandle) { h.Topic = "U" }, "topic not match: the handle is of topic U")
	f(func(h *message.RecallHandle) { h.Broker = "c" }, "the handle is of broker c, this is b")
	f(func(h *message.RecallHandle) { h.Millis = now }, "timestamp invalid")
	f(func(h *message.RecallHandle) { h.Millis = now + 3_600_000 }, "less than 3600000 ms")
	f(func(h *message.RecallHandle) { h.Millis = now + 3_599_999 }, "")
	if _, no := r.Check("T", "x", now); no == nil || no.Remark != "recall handle is invalid" {
		t.Errorf("%+v", no)
	}
	rec := Record(good, "", now)
	if key := rec.Properties.GetString(message.PropTimerDelete); key != "k" || string(rec.Topic) != "T" {
		t.Errorf("the record takes back %q of %s", key, rec.Topic)
	}
	if _, ok := rec.Properties.Get(message.PropProducerGroup); ok {
		t.Error("no group, and the record has one")
	}
}
