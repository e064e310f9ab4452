package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestKeyIndex has the queues that Java's SelectMessageQueueByHash chose.
func TestKeyIndex(t *testing.T) {
	f := func(key string, n, want int) {
		t.Helper()
		if got := keyIndex(key, n); got != want {
			t.Errorf("%q of %d: queue %d, want %d", key, n, got, want)
		}
	}
	f("Aa", 4, 0)
	f("BB", 4, 0) // the same hash
	f("", 4, 0)
	f("a", 7, 6)
	f("polygenelubricants", 7, 2) // hash -2147483648
	f("order-1", 4, 2)            // hash -1207111310
	f("order-1", 7, 6)
	f("grün", 7, 4)
	f("😀", 4, 3)
}

func TestMessagesThatAreRefused(t *testing.T) {
	c, err := New(Config{NameServers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(ProducerConfig{MaxMessageSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	f := func(m *Message, word string) {
		t.Helper()
		if _, err := p.Send(t.Context(), m); !errors.Is(err, ErrIllegal) || !strings.Contains(err.Error(), word) {
			t.Errorf("%+v: %v, want %q", m, err, word)
		}
	}
	f(nil, "nil")
	f(&Message{}, "blank")
	f(&Message{Topic: "a b"}, "letters")
	f(&Message{Topic: strings.Repeat("t", 128)}, "limit is 127")
	f(&Message{Topic: "t", Body: make([]byte, 11)}, "11 bytes")
	f(&Message{Topic: "t", Keys: []string{"a b"}}, "space")
	f(&Message{Topic: "t", Tag: "a\x01"}, "0x01")
	f(&Message{Topic: "t", Properties: map[string]string{"UNIQ_KEY": "x"}}, "not for users")
	f(&Message{Topic: "t", Properties: map[string]string{"": "x"}}, "not for users")
	f(&Message{Topic: "t", Properties: map[string]string{"x": "\x02"}}, "0x02")
	f(&Message{Topic: "t", Properties: map[string]string{"x": strings.Repeat("y", 32767)}}, "32767")
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.Send(t.Context(), &Message{Topic: "t"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := c.NewProducer(ProducerConfig{}); !errors.Is(err, ErrClosed) {
		t.Errorf("NewProducer after Close: %v", err)
	}
}

func TestHeartbeatBody(t *testing.T) {
	c, err := New(Config{NameServers: []string{"127.0.0.1:1"}, InstanceName: "i"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context()) //nolint:errcheck // nothing was sent
	for _, group := range []string{"b", "a", "b"} {
		if _, err := c.NewProducer(ProducerConfig{Group: group}); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"clientID":"` + c.id + `","consumerDataSet":[],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"a"},{"groupName":"b"}],"withoutSub":false}`
	body := c.heartbeatBody(c.snapshot())
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	if _, err := protocol.UnmarshalHeartbeat(body); err != nil {
		t.Error(err)
	}
}
