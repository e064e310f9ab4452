package kind_test

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/kind"
)

func properties(text string) message.Properties {
	return message.Properties(strings.NewReplacer("=", "\x01", " ", "\x02").Replace(text))
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		properties string
		want       kind.Kind
	}{
		{"", kind.Normal},
		{"TAGS=a KEYS=b", kind.Normal},
		{"__SHARDINGKEY=k", kind.FIFO},
		{"DELAY=0", kind.Delay},
		{"TIMER_DELIVER_MS=1", kind.Delay},
		{"TIMER_DELAY_SEC=1", kind.Delay},
		{"TIMER_DELAY_MS=1", kind.Delay},
		{"TRAN_MSG=TRUE", kind.Transaction},
		{"TRAN_MSG=false", kind.Normal},
		{"TRAN_MSG=truer DELAY=1 __SHARDINGKEY=k", kind.Delay},
		{"TRAN_MSG=true DELAY=1", kind.Transaction},
		{"_SYS_MSG_PRIORITY_=3", kind.Priority},
		{"_SYS_MSG_PRIORITY_=3 __SHARDINGKEY=k", kind.FIFO},
		{"__LITE_TOPIC=a", kind.Lite},
		{"__LITE_TOPIC=a _SYS_MSG_PRIORITY_=3", kind.Priority},
	} {
		if got := kind.Of(properties(c.properties)); got != c.want {
			t.Errorf("%q is %s, want %s", c.properties, got, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	all := []kind.Kind{kind.Normal, kind.FIFO, kind.Delay, kind.Transaction, kind.Priority, kind.Lite}
	for _, topic := range append(all, kind.Mixed, kind.Unspecified) {
		for _, m := range append(all, kind.Unspecified) {
			want := m != kind.Unspecified && (topic == m || topic == kind.Mixed)
			if err := kind.Check(topic, m); (err == nil) != want {
				t.Errorf("a topic of kind %s, a message of kind %s: %v", topic, m, err)
			}
		}
	}
	const want = "TopicMessageType validate failed, the expected type is FIFO, but actual type is NORMAL"
	if err := kind.Check(kind.FIFO, kind.Normal); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := kind.OfTopic(nil); got != kind.Normal {
		t.Errorf("a topic without attributes takes %s", got)
	}
	if got := kind.OfTopic(map[string]string{kind.Attribute: "FIFO"}); got != kind.FIFO {
		t.Errorf("a FIFO topic takes %s", got)
	}
}
