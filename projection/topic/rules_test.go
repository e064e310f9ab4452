package topic

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// text is an error's text, "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestValidateName(t *testing.T) {
	long := strings.Repeat
	for _, c := range []struct{ name, want string }{
		{"orders", ""},
		{"A-z_0|9%", ""},
		{long("t", 127), ""},
		{"%RETRY%" + long("g", 248), ""},
		{"%DLQ%" + long("g", 250), ""},
		{"", "The specified topic is blank."},
		{" \t\u2003\x1c", "The specified topic is blank."},
		{"\u00a0", "The specified topic: \u00a0, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
		{"a b", "The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
		{"käse", "The specified topic: käse, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"},
		{long("t", 128), "The specified topic: " + long("t", 128) + ", is longer than topic max length: 127 (it has 128)"},
		{"%RETRY%" + long("g", 249), "The specified topic is DLQ or Retry topic: %RETRY%" + long("g", 249) + ", and it's longer than topic max length: 255 (it has 256)"},
		{"%DLQ%" + long("g", 251), "The specified topic is DLQ or Retry topic: %DLQ%" + long("g", 251) + ", and it's longer than topic max length: 255 (it has 256)"},
	} {
		if got := text(ValidateName(c.name)); got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestSystemTopics(t *testing.T) {
	for name, want := range map[string]string{
		"orders":                              "",
		"TBW102":                              "S",
		"BenchmarkTest":                       "S",
		"RMQ_SYS_TRACE_TOPIC":                 "S",
		"CHECKPOINT_TOPIC":                    "S",
		"rmq_sys_wheel_timer":                 "S",
		"rmq_sys_aerobee_state":               "SF",
		"SCHEDULE_TOPIC_XXXX":                 "SF",
		"RMQ_SYS_TRANS_HALF_TOPIC":            "SF",
		"RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC": "SF",
		"TRANS_CHECK_MAX_TIME_TOPIC":          "SF",
		"SELF_TEST_TOPIC":                     "SF",
		"OFFSET_MOVED_EVENT":                  "SF",
		"%RETRY%g":                            "",
	} {
		got := ""
		if IsSystem(name) {
			got += "S"
		}
		if CheckSend(name) != nil {
			got += "F"
		}
		if got != want {
			t.Errorf("%s is %q, want %q (S system, F forbidden to send)", name, got, want)
		}
	}
	if got := text(CheckSend("SELF_TEST_TOPIC")); got != "Sending message to topic[SELF_TEST_TOPIC] is forbidden." {
		t.Error(got)
	}
	if got := text(CheckChange("TBW102")); got != "The topic[TBW102] is conflict with system topic." {
		t.Error(got)
	}
	if got := text(CheckChange("orders")); got != "" {
		t.Error(got)
	}
}

func TestParseAttributes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "map[]"},
		{"+message.type=FIFO,-reserve.time", "map[+message.type:FIFO -reserve.time:]"},
		{"+a=b=c,", "map[+a:b]"},
		{"+a=1,+a=2", "key duplication: +a"},
		{"a=1", "add/alter attribute format is wrong: a"},
		{"a", "delete attribute format is wrong: a"},
		{"+a=1,,-b", "delete attribute format is wrong: "},
		{"+a=", "add/alter attribute has no value: +a="},
	} {
		got, err := ParseAttributes(c.in)
		if s := fmt.Sprint(got); err == nil && s != c.want || err != nil && text(err) != c.want {
			t.Errorf("%q gives %s, %v; want %s", c.in, s, err, c.want)
		}
	}
	const round = "+message.type=FIFO,-reserve.time"
	parsed, _ := ParseAttributes(round)
	if got := FormatAttributes(parsed); got != round {
		t.Errorf("%s comes back as %s", round, got)
	}
}

func TestAlterAttributes(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		create      bool
		current     m
		change      string
		want        m
		wantRefusal string
	}{
		{create: true, change: "+queue.type=BatchCQ,+cleanup.policy=COMPACTION,+message.type=FIFO",
			want: m{"queue.type": "BatchCQ", "cleanup.policy": "COMPACTION", "message.type": "FIFO"}},
		{create: true, change: "-message.type", wantRefusal: "only add attribute is supported while creating topic. key: message.type"},
		{create: true, change: "+x.y=1", wantRefusal: "unsupported key: x.y"},
		{create: true, change: "+message.type=fifo", wantRefusal: "value is not in set: [DELAY, FIFO, LITE, MIXED, NORMAL, PRIORITY, TRANSACTION, UNSPECIFIED]"},
		{create: true, change: "+reserve.time=-2", wantRefusal: "value is not in range(-1, 9223372036854775807)"},
		{create: true, change: "+lite.topic.expiration=43201", wantRefusal: "value is not in range(-1, 43200)"},
		{create: true, change: "+reserve.time=x", wantRefusal: `For input string: "x"`},
		{create: true, change: "++message.type=FIFO", wantRefusal: "kv string format wrong."},
		{create: true, change: "+=FIFO", wantRefusal: "kv string format wrong."},
		{current: m{"message.type": "FIFO"}, change: "+message.type=NORMAL,+reserve.time=5", want: m{"message.type": "NORMAL", "reserve.time": "5"}},
		{current: m{"message.type": "FIFO"}, change: "-message.type", want: m{}},
		{current: m{"message.type": "FIFO"}, change: "", want: m{"message.type": "FIFO"}},
		{change: "-message.type", wantRefusal: "attempt to delete a nonexistent key: message.type"},
		{change: "+queue.type=BatchCQ", wantRefusal: "attempt to update an unchangeable attribute. key: queue.type"},
		{current: m{"queue.type": "BatchCQ"}, change: "-queue.type", wantRefusal: "attempt to update an unchangeable attribute. key: queue.type"},
		{current: m{"message.type": "FIFO"}, change: "+message.type=NORMAL,-message.type", wantRefusal: "alter duplication key. key: message.type"},
		{change: "x+y=1", wantRefusal: "kv string format wrong."},
	} {
		change, err := ParseAttributes(c.change)
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprint(c.current)
		got, err := AlterAttributes(c.create, c.current, change)
		if text(err) != c.wantRefusal {
			t.Errorf("%s: refused with %q, want %q", c.change, text(err), c.wantRefusal)
		}
		if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
			t.Errorf("%s: %s", c.change, diff)
		}
		if fmt.Sprint(c.current) != before {
			t.Errorf("%s changed the topic's own attributes", c.change)
		}
	}
}
