package broker

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestDeadLetters lists what died, newest last, and sends it again: a letter becomes a first attempt in the retry topic of its
// group alone.
func TestDeadLetters(t *testing.T) {
	n, log := loggingNode(t)
	p := n.dial()
	l := n.DeadLetters()
	if got := l.Groups(); len(got) != 0 {
		t.Errorf("groups %+v", got)
	}
	p.want(0, p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"g","retryMaxTimes":0}`)))
	for _, body := range []string{"a", "b", "c"} {
		p.want(0, p.callFrame(&protocol.Frame{Code: 310, Version: protocol.CurrentVersion, Body: []byte(body),
			Fields: wire(sendFields("%RETRY%g", 0, "RETRY_TOPIC=t ORIGIN_MESSAGE_ID=x TAGS=tag MAX_RECONSUME_TIMES=16 RECONSUME_TIME=3").with(fields{"j": "3"}))}))
	}
	p.want(0, p.send("%DLQ%g", 0, "", "lost"))
	letters, err := l.List("g", 3)
	if err != nil || len(letters) != 3 || letters[2].Topic != "" || letters[0].Topic != "t" || letters[0].Reconsumed != 3 || letters[0].Bytes != 1 {
		t.Fatalf("%v, %+v", err, letters)
	}
	if got := l.Groups(); len(got) != 1 || got[0].Group != "g" || got[0].Messages != 4 || got[0].Newest.Before(got[0].Oldest) {
		t.Errorf("groups %+v", got)
	}
	if got, err := l.Get("g", letters[0].ID); err != nil || string(got.Body) != "b" || got.Properties["TAGS"] != "tag" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []string{"", "xyz", letters[0].ID[:31] + "F"} {
		if _, err := l.Get("g", id); !errors.Is(err, dead.ErrNone) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := l.Get("h", letters[0].ID); !errors.Is(err, dead.ErrNone) {
		t.Errorf("of another group: %v", err)
	}
	done, err := l.Resend(t.Context(), "me", "g", nil)
	if len(done) != 3 || err == nil || !strings.Contains(err.Error(), "does not say to which topic it was sent") {
		t.Errorf("resent %q, %v", done, err)
	}
	got := p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "%RETRY%g", 0, 0), nil))
	if bodies := bodies(t, got.Body); !slices.Equal(bodies, []string{"a", "b", "c"}) {
		t.Errorf("in the retry topic: %q", bodies)
	}
	for _, r := range records(t, got.Body) {
		for _, name := range []string{message.PropReconsumeTime, message.PropMaxReconsumeTimes, message.PropDelay} {
			if v, ok := r.Properties.Get(name); ok {
				t.Errorf("%s is %s", name, v)
			}
		}
		if v, _ := r.Properties.Get(message.PropRetryTopic); r.ReconsumeTimes != 0 || string(v) != "t" {
			t.Errorf("reconsumed %d, for topic %s", r.ReconsumeTimes, v)
		}
	}
	if got := log.lines("dead letter sent again"); len(got) != 3 || !strings.Contains(got[0], "group=g id="+done[0]+" topic=t who=me") {
		t.Errorf("the log says %q", got)
	}
	p.call(protocol.ReqDeleteSubscriptionGroup, fields{"groupName": "g"}, nil)
	if done, err := l.Resend(t.Context(), "me", "g", done[:1]); err == nil || len(done) != 0 {
		t.Errorf("to a group that is gone: %q, %v", done, err)
	}
}
