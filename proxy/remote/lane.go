package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/remoting"
)

// lane is a client's connection to one broker.
type lane struct {
	l      *Link
	broker string

	mu      sync.Mutex     // guards what follows
	conn    *remoting.Conn // nil when there is none
	dialing bool           // what comes waits
	waiting []*posted      // in their order
	bytes   int            // of their bodies
	closed  bool
	addr    string // that conn was dialled at
	late    int    // requests in a row that conn has not answered in time
	failed  error  // why the last dialling failed, while until is ahead
	until   time.Time
}

// posted is a request on its way.
type posted struct {
	f        *protocol.Frame
	deadline time.Time
	w        remoting.Answerer
	n        *lane
	conn     *remoting.Conn // that it went out on
}

// Answered passes the outcome on.
func (p *posted) Answered(f *protocol.Frame, err error) {
	p.n.answered(p.conn, errors.Is(err, remoting.ErrNoAnswer))
	p.w.Answered(f, err)
}

// post sends it on a connection.
func (p *posted) post(n *lane, conn *remoting.Conn) error {
	p.n, p.conn = n, conn
	var w remoting.Answerer
	if p.w != nil {
		w = p
	}
	_, err := conn.BeginFrame(p.f, p.deadline, w)
	return err
}

const (
	// mostLate is how many requests in a row may stay without an answer before the connection is given up: TCP would take a quarter of an hour.
	mostLate    = 3
	dialTimeout = 3 * time.Second
	// failFor is for how long after a failure nobody dials again.
	failFor = time.Second
	// maxWaitingBytes bounds the bodies that wait for one connection.
	maxWaitingBytes = 16 << 20
)

// send writes a request, or keeps it until there is a connection.
func (n *lane) send(p *posted) error {
	n.mu.Lock()
	if n.closed {
		err := n.failed
		n.mu.Unlock()
		if errors.Is(err, backend.ErrNoBroker) {
			return err
		}
		return fmt.Errorf("broker %s: %w", n.broker, backend.ErrGone)
	}
	if conn := n.conn; conn != nil && !n.dialing {
		select {
		case <-conn.Done(): // it is lost, and closed has not run yet
		default:
			n.mu.Unlock()
			return p.post(n, conn)
		}
	}
	if !n.dialing && n.failed != nil && time.Now().Before(n.until) {
		err := n.failed
		n.mu.Unlock()
		return err
	}
	if len(n.waiting) >= n.l.b.opt.MaxWaiting || n.bytes > maxWaitingBytes {
		count := len(n.waiting)
		n.mu.Unlock()
		return fmt.Errorf("broker %s: %d requests of the client wait for a connection, the limits are %d and %d bytes: %w",
			n.broker, count, n.l.b.opt.MaxWaiting, maxWaitingBytes, backend.ErrGone)
	}
	p.f = p.f.Clone() // only now: it is the caller's
	n.waiting = append(n.waiting, p)
	n.bytes += len(p.f.Body)
	start := !n.dialing
	n.dialing = true
	n.mu.Unlock()
	if start && !n.l.b.spawn(n.dial) {
		n.end(nil, fmt.Errorf("the proxy stops: %w", backend.ErrGone))
	}
	return nil
}

// spawn runs fn on a goroutine that Close waits for.
func (b *Backend) spawn(fn func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.wg.Go(fn)
	return true
}

// dial connects, and sends what waits.
func (n *lane) dial() {
	ctx, cancel := context.WithTimeout(n.l.b.ctx, dialTimeout)
	defer cancel()
	_, addr, err := n.l.b.find(ctx, n.broker)
	if err != nil {
		n.end(nil, err)
		return
	}
	nc, err := n.l.b.opt.Dial(ctx, addr)
	if err != nil {
		n.l.b.lost(n.broker, addr)
		n.l.b.avoid(n.broker)
		n.end(nil, fmt.Errorf("broker %s: %w: %w", n.broker, backend.ErrGone, err))
		return
	}
	n.mu.Lock()
	n.addr = addr
	n.mu.Unlock()
	n.l.b.wg.Add(1) // until lost
	n.end(remoting.Client(nc, remoting.Options{Mux: n.mux(), Logger: n.l.b.opt.Logger, Closed: n.lost}), nil)
	if now := n.l.b.address(n.broker); now != "" { // it may have moved meanwhile
		n.moved(now)
	}
}

// moved gives up a connection to another address than the broker's: the next request dials.
func (n *lane) moved(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil && !n.dialing && n.addr != addr {
		n.dropLocked()
	}
}

// end is the end of dialling: what waits goes out in its order, before anything that comes later, or fails.
func (n *lane) end(conn *remoting.Conn, err error) {
	n.mu.Lock()
	n.conn, n.late, n.failed, n.until = conn, 0, err, time.Now().Add(failFor)
	if n.closed && conn != nil {
		_ = conn.Close()
	}
	for len(n.waiting) > 0 {
		batch := n.waiting
		n.waiting, n.bytes = nil, 0
		n.mu.Unlock()
		for _, p := range batch {
			failed := err
			if conn != nil {
				failed = p.post(n, conn)
			}
			if failed != nil && p.w != nil {
				p.w.Answered(nil, failed)
			}
		}
		n.mu.Lock()
	}
	n.dialing = false
	nobody := conn == nil && errors.Is(err, backend.ErrNoBroker)
	n.closed = n.closed || nobody
	n.mu.Unlock()
	if nobody {
		n.l.remove(n)
	}
}

// answered counts what a connection has not answered in time. When that is too much, the connection is closed, and the next request dials.
func (n *lane) answered(conn *remoting.Conn, late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.conn != conn:
	case !late:
		n.late = 0
	default:
		if n.late++; n.late == mostLate {
			n.dropLocked()
		}
	}
}

// dropLocked gives the connection up.
func (n *lane) dropLocked() {
	conn, broker, addr := n.conn, n.broker, n.addr
	if n.l.b.spawn(func() { // not here: whoever tells of an answer may hold locks of the connection
		n.l.b.lost(broker, addr)
		_ = conn.Close()
	}) {
		n.conn = nil // else the link's end closes it
	}
}

// lost is called when the connection is closed, by either side, on its reader goroutine, which ends after it.
func (n *lane) lost(conn *remoting.Conn) {
	defer n.l.b.wg.Done()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == conn {
		n.conn = nil
	}
}

func (n *lane) close() {
	n.mu.Lock()
	n.closed = true
	conn := n.conn
	n.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}

// askedCodes are the requests that brokers send to clients.
func askedCodes() []int32 {
	return []int32{protocol.ReqCheckTransactionState, protocol.ReqNotifyConsumerIDsChanged, protocol.ReqResetConsumerClientOffset,
		protocol.ReqGetConsumerStatusFromClient, protocol.ReqGetConsumerRunningInfo, protocol.ReqConsumeMessageDirectly,
		protocol.ReqPushReplyMessageToClient, protocol.ReqNotifyUnsubscribeLite}
}

func (n *lane) mux() *remoting.Mux {
	mux := remoting.NewMux()
	for _, code := range askedCodes() {
		mux.Handle(code, fmt.Sprint(code), func(c *remoting.Conn, f *protocol.Frame) {
			if f.IsOneway() {
				n.l.asked(n.broker, f, nil)
				return
			}
			opaque, encoding := f.Opaque, f.Encoding
			n.l.asked(n.broker, f, func(answer *protocol.Frame) {
				own := *answer
				own.Opaque, own.Flag, own.Encoding = opaque, protocol.FlagResponse, encoding
				_ = c.Send(&own) // the broker may be gone, and then nobody wants the answer
			})
		})
	}
	return mux
}
