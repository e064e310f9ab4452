package remoting

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/protocol"
)

// diverted are the answers of a connection that somebody wants to have before they are sent.
type diverted struct {
	n atomic.Int32 // how many there are: most answers need not look further

	mu    sync.Mutex // guards what follows
	waits map[divertKey]*diversion
	ended bool
}

// divertKey is the number of a request, and its code: another request of the same number must not stand for it.
type divertKey struct{ opaque, code int32 }

// diversion is one answer, first awaited, then with who has taken it.
type diversion struct {
	take  func(answer *protocol.Frame)
	taken bool
}

// Divert gives the answer to a request to take, instead of sending it: take owns the frame, and sends it with [Conn.Send] in its own time. It runs on
// whichever goroutine answers, and must not block; it gets nil when the connection ends before there is an answer. A handler calls Divert
// before anybody can answer. false: a request of the same code and number is not answered yet, and nothing is diverted; or the
// connection has ended.
//
// One-way requests have no answer, and must not come here.
func (c *Conn) Divert(request *protocol.Frame, take func(answer *protocol.Frame)) bool {
	d, key := &c.aside, divertKey{request.Opaque, request.Code}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waits[key] != nil || d.ended {
		return false
	}
	if d.waits == nil {
		d.waits = map[divertKey]*diversion{}
	}
	d.waits[key] = &diversion{take: take}
	d.n.Add(1)
	return true
}

// divert reports whether somebody takes an answer, whose body is in parts. The second time it is sent by who has taken it.
func (c *Conn) divert(f *protocol.Frame, body [][]byte) bool {
	if f.IsOneway() {
		return false
	}
	d, key := &c.aside, divertKey{f.Opaque, f.Asked}
	d.mu.Lock()
	w := d.waits[key]
	switch {
	case w == nil:
		d.mu.Unlock()
		return false
	case w.taken:
		delete(d.waits, key)
		d.n.Add(-1)
		d.mu.Unlock()
		return false
	}
	w.taken = true
	d.mu.Unlock()
	own := *f
	own.Body = bytes.Join(body, nil)
	w.take(own.Clone())
	return true
}

// endDiverted tells who still waits for answers that there will be none.
func (c *Conn) endDiverted() {
	d := &c.aside
	d.mu.Lock()
	waits := d.waits
	d.waits, d.ended = nil, true
	d.n.Store(0)
	d.mu.Unlock()
	for _, w := range waits {
		if !w.taken {
			w.take(nil)
		}
	}
}

// Refuse answers a request that has not come to who calls [Conn.Divert], and must not. If somebody waits for the answer to another request of the same
// number and code, it would be taken for that: then the connection is closed instead, and they are told that there is none.
func (c *Conn) Refuse(f *protocol.Frame, code int32, remark string) {
	if !f.IsOneway() && c.diverts(f) {
		_ = c.Close()
		return
	}
	r := f.Reply(code, remark)
	_ = c.Send(&r) // the connection may be gone, and then nobody wants the answer
}

// diverts tells whether somebody waits for an answer to a request of this number and code.
func (c *Conn) diverts(f *protocol.Frame) bool {
	d := &c.aside
	if d.n.Load() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waits[divertKey{f.Opaque, f.Code}] != nil
}
