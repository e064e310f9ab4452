package message

import "testing"

// TestRecallHandle pins a handle down that a broker of RocketMQ 5.5.0 has given.
func TestRecallHandle(t *testing.T) {
	h := RecallHandle{Topic: "Ttimer", Broker: "broker-a", Millis: 1795423195001, UniqueKey: "7F00000100002A139A5516DCA8E50001"}
	const text = "djEgVHRpbWVyIGJyb2tlci1hIDE3OTU0MjMxOTUwMDEgN0YwMDAwMDEwMDAwMkExMzlBNTUxNkRDQThFNTAwMDE="
	if h.String() != text {
		t.Errorf("got  %s\nwant %s", h, text)
	}
	for _, s := range []string{text, text[:len(text)-1]} {
		if got, err := ParseRecallHandle(s); err != nil || got != h {
			t.Errorf("%s: got %+v, %v", s, got, err)
		}
	}
}

func FuzzParseRecallHandle(f *testing.F) {
	f.Add(RecallHandle{Topic: "T", Broker: "b", Millis: 5, UniqueKey: "k"}.String())
	f.Add("djEg")
	f.Add("!!!")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseRecallHandle(text)
		if err != nil {
			return
		}
		if h.UniqueKey == "" || h.Topic == "" || h.Broker == "" {
			return // such a handle is never given
		}
		if again, err := ParseRecallHandle(h.String()); err != nil || again != h {
			t.Fatalf("%+v becomes %+v, %v", h, again, err)
		}
	})
}
