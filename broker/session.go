package broker

import (
	"net/netip"
	"sync"

	"github.com/aerobee-mq/aerobee/broker/hold"
	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// session is what the broker keeps for one connection.
type session struct {
	conn   *remoting.Conn
	remote netip.AddrPort
	// work is the send path's scratch space, nil before the first send: most connections only consume. Only the connection's reader uses it.
	work *sendWork
	sink sendSink
	// held are the connection's pulls on hold, guarded by the broker's holdMu; closed says that there may be no more.
	held   hold.Owner[*pullRequest]
	closed bool
	ended  bool                // the same for groups; guarded by the broker's clientMu
	lites  map[string]struct{} // clients with lite topics; guarded by the broker's clientMu
}

// session returns the connection's session, which begins with its first request.
func (b *Broker) session(c *remoting.Conn) *session {
	if s, ok := c.Session().(*session); ok {
		return s
	}
	s := &session{conn: c, remote: c.RemoteAddr()}
	s.sink.broker, s.sink.conn = b, c
	c.SetSession(s)
	b.statistics.Channel(statistics.Connected)
	return s
}

// answer sends a response without header fields or body. One-way requests get nothing: the connection drops it, and counts it.
func (b *Broker) answer(c *remoting.Conn, f *protocol.Frame, code int32, remark string) {
	r := f.Reply(code, remark)
	b.send(c, &r)
}

func (b *Broker) refuse(c *remoting.Conn, f *protocol.Frame, err error) {
	r := b.refusalOf(err)
	b.answer(c, f, r.Code, r.Remark)
}

// finish answers for a request that is done, or that failed.
func (b *Broker) finish(c *remoting.Conn, f *protocol.Frame, err error) {
	if err != nil {
		b.refuse(c, f, err)
		return
	}
	b.answer(c, f, protocol.ResSuccess, "")
}

// header is what a response header of the protocol package can do.
type header interface{ Append(fs *protocol.Fields) }

// answerHeader sends a success with header fields.
func (b *Broker) answerHeader(c *remoting.Conn, f *protocol.Frame, h header) {
	r := f.Reply(protocol.ResSuccess, "")
	h.Append(&r.Fields)
	b.send(c, &r)
}

// answerBody sends a success with a body, err instead if it could not be made.
func (b *Broker) answerBody(c *remoting.Conn, f *protocol.Frame, body []byte, err error) {
	switch {
	case err != nil:
		b.refuse(c, f, err)
	case !f.IsOneway():
		r := f.Reply(protocol.ResSuccess, "")
		r.Body = body
		b.send(c, &r)
	}
}

// send writes a frame; a connection that is gone needs no answer.
func (b *Broker) send(c *remoting.Conn, f *protocol.Frame) {
	if err := c.Send(f); err != nil {
		b.opt.Logger.Debug("answer not sent", "remote", c.RemoteAddr(), "code", f.Code, "error", err)
	}
}

// later runs the part of a request that may wait on a goroutine of the connection, with its own copy of the frame.
func (b *Broker) later(c *remoting.Conn, f *protocol.Frame, fn func(f *protocol.Frame)) {
	own, size, err := b.copyToWait(f)
	if err != nil {
		b.refuse(c, f, err)
		return
	}
	if !c.Go(func() {
		defer b.waitingBytes.Add(-size)
		fn(own)
	}) {
		b.waitingBytes.Add(-size)
		b.answer(c, f, protocol.ResSystemBusy, c.TooMany())
	}
}

// copyToWait copies a request that must outlive its handler, if the bytes of all that wait allow it. The caller takes size
// off waitingBytes when the copy has been dealt with.
func (b *Broker) copyToWait(f *protocol.Frame) (own *protocol.Frame, size int64, err error) {
	size = int64(len(f.Body)) + int64(len(f.Remark))
	for i := range f.Fields {
		size += int64(len(f.Fields[i].Key)+len(f.Fields[i].Value)) + fieldCost
	}
	if all := b.waitingBytes.Add(size); all > b.opt.MaxWaitingBytes && all > size {
		b.waitingBytes.Add(-size)
		return nil, 0, apart.Refuse(protocol.ResSystemBusy, "%s%d bytes of requests are waiting, the limit is %d (a quarter of memoryLimit)", remarkBusy, all, b.opt.MaxWaitingBytes)
	}
	return f.Clone(), size, nil
}

// fieldCost is what a header field costs beside its text.
const fieldCost = 48

// buffers are reused for the records of pull answers.
type buffers struct{ pool sync.Pool }

const maxPooledBuffer = 1 << 20

func (p *buffers) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 64<<10)
	return &b
}

func (p *buffers) put(b *[]byte) {
	if cap(*b) <= maxPooledBuffer {
		*b = (*b)[:0]
		p.pool.Put(b)
	}
}
