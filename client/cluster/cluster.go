package cluster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Cluster is a process's view of one RocketMQ cluster.
type Cluster struct {
	o      Options
	ctx    context.Context // ends with Close: what the cluster's own goroutines wait under
	cancel context.CancelFunc
	wg     sync.WaitGroup // the cluster's goroutines
	peers  sync.Map       // address → *peer
	topics sync.Map       // topic → *topic

	mu         sync.Mutex
	closed     bool           // guarded by mu, as all below
	names      nameServers    // who to ask
	refreshing bool           // the goroutine that asks for routes again has been started
	conns      sync.WaitGroup // connections whose goroutines have not ended; added to under mu while not closed
}

// New returns a cluster. It does no I/O: NameServers that do not exist are found out by the first request to them.
func New(o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Cluster{o: o, ctx: ctx, cancel: cancel}
	c.names.list = o.NameServers
	return c, nil
}

// Close closes all connections and returns when every goroutine of the cluster has ended. Calls that wait for an answer return
// an error that wraps [ErrUnreachable] or [ErrClosed]. It must not be called from a callback of [Options]. Calling it again is harmless.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.peers.Range(func(_, p any) bool {
		p.(*peer).close()
		return true
	})
	c.wg.Wait()
	c.conns.Wait()
	return nil
}

// start runs fn on a goroutine that Close waits for, unless the cluster is closed.
func (c *Cluster) start(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		fn()
	}()
	return true
}

func errClosed() error { return fmt.Errorf("cluster: %w", ErrClosed) }

// Conn is the connection to addr, dialled if there is none. Callers that come while it is being dialled wait for the same one. For
// a while after a failure they get that failure at once. Errors wrap [ErrUnreachable], [ErrClosed] or ctx's.
func (c *Cluster) Conn(ctx context.Context, addr string) (*remoting.Conn, error) {
	return c.peer(addr).get(ctx)
}

func (c *Cluster) peer(addr string) *peer {
	p, ok := c.peers.Load(addr)
	if !ok {
		p, _ = c.peers.LoadOrStore(addr, &peer{c: c, addr: addr})
	}
	return p.(*peer)
}

// Opened calls fn for each address that has an open connection now.
func (c *Cluster) Opened(fn func(addr string, conn *remoting.Conn)) {
	c.peers.Range(func(addr, p any) bool {
		if conn := p.(*peer).conn.Load(); conn != nil {
			fn(addr.(string), conn)
		}
		return true
	})
}

// Invoke sends a request to addr and waits for its answer as long as ctx lets it. An answer with a code other than SUCCESS is not an
// error here: see [Check]. f is not changed; a frame without language and version is sent as ours.
func (c *Cluster) Invoke(ctx context.Context, addr string, f *protocol.Frame) (*protocol.Frame, error) {
	p := c.peer(addr)
	conn, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	request := *f
	if request.Version == 0 {
		request.Language, request.Version = protocol.LanguageGo, protocol.CurrentVersion
	}
	answer, err := conn.Invoke(ctx, &request)
	if err != nil {
		return nil, lost(ctx, addr, err)
	}
	return p.explain(answer), nil
}

// lost wraps the error of a call whose connection failed.
func lost(ctx context.Context, addr string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return fmt.Errorf("cluster: %s is %w: %w", addr, ErrUnreachable, err)
}

// peer is one address and the connection to it.
type peer struct {
	c    *Cluster
	addr string
	conn atomic.Pointer[remoting.Conn] // nil when there is none

	unsigned atomic.Pointer[error] // why requests are not signed, as [Options].SignTo said last; nil where they are

	mu    sync.Mutex
	dial  *dialing // guarded by mu, as all below: the dialling that goes on
	fails backoff
}
