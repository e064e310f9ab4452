package remoting

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// What a peer has asked for behind the request at which its connection was closed is not done: it would never hear of it.
func TestNothingIsDoneForAClosedConnection(t *testing.T) {
	const limit, size = 1 << 20, 600 << 10
	var handled, refused atomic.Int64
	closed := make(chan struct{})
	mux := NewMux()
	mux.Handle(7, "LARGE", func(c *Conn, f *protocol.Frame) {
		handled.Add(1)
		r := f.Reply(0, "")
		if err := c.SendBody(&r, make([]byte, size)); errors.Is(err, ErrClosed) {
			refused.Add(1)
		}
	})
	client, _ := serve(t, Options{Mux: mux, MaxPendingBytes: limit, Closed: func(*Conn) { close(closed) }}, nil)
	var requests []byte
	for i := range int32(200) {
		requests = append(requests, request(7, i+1, "")...)
	}
	if _, err := client.Write(requests); err != nil { // and reads nothing
		t.Fatal(err)
	}
	<-closed
	if refused.Load() != 1 || handled.Load() == 200 {
		t.Errorf("%d requests were handled, %d of them when the connection was closed; want no more than the one that closed it", handled.Load(), refused.Load())
	}
}
