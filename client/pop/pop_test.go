package pop

import (
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
)

func received(t *testing.T, queue wire.Queue, receipt string) held {
	t.Helper()
	in, err := heldOf(&wire.Delivery{Queue: queue, Receipt: receipt})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestBatchAck puts the messages of one pop of one queue into one entry, and those of others into others.
func TestBatchAck(t *testing.T) {
	c := New(Options{Group: "g"})
	one, two := wire.Queue{Topic: "one", BrokerName: "b"}, wire.Queue{Topic: "two", BrokerName: "b"}
	f := c.batchAck([]held{received(t, one, "10 1000 30 2 0 b 0 10"), received(t, one, "10 1000 30 2 0 b 0 19"), received(t, one, "10 1000 30 2 0 b 1 11"),
		received(t, two, "10 1000 30 2 0 b 0 12"), received(t, one, "10 1001 30 2 1 b 0 13"), received(t, one, "10 1000 30 2 0 b 0 12 777")})
	var body protocol.BatchAckRequest
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		topic, kind string
		queue       int32
		at          string
	}
	var got []entry
	for _, a := range body.Acks {
		var at []string
		a.Bits.Each(func(n int) bool {
			at = append(at, string(rune('0'+n)))
			return true
		})
		got = append(got, entry{a.Topic, a.Retry, a.QueueID, strings.Join(at, " ")})
		if a.ConsumerGroup != "g" || a.StartOffset != 10 || a.InvisibleTime != 30 || a.ReviveQueue != 2 {
			t.Errorf("entry %+v", a)
		}
	}
	want := []entry{{"one", "0", 0, "0 2 9"}, {"one", "0", 1, "1"}, {"two", "0", 0, "2"}, {"one", "1", 0, "3"}}
	if !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
}

// TestFarReceipts are acknowledged alone: a bit set would be large, or have no place for them.
func TestFarReceipts(t *testing.T) {
	queue := wire.Queue{Topic: "one", BrokerName: "b"}
	for receipt, far := range map[string]bool{"10 1000 30 2 0 b 0 10": false, "10 1000 30 2 0 b 0 4105": false, "10 1000 30 2 0 b 0 4106": true, "10 1000 30 2 0 b 0 9": true} {
		if got := received(t, queue, receipt).far(); got != far {
			t.Errorf("%s: far %v", receipt, got)
		}
	}
	for _, receipt := range []string{"", "x", "10 1000 30 2 0 b 0 -1", "10 1000 30 2 7 b 0 1"} {
		if _, err := heldOf(&wire.Delivery{Receipt: receipt}); err == nil {
			t.Errorf("%q is taken", receipt)
		}
	}
}

// TestReceipt makes receipts from an answer, and takes the broker's own for retries alone.
func TestReceipt(t *testing.T) {
	for own, want := range map[string]bool{"10 1000 30 2 1 b 0 10": true, "10 1000 30 2 2 b 0 10": true, "10 1000 30 2 0 b 0 10": false, "10 1000 30 2 1 other 0 10": false, "": false, "junk": false} {
		if got := ofRetry(own, "b"); got != want {
			t.Errorf("%q: %v", own, got)
		}
	}
	in := info{h: protocol.PopMessageResponseHeader{PopTime: 1000, InvisibleTime: 30, ReviveQueue: protocol.PopOrderQueue},
		starts: map[string]int64{"0@3": 10}, counts: map[string]int64{"0@qo3%12": 2, "0@3": 1}}
	d := wire.Delivery{Queue: wire.Queue{Topic: "one", BrokerName: "b", QueueID: 3}, Offset: 12}
	if err := in.receipt(&d); err != nil || d.Receipt != "10 1000 30 999 0 b 3 12" || d.ReconsumeTimes != 2 {
		t.Errorf("%q, %d times before, %v", d.Receipt, d.ReconsumeTimes, err)
	}
	d.Offset = 13
	if err := in.receipt(&d); err != nil || d.ReconsumeTimes != 1 {
		t.Errorf("%d times before, %v", d.ReconsumeTimes, err)
	}
	d.Queue.QueueID = 4
	if err := in.receipt(&d); err == nil {
		t.Error("a queue of which the answer does not tell")
	}
}
