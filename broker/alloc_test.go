package broker

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// discarded is a connection whose peer reads everything and keeps nothing.
func discarded(t testing.TB) *remoting.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(io.Discard, nc)
			_ = nc.Close()
		}
	}()
	conn, err := remoting.Dial(t.Context(), l.Addr().String(), remoting.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		conn.Wait()
		<-done
		_ = l.Close()
	})
	return conn
}

// sendLoop returns a function that takes one message the whole way: decoded frame, properties, record, group, answer.
func sendLoop(t testing.TB, properties string) (step func(), stored func() int64) {
	n := newNode(t)
	p := n.dial()
	p.want(0, p.send("t", 0, "", "make the topic"))
	conn := discarded(t)
	raw := protocol.AppendFrame(nil, &protocol.Frame{Encoding: protocol.JSON, Code: protocol.ReqSendMessageV2, Version: protocol.CurrentVersion,
		Fields: wire(sendFields("t", 1, properties)), Body: make([]byte, 1024)})[4:]
	scratch := make([]byte, len(raw))
	var f protocol.Frame
	sent := n.statistics.Totals().Put
	return func() {
		for sent-n.statistics.Totals().Put > 64 { // as many in flight as a client would have
			runtime.Gosched()
		}
		sent++
		copy(scratch, raw) // decoding unescapes in place
		if err := protocol.DecodeFrame(scratch, &f); err != nil {
			t.Fatal(err)
		}
		n.handleSend(conn, &f)
		n.AfterRead(conn, false)
	}, func() int64 { return n.statistics.Totals().Put }
}

func TestSendAllocatesNothing(t *testing.T) {
	step, stored := sendLoop(t, "TAGS=TagA KEYS=k UNIQ_KEY=7F00000100002A139A5516DCA8E40000 WAIT=true")
	for range 2000 {
		step()
	}
	before := stored()
	// What remains is not the broker's: the store's segments, index and cuts grow now and then.
	if n := testing.AllocsPerRun(2000, step); n >= 1 {
		t.Errorf("%v allocations a message", n)
	}
	if stored() == before {
		t.Error("nothing was stored")
	}
}

func BenchmarkSend(b *testing.B) {
	step, _ := sendLoop(b, "TAGS=TagA KEYS=k UNIQ_KEY=7F00000100002A139A5516DCA8E40000 WAIT=true")
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}
