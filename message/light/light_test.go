package light_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
)

func record(topic, properties string) *message.Record {
	return &message.Record{Topic: []byte(topic), Properties: message.Properties(strings.NewReplacer("=", "\x01", " ", "\x02").Replace(properties))}
}

func TestNames(t *testing.T) {
	many := strings.Repeat("%LMQ%a,", light.MaxQueues) + "%LMQ%a"
	for _, c := range []struct{ topic, properties, want string }{
		{"T", "", ""},
		{"T", "INNER_MULTI_DISPATCH=", ""},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%a", "%LMQ%a"},
		{"T", "A=b INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b,%LMQ%$p$l C=d", "%LMQ%a %LMQ%b %LMQ%$p$l"},
		{"%RETRY%g", "INNER_MULTI_DISPATCH=%LMQ%a", ""},
		{"%DLQ%g", "INNER_MULTI_DISPATCH=%LMQ%a", ""},
		{"rmq_sys_wheel_timer", "INNER_MULTI_DISPATCH=%LMQ%a", ""},
		{"SCHEDULE_TOPIC_XXXX", "INNER_MULTI_DISPATCH=%LMQ%a", ""},
		{"RMQ_SYS_TRANS_HALF_TOPIC", "INNER_MULTI_DISPATCH=%LMQ%a", ""},
		{"T", "INNER_MULTI_DISPATCH=a", `"a" is no name of a light queue`},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%", "is no name of a light queue"},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%a,", `"" is no name of a light queue`},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%a", "stands there twice"},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%a/b", "holds a slash"},
		{"T", "INNER_MULTI_DISPATCH=%LMQ%" + strings.Repeat("x", 251), "a name has 256 bytes, the limit is 255"},
		{"T", "INNER_MULTI_DISPATCH=" + many, "it names 1001 light queues, the limit is 1000"},
	} {
		r := record(c.topic, c.properties)
		names, err := light.Names(r.Topic, r.Properties)
		var got []string
		for _, n := range names {
			got = append(got, string(n))
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
			if !errors.Is(err, light.ErrNames) {
				t.Errorf("%v is no ErrNames", err)
			}
		}
		if err == nil && text != c.want || err != nil && (c.want == "" || !strings.Contains(text, c.want)) {
			t.Errorf("%s %.60s: %q, want %q", c.topic, c.properties, text, c.want)
		}
	}
}

func TestPlacesAreWhatIsWritten(t *testing.T) {
	r := record("T", "TAGS=x INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b INNER_MULTI_QUEUE_OFFSET=9,9")
	offsets := []message.QueueOffset{0, 1 << 40}
	r.Properties = light.AppendOffsets(light.Bare(r.Properties), 2, func(i int) message.QueueOffset { return offsets[i] })
	const want = "TAGS\x01x\x02INNER_MULTI_DISPATCH\x01%LMQ%a,%LMQ%b\x02INNER_MULTI_QUEUE_OFFSET\x010,1099511627776\x02"
	if string(r.Properties) != want {
		t.Errorf("written %q, want %q", r.Properties, want)
	}
	places := light.Places(r)
	if len(places) != 2 || string(places[0].Name) != "%LMQ%a" || places[0].Offset != 0 || string(places[1].Name) != "%LMQ%b" || places[1].Offset != 1<<40 {
		t.Errorf("read %v", places)
	}
}

// FuzzPlaces: whatever stands in the properties, places are legal names with offsets, one for each.
func FuzzPlaces(f *testing.F) {
	f.Add("%LMQ%a,%LMQ%b", "0,1")
	f.Add("%LMQ%a", "-1")
	f.Add("a,b", ",")
	f.Fuzz(func(t *testing.T, names, offsets string) {
		r := record("T", "")
		r.Properties = message.Properties("INNER_MULTI_DISPATCH\x01" + names + "\x02INNER_MULTI_QUEUE_OFFSET\x01" + offsets + "\x02")
		for _, p := range light.Places(r) {
			if !light.Is(p.Name) || p.Offset < 0 {
				t.Errorf("place %q %d", p.Name, p.Offset)
			}
		}
	})
}

func TestLiteTopics(t *testing.T) {
	q, err := light.LiteQueue("parent", "chat-1")
	if err != nil || q != "%LMQ%$parent$chat-1" {
		t.Errorf("%q, %v", q, err)
	}
	for _, c := range []struct {
		queue, parent, lite string
		ok                  bool
	}{
		{q, "parent", "chat-1", true},
		{"%LMQ%a", "", "", false},
		{"%LMQ%$p", "p", "", false},
		{"%LMQ%$p$", "p", "", false},
		{"%LMQ%$$l", "", "l", false},
		{"%LMQ%$p$l$m", "p", "l$m", false},
	} {
		if parent, lite, ok := light.LiteTopic(c.queue); parent != c.parent || lite != c.lite || ok != c.ok {
			t.Errorf("%s: %q %q %v", c.queue, parent, lite, ok)
		}
	}
	for _, bad := range []string{"", "a$b", "a,b", "a/b"} {
		if q, err := light.LiteQueue("parent", bad); err == nil {
			t.Errorf("%q makes %q", bad, q)
		}
	}
}

// TestWild: what stands for all lite topics of a parent is the name of no queue, so that nothing can be taken for it.
func TestWild(t *testing.T) {
	name := light.Wild("chats", "g")
	if _, _, ok := light.LiteTopic(name); ok || light.Is(name) || name != "chats@g" {
		t.Errorf("%q is a queue's name", name)
	}
}
