package aerobee

import (
	"net"
	"sync"

	"github.com/aerobee-mq/aerobee/listen"
	"github.com/aerobee-mq/aerobee/proxy"
	"github.com/aerobee-mq/aerobee/remoting"
)

// gate holds remoting and gRPC connections that arrive while the node starts, so that its ports answer from the first moment.
type gate struct {
	opened chan struct{}
	closed chan struct{}
	server *remoting.Server // set before opened is closed
	proxy  *proxy.Server    // the same; nil without the role broker
	waits  sync.WaitGroup
}

func newGate() *gate { return &gate{opened: make(chan struct{}), closed: make(chan struct{})} }

func (g *gate) open(server *remoting.Server, grpc *proxy.Server) {
	g.server, g.proxy = server, grpc
	close(g.opened)
}

// close closes the connections that still wait. The listeners may pass no more by then.
func (g *gate) close() {
	close(g.closed)
	g.waits.Wait()
}

// pass hands a connection on, now or when the gate opens.
func (g *gate) pass(nc net.Conn, info listen.ConnInfo) {
	select {
	case <-g.opened:
		g.server.Serve(nc, remoting.ConnInfo(info))
	default:
		g.waits.Go(func() { g.wait(nc, info) })
	}
}

func (g *gate) wait(nc net.Conn, info listen.ConnInfo) {
	select {
	case <-g.opened:
		g.server.Serve(nc, remoting.ConnInfo(info))
	case <-g.closed:
		_ = nc.Close()
	}
}

// passHTTP2 hands a connection to the gRPC server, now or when the gate opens.
func (g *gate) passHTTP2(nc net.Conn) {
	select {
	case <-g.opened:
		g.serveHTTP2(nc)
	default:
		g.waits.Go(func() {
			select {
			case <-g.opened:
				g.serveHTTP2(nc)
			case <-g.closed:
				_ = nc.Close()
			}
		})
	}
}

func (g *gate) serveHTTP2(nc net.Conn) {
	if g.proxy == nil {
		_ = nc.Close()
		return
	}
	g.proxy.Serve(nc)
}
