package broker

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Copies of waiting requests are bounded together, one that is alone passes whatever its size.
func TestWaitingRequestsAreBounded(t *testing.T) {
	b := &Broker{opt: Options{MaxWaitingBytes: 1000}}
	big := &protocol.Frame{Body: make([]byte, 4000)}
	own, size, err := b.copyToWait(big)
	if err != nil || len(own.Body) != 4000 || &own.Body[0] == &big.Body[0] {
		t.Fatalf("alone: %v", err)
	}
	small := &protocol.Frame{Body: make([]byte, 10)}
	if _, _, err := b.copyToWait(small); err == nil || b.refusalOf(err).Code != protocol.ResSystemBusy || !strings.Contains(err.Error(), "limit is 1000") {
		t.Errorf("beside it: %v, want busy with the limit", err)
	}
	b.waitingBytes.Add(-size)
	if _, _, err := b.copyToWait(small); err != nil || b.waitingBytes.Load() != 10 {
		t.Errorf("afterwards: %v, %d bytes count", err, b.waitingBytes.Load())
	}
}

// A send whose topic must be made gives its bytes back.
func TestWaitingSendsGiveTheirBytesBack(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	for _, topic := range []string{"NewA", "NewB", "bad name"} {
		p.send(topic, 0, "", "hello")
	}
	p.call(protocol.ReqGetTopicStatsInfo, fields{"topic": "NewA"}, nil)
	if err := n.srv.Shutdown(t.Context()); err != nil { // waits for the broker's tasks, which outlive their answers
		t.Fatal(err)
	}
	if left := n.Broker.waitingBytes.Load(); left != 0 {
		t.Errorf("%d bytes still count", left)
	}
}

// As many pulls may read at once as have room for the largest messages.
func TestReadsAtOnceFollowTheMemory(t *testing.T) {
	f := func(waiting int64, message, want int) {
		t.Helper()
		o := Options{MaxWaitingBytes: waiting, MaxMessageSize: message}.withDefaults()
		if got := o.readsAtOnce(); got != want {
			t.Errorf("%d bytes for messages of %d: %d reads, want %d", waiting, message, got, want)
		}
	}
	f(0, 0, 64)
	f(24<<20, 4<<20, 6)
	f(20<<20, 128<<20, 4)
	f(1<<30, 1<<10, 64)
}
