package proxy

import (
	"slices"
	"sync"

	"google.golang.org/grpc"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// maxUnsent bounds the commands that wait for a client to take them.
const maxUnsent = 64

// stream is the sending side of a telemetry stream. Commands are pushed by whoever has one, and never wait for the client: a goroutine that
// lives until all are gone sends them.
type stream struct {
	s *Server
	g grpc.BidiStreamingServer[pb.TelemetryCommand, pb.TelemetryCommand]
	// settled lets the stream live on: its settings have come. It may be called again.
	settled func() bool

	mu      sync.Mutex // guards what follows
	queue   []unsent
	sending bool
	ended   bool
}

// unsent is a command that waits, with the message in it, nil for none.
type unsent struct {
	command *pb.TelemetryCommand
	with    *carried
}

// carried is a message in a command. Its body is opened just before it is sent, which may wait, too.
type carried struct {
	bodies *convert.Inflation
	m      *pb.Message
}

func (s *Server) carry(r *message.Record) *carried {
	bodies := s.inflater.Batch()
	return &carried{bodies, bodies.Message(r)}
}

func (c *carried) open() {
	if c != nil {
		c.bodies.Open(c.m)
	}
}

func (c *carried) sent() {
	if c != nil {
		c.bodies.Sent(c.m)
		c.bodies.End()
	}
}

// push sends a command, false if the client takes none any more.
func (t *stream) push(c *pb.TelemetryCommand, with *carried) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || len(t.queue) >= maxUnsent {
		return false
	}
	t.queue = append(t.queue, unsent{c, with})
	if !t.sending {
		t.sending = true
		t.s.wg.Go(t.send)
	}
	return true
}

// send sends until nothing is left. A stream that has ended fails at once.
func (t *stream) send() {
	for {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.queue, t.sending = nil, false
			t.mu.Unlock()
			return
		}
		next := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Unlock()
		next.with.open()
		err := t.g.Send(next.command)
		next.with.sent()
		if err != nil {
			t.mu.Lock()
			t.queue, t.ended, t.sending = nil, true, false
			t.mu.Unlock()
			return
		}
	}
}

// end refuses commands from now on.
func (t *stream) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.queue = true, nil
}

// attach makes a stream the one by which the client is asked.
func (c *client) attach(t *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams = append(c.withoutLocked(t), t)
	c.unheard.Store(0)
}

// detach ends a stream. One that is older is the client's again then.
func (c *client) detach(t *stream) {
	t.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	had := len(c.streams) > 0
	c.streams = c.withoutLocked(t)
	if had && len(c.streams) == 0 {
		c.unheard.Store(c.s.opt.Now().UnixMilli())
	}
}

func (c *client) withoutLocked(t *stream) []*stream {
	return slices.DeleteFunc(c.streams, func(other *stream) bool { return other == t })
}

// tell sends a command by the client's newest stream, false if there is none.
func (c *client) tell(cmd *pb.TelemetryCommand) bool { return c.tellOf(cmd, nil) }

// tellOf is tell with a message in the command, nil for none.
func (c *client) tellOf(cmd *pb.TelemetryCommand, with *carried) bool {
	c.mu.Lock()
	var t *stream
	if n := len(c.streams); n > 0 {
		t = c.streams[n-1]
	}
	c.mu.Unlock()
	return t != nil && t.push(cmd, with)
}
