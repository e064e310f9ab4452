package remoting

import (
	"context"
	"fmt"
	"sync"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Local is a connection without a socket, as its peer in the same process holds it: requests go straight to the handlers, answers
// straight to whoever waits for them, and nothing is encoded. For the handlers it is a [Conn] like any other.
//
// All methods may be called at once. The handlers are called one at a time, as a reader would.
type Local struct {
	c     *Conn
	asked func(f *protocol.Frame)

	serving sync.Mutex // held while a handler runs

	mu    sync.Mutex // guards what follows
	waits map[int32]*localCall
	last  int32
}

// localCall is one request that waits for its answer. It is reused.
type localCall struct {
	take func(f *protocol.Frame)
	done chan struct{} // of capacity 1
	err  error
}

// Local makes a connection for a peer in this process, which owns it until [Local.Close]. info must say its addresses. asked is told of
// the requests of this side: it must not block, and the frame is valid until it returns. What wants an answer gets it by [Local.Answer].
func (s *Server) Local(info ConnInfo, asked func(f *protocol.Frame)) (*Local, error) {
	l := &Local{asked: asked, waits: map[int32]*localCall{}}
	c := &Conn{host: s.host, server: s, info: info, closing: make(chan struct{}), local: l}
	c.calls.c, l.c = c, c
	c.touch()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= s.host.MaxConns || s.locals >= s.host.MaxLocal {
		return nil, fmt.Errorf("remoting: %d connections, the limit is %d, %d of them without a socket, the limit is %d, or the server stops: %w",
			len(s.conns), s.host.MaxConns, s.locals, s.host.MaxLocal, ErrClosed)
	}
	s.conns[c] = struct{}{}
	s.locals++
	c.addOne() // until left
	return l, nil
}

// Call has a request handled and waits for its answer, which take is given: on any goroutine, valid until it returns, and not after Call
// has returned. The request's opaque is set here; f itself is not changed. Errors: ctx's, [ErrClosed].
func (l *Local) Call(ctx context.Context, f *protocol.Frame, take func(f *protocol.Frame)) error {
	w := &localCall{take: take, done: make(chan struct{}, 1)}
	request := *f
	request.Flag &^= protocol.FlagResponse | protocol.FlagOneway
	l.mu.Lock()
	if l.waits == nil {
		l.mu.Unlock()
		return l.c.errClosed()
	}
	for {
		if l.last++; l.last <= 0 {
			l.last = 1
		}
		if l.waits[l.last] == nil {
			break
		}
	}
	request.Opaque = l.last
	l.waits[request.Opaque] = w
	l.mu.Unlock()
	if err := l.serve(&request); err != nil {
		if l.give(request.Opaque) != nil {
			return err
		}
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if l.give(request.Opaque) != nil {
			return fmt.Errorf("remoting: no answer to request %d: %w", f.Code, ctx.Err())
		}
		<-w.done // the answer is being taken
	}
	return w.err
}

// give ends a request's waiting and returns who waited, nil if nobody does any more.
func (l *Local) give(opaque int32) *localCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waits[opaque]
	delete(l.waits, opaque)
	return w
}

// serve calls the handler of a frame.
func (l *Local) serve(f *protocol.Frame) error {
	l.serving.Lock()
	if l.c.host.draining.Load() {
		l.serving.Unlock()
		return l.c.errClosed()
	}
	l.c.dispatch(f)
	l.serving.Unlock()
	// Not under the lock: while this goroutine commits, others of the connection append what goes with the next commit.
	if after := l.c.host.AfterRead; after != nil {
		after(l.c, false)
	}
	return nil
}

// drained waits for the handler that runs. Others will not, since the host drains.
func (l *Local) drained() {
	l.serving.Lock()
	defer l.serving.Unlock()
}

// Answer gives the peer's answer to a request of asked.
func (l *Local) Answer(f *protocol.Frame) { l.c.calls.answer(f) }

// Close ends the connection: who waits for an answer gets [ErrClosed]. Handlers that were begun go on without it.
func (l *Local) Close() { _ = l.c.Close() }

// Done is closed when the connection is, from whichever side.
func (l *Local) Done() <-chan struct{} { return l.c.closing }

// append takes a frame of this side: an answer, or a request.
func (l *Local) append(f *protocol.Frame, body [][]byte) error {
	select {
	case <-l.c.closing:
		return l.c.errClosed()
	default:
	}
	own := *f
	own.Body = nil
	switch {
	case len(body) == 1:
		own.Body = body[0]
	case len(body) > 1:
		for _, part := range body {
			own.Body = append(own.Body, part...)
		}
	}
	if !f.IsResponse() {
		l.asked(&own)
		return nil
	}
	if w := l.give(f.Opaque); w != nil {
		w.take(&own)
		w.done <- struct{}{}
	}
	l.c.host.moved()
	return nil
}

// left ends what the connection has under way. It runs once, on a goroutine of its own: whoever closes a connection may hold locks.
func (l *Local) left() {
	defer l.c.doneOne()
	l.mu.Lock()
	waits := l.waits
	l.waits = nil
	l.mu.Unlock()
	for _, w := range waits {
		w.err = l.c.errClosed()
		w.done <- struct{}{}
	}
	l.c.calls.fail()
	l.c.endDiverted()
	if h := l.c.host; h.Closed != nil {
		h.Closed(l.c)
	}
	l.c.server.remove(l.c)
}
