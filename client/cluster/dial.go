package cluster

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// dialing is one attempt to connect, for all who wait for it.
type dialing struct {
	done chan struct{}
	conn *remoting.Conn
	err  error
}

// backoff says how soon after failures the next attempt may come.
type backoff struct {
	count int
	until time.Time
	err   error
}

const (
	firstBackoff   = 50 * time.Millisecond
	longestBackoff = 2 * time.Second
)

// failed notes a failure at now and doubles the wait.
func (b *backoff) failed(now time.Time, err error) {
	wait := min(firstBackoff<<min(b.count, 16), longestBackoff)
	b.count++
	b.until, b.err = now.Add(wait), err
}

// get is the open connection, or the one that comes of dialling.
func (p *peer) get(ctx context.Context) (*remoting.Conn, error) {
	if conn := p.conn.Load(); conn != nil {
		select {
		case <-conn.Done(): // the reader has not told us yet
		default:
			return conn, nil
		}
	}
	d, err := p.join()
	if err != nil {
		return nil, err
	}
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, fmt.Errorf("cluster: waiting for a connection to %s: %w", p.addr, ctx.Err())
	}
}

// join returns the dialling that goes on, and begins one if there is none.
func (p *peer) join() (*dialing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dial != nil {
		return p.dial, nil
	}
	if p.fails.count > 0 && time.Now().Before(p.fails.until) {
		return nil, p.fails.err
	}
	d := &dialing{done: make(chan struct{})}
	if !p.c.start(func() { p.run(d) }) {
		return nil, errClosed()
	}
	p.dial = d
	return d, nil
}

// run dials and tells those who wait. An open connection that came meanwhile is not replaced.
func (p *peer) run(d *dialing) {
	d.conn, d.err = p.connect()
	p.mu.Lock()
	p.dial = nil
	if d.err != nil {
		p.fails.failed(time.Now(), d.err)
	} else {
		p.fails = backoff{}
	}
	p.mu.Unlock()
	if d.err != nil {
		p.c.o.Logger.Debug("cluster: no connection", "addr", p.addr, "error", d.err)
	}
	close(d.done)
}

func (p *peer) connect() (*remoting.Conn, error) {
	o := &p.c.o
	ctx, cancel := context.WithTimeout(p.c.ctx, o.DialTimeout)
	defer cancel()
	nc, err := o.Dial(ctx, p.addr)
	if p.c.ctx.Err() != nil {
		if err == nil {
			_ = nc.Close()
		}
		return nil, errClosed()
	}
	if err != nil {
		return nil, fmt.Errorf("cluster: %s is %w: %w", p.addr, ErrUnreachable, err)
	}
	p.c.mu.Lock()
	if p.c.closed {
		p.c.mu.Unlock()
		_ = nc.Close()
		return nil, errClosed()
	}
	p.c.conns.Add(1)
	p.c.mu.Unlock()
	conn := remoting.Client(nc, remoting.Options{
		Mux: o.Mux, Logger: o.Logger, IdleTimeout: o.IdleTimeout, MaxPendingBytes: maxPending, Closed: p.closed, AfterRead: o.AfterRead, Sign: p.signer(nc.RemoteAddr()),
	})
	p.conn.Store(conn)
	if o.ConnOpened != nil {
		o.ConnOpened(p.addr, conn)
	}
	if p.c.ctx.Err() != nil { // Close may have looked before we stored it
		_ = conn.Close()
	}
	select {
	case <-conn.Done(): // closed may have run before we stored it
		p.conn.CompareAndSwap(conn, nil)
	default:
	}
	return conn, nil
}

// signer is what signs over a connection that led to an address, nil if nothing does. A signature of RocketMQ's tells neither whom it is for nor which
// request: whoever gets one of a request without fields can say every other such request with it.
func (p *peer) signer(to net.Addr) func(f *protocol.Frame) {
	p.unsigned.Store(nil)
	o := &p.c.o
	if o.Sign == nil || o.SignTo == nil {
		return o.Sign
	}
	if why := o.SignTo(p.addr, to); why != nil {
		p.unsigned.Store(&why)
		return nil
	}
	return o.Sign
}

// explain adds to a refusal that the request was not signed, and why.
func (p *peer) explain(answer *protocol.Frame) *protocol.Frame {
	if why := p.unsigned.Load(); why != nil && answer.Code == protocol.ResNoPermission {
		answer.Remark += " (" + (*why).Error() + ")"
	}
	return answer
}

// closed is called on the connection's reader goroutine, which ends after it.
func (p *peer) closed(conn *remoting.Conn) {
	p.conn.CompareAndSwap(conn, nil)
	if p.c.o.ConnClosed != nil {
		p.c.o.ConnClosed(p.addr, conn)
	}
	p.c.conns.Done()
}

func (p *peer) close() {
	if conn := p.conn.Load(); conn != nil {
		_ = conn.Close()
		conn.Wait()
	}
}
