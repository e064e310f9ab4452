package interop

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// cutter stands before a server as the address that its clients know. It knows no protocol: it moves bytes, and cuts connections when it is told to.
type cutter struct {
	front, backend string
	listener       net.Listener
	running        sync.WaitGroup

	mu      sync.Mutex // guards all below
	random  *rand.Rand
	conns   map[net.Conn]net.Conn // both ends of each connection
	chance  float64               // that a connection is cut in the middle of what it moves
	cuts    int
	stopped bool
}

func newCutter(t *testing.T, port int, backend string, seed uint64) *cutter {
	t.Helper()
	c := &cutter{front: local(port), backend: backend, random: rand.New(rand.NewPCG(seed, 2000)), conns: map[net.Conn]net.Conn{}}
	var err error
	if c.listener, err = net.Listen("tcp", c.front); err != nil {
		t.Fatal(err)
	}
	c.running.Go(c.accept)
	t.Cleanup(func() {
		c.listener.Close()
		c.mu.Lock()
		c.stopped = true
		c.mu.Unlock()
		c.cut()
		c.running.Wait()
	})
	return c
}

func (c *cutter) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.backend)
		if err != nil {
			client.Close() // the server is away, and so are we
			continue
		}
		c.mu.Lock()
		c.conns[client] = server
		stopped := c.stopped
		c.mu.Unlock()
		if stopped {
			c.cut()
			return
		}
		c.running.Go(func() { c.pump(client, server, client) })
		c.running.Go(func() { c.pump(client, client, server) })
	}
}

// pump moves bytes until either side closes, or the connection, known by its client, is cut: half of what was under way comes through then.
func (c *cutter) pump(client, to, from net.Conn) {
	defer c.forget(client)
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		whole := n
		if c.tears() {
			n /= 2
		}
		if _, err := to.Write(buffer[:n]); err != nil || n < whole {
			return
		}
	}
}

// tears says whether a connection is to be cut here and now.
func (c *cutter) tears() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chance == 0 || c.random.Float64() >= c.chance {
		return false
	}
	c.cuts++
	return true
}

// tear lets each piece of what is moved cut its connection in the middle, with this chance.
func (c *cutter) tear(chance float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chance = chance
}

// cut ends all connections.
func (c *cutter) cut() {
	c.mu.Lock()
	var all []net.Conn
	for client := range c.conns {
		all = append(all, client)
	}
	c.cuts += len(all)
	c.mu.Unlock()
	for _, client := range all {
		c.forget(client)
	}
}

// forget closes both ends of a connection.
func (c *cutter) forget(client net.Conn) {
	c.mu.Lock()
	server := c.conns[client]
	delete(c.conns, client)
	c.mu.Unlock()
	client.Close()
	if server != nil {
		server.Close()
	}
}

// total is how many connections were cut.
func (c *cutter) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}
