package remoting

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestAfterReadOfMuch: who sends without end is told of in pieces, and so that the reader can go on.
func TestAfterReadOfMuch(t *testing.T) {
	mux := NewMux()
	mux.Handle(1, "COUNT", func(*Conn, *protocol.Frame) {})
	pieces := make(chan struct{}, 1)
	client, _ := serve(t, Options{Mux: mux, AfterRead: func(c *Conn, more bool) {
		if c.in.since > 2*gatherMost {
			t.Errorf("told of after %d bytes", c.in.since)
		}
		if more {
			select {
			case pieces <- struct{}{}:
			default:
			}
		}
	}}, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		some := bytes.Repeat(request(1, 7, string(make([]byte, 1000))), 1000)
		for {
			select {
			case <-pieces:
				return
			default:
			}
			if _, err := client.Write(some); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	<-ended
}

// TestAfterRead: whatever comes behind the last frame, what was handled is told of, and a buffer that is just full is not waited behind.
func TestAfterRead(t *testing.T) {
	one := request(1, 7, "0123456789")
	var handled atomic.Int64
	mux := NewMux()
	mux.Handle(1, "COUNT", func(*Conn, *protocol.Frame) { handled.Add(1) })
	f := func(name string, sent []byte, hangUp bool) {
		t.Helper()
		handled.Store(0)
		want := int64(bytes.Count(sent, []byte("0123456789")))
		told := make(chan struct{})
		open := true
		client, _ := serve(t, Options{Mux: mux, AfterRead: func(*Conn, bool) {
			if handled.Load() == want && open {
				open = false
				close(told)
			}
		}}, nil)
		if _, err := client.Write(sent); err != nil {
			t.Fatal(name, err)
		}
		if hangUp {
			_ = client.(*net.TCPConn).CloseWrite()
		}
		<-told
	}
	full := bytes.Repeat(one, mediumBuffer/len(one))
	rest := request(1, 7, "0123456789"+string(make([]byte, mediumBuffer-len(full)))) // makes the buffer full to the last byte
	full = append(full[:len(full)-len(one)], rest...)
	if len(full) != mediumBuffer {
		t.Fatalf("%d bytes", len(full))
	}
	f("one frame", one, false)
	f("half a frame behind", append(bytes.Repeat(one, 3), one[:9]...), false)
	f("a frame against the rules behind", append(bytes.Repeat(one, 3), 0xFF, 0xFF, 0xFF, 0xFF), false)
	f("nothing behind", bytes.Repeat(one, 3), true)
	f("a full buffer", full, false)
	f("a full buffer and the end", full, true)
	f("much", bytes.Repeat(full, 20), true)
}
