package nameserver

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/route"
)

// guard is the lock of everything that routes are made of. It counts the times that somebody held it who may have changed that.
type guard struct {
	sync.RWMutex
	changes atomic.Uint64
}

// Unlock ends a change.
func (g *guard) Unlock() {
	g.changes.Add(1) // before anybody can read what was changed
	g.RWMutex.Unlock()
}

// unlockSame is Unlock for who has changed nothing of routes.
func (g *guard) unlockSame() { g.RWMutex.Unlock() }

// maxRouteBytes bounds what is kept of answers to route queries; a client chooses what of it there is.
const maxRouteBytes = 16 << 20

// routeKey is what an answer depends on beside the table: the topic, how it is written, and by which address the client reaches this process's broker.
type routeKey struct {
	topic string
	style protocol.JSONStyle
	addr  string
}

// routeCache keeps the bodies of answers to route queries until something changes: clients ask for the same few routes again and again. The bodies are not
// changed any more.
type routeCache struct {
	mu     sync.RWMutex // guards what follows
	at     uint64       // the count of changes as of which the bodies hold
	bodies map[routeKey][]byte
	size   int
}

func (c *routeCache) get(at uint64, k routeKey) []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.at != at {
		return nil
	}
	return c.bodies[k]
}

// put keeps a body that was made after there had been so many changes.
func (c *routeCache) put(at uint64, k routeKey, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at < c.at {
		return
	}
	if at > c.at || c.bodies == nil {
		c.at, c.bodies, c.size = at, map[routeKey][]byte{}, 0
	}
	const head = 128 // of an entry in the map
	if c.size += head + len(k.topic) + len(body); c.size <= maxRouteBytes {
		k.topic = strings.Clone(k.topic) // the request's memory goes
		c.bodies[k] = body
	}
}

// keyOf is the key of a query, and the count of changes before anything of the answer is read.
func (s *Server) keyOf(topic string, style protocol.JSONStyle, client route.Client) (k routeKey, at uint64) {
	return routeKey{topic, style, route.ChooseAddress(s.opt.Advertise, client, s.opt.Canonical)}, s.mu.changes.Load()
}
