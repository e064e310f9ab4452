package remote

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Link is one client at the brokers: a connection to each that it uses, dialled with the first request. A connection that is lost is
// dialled again with the next one; the broker then knows the client from its next heartbeat on.
type Link struct {
	b     *Backend
	who   backend.Client
	asked backend.Asked
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex       // guards what follows
	lanes map[string]*lane // by broker
}

// Join makes a link. Nothing is dialled yet.
func (b *Backend) Join(who backend.Client, asked backend.Asked) (backend.Link, error) {
	return b.Link(who, asked)
}

// Link is [Backend.Join], with all that a link can do.
func (b *Backend) Link(who backend.Client, asked backend.Asked) (*Link, error) {
	l := &Link{b: b, who: who, asked: asked, done: make(chan struct{}), lanes: map[string]*lane{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("the proxy stops: %w", backend.ErrGone)
	}
	b.links[l] = struct{}{}
	return l, nil
}

// Done is closed when the link is.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close closes the connections to all brokers.
func (l *Link) Close() {
	l.once.Do(func() {
		close(l.done)
		l.b.mu.Lock()
		delete(l.b.links, l)
		l.b.mu.Unlock()
		l.mu.Lock()
		lanes := l.lanes
		l.lanes = nil
		l.mu.Unlock()
		for _, n := range lanes {
			n.close()
		}
	})
}

// Call sends a request to a broker, "" for any, and waits for its answer.
func (l *Link) Call(ctx context.Context, broker string, f *protocol.Frame, take func(*protocol.Frame)) error {
	f.Language, f.Version = l.who.Language, protocol.CurrentVersion
	if broker == "" {
		name, _, err := l.b.find(ctx, "")
		if err != nil {
			return err
		}
		broker = name
	}
	deadline, _ := ctx.Deadline()
	w := &call{take: take, done: make(chan struct{})}
	if err := l.Begin(broker, f, deadline, w); err != nil {
		return err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.leave() {
			return fmt.Errorf("broker %s: no answer to request %d: %w", broker, f.Code, ctx.Err())
		}
		<-w.done // it is being taken
	}
	if w.err != nil && ctx.Err() != nil {
		return fmt.Errorf("broker %s: no answer to request %d: %w", broker, f.Code, ctx.Err())
	}
	return w.err
}

// call is one request that waits.
type call struct {
	take func(*protocol.Frame)
	done chan struct{}
	err  error // set before done is closed

	mu    sync.Mutex
	taken bool // guarded by mu: the outcome is there, or nobody wants it any more
}

// leave says that nobody waits any more. It returns false if the outcome has come.
func (w *call) leave() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := !w.taken
	w.taken = true
	return left
}

// Answered takes the outcome.
func (w *call) Answered(f *protocol.Frame, err error) {
	if !w.leave() {
		return
	}
	if err != nil {
		w.err = fmt.Errorf("%w: %w", backend.ErrGone, err)
	} else {
		w.take(f)
	}
	close(w.done)
}

// Begin sends a request to a broker without waiting for the answer, of which w is told, once; with w nil the request is one-way. Requests of
// one goroutine to one broker go out in their order, also while it is dialled. The frame is copied. An error means that w is not told.
func (l *Link) Begin(broker string, f *protocol.Frame, deadline time.Time, w remoting.Answerer) error {
	n, err := l.lane(broker)
	if err != nil {
		return err
	}
	request := *f
	request.Encoding = protocol.Binary
	if f.Code > math.MaxInt16 { // as those of pop
		request.Encoding = protocol.JSON
	}
	request.Flag &^= protocol.FlagResponse | protocol.FlagOneway
	if w == nil {
		request.Flag |= protocol.FlagOneway
	}
	return n.send(&posted{f: &request, deadline: deadline, w: w})
}

func (l *Link) lane(broker string) (*lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes == nil {
		return nil, fmt.Errorf("broker %.300s: %w", broker, backend.ErrGone)
	}
	n := l.lanes[broker]
	if n == nil {
		n = &lane{l: l, broker: broker}
		l.lanes[broker] = n
	}
	return n, nil
}

// moved says where brokers are now that were elsewhere.
func (l *Link) moved(addrs map[string]string) {
	l.mu.Lock()
	lanes := make(map[*lane]string, len(addrs))
	for name, addr := range addrs {
		if n := l.lanes[name]; n != nil {
			lanes[n] = addr
		}
	}
	l.mu.Unlock()
	for n, addr := range lanes {
		n.moved(addr)
	}
}

// remove takes out the lane to a broker that does not exist.
func (l *Link) remove(n *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes[n.broker] == n {
		delete(l.lanes, n.broker)
	}
}
