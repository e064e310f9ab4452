package remoting

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Handler serves one request on the connection's reader goroutine. It must not block: slow work goes to [Conn.Go]. The frame
// aliases the read buffer and is valid only until the handler returns.
type Handler func(c *Conn, f *protocol.Frame)

// Mux is the table from request codes to handlers.
type Mux struct {
	entries map[int32]muxEntry
}

type muxEntry struct {
	name   string
	handle Handler
}

// NewMux returns an empty table.
func NewMux() *Mux { return &Mux{entries: map[int32]muxEntry{}} }

// Handle registers the handler of a code. name is the request's name for logs and metrics. A code can be registered once.
func (m *Mux) Handle(code int32, name string, h Handler) {
	if old, dup := m.entries[code]; dup {
		panic(fmt.Sprintf("BUG: request code %d registered twice, as %s and %s", code, old.name, name))
	}
	m.entries[code] = muxEntry{name: name, handle: h}
}

// Wrap puts a stage in front of the handlers that are registered now: what stage returns serves the code from now on, and may call next. A stage that
// is put there later comes first.
func (m *Mux) Wrap(stage func(code int32, name string, next Handler) Handler) {
	for code, e := range m.entries {
		e.handle = stage(code, e.name, e.handle)
		m.entries[code] = e
	}
}

// Name is the name under which a code was registered, "" if it was not.
func (m *Mux) Name(code int32) string { return m.entries[code].name }

// admitted asks [Options].Admit, and answers the request if it may not pass.
func (c *Conn) admitted(f *protocol.Frame) bool {
	if c.host.Admit == nil || c.local != nil {
		return true
	}
	code, remark := c.host.Admit(c, f)
	if code == protocol.ResSuccess {
		return true
	}
	c.Refuse(f, code, remark)
	return false
}

func (m *Mux) serve(c *Conn, f *protocol.Frame) {
	if e, ok := m.entries[f.Code]; ok {
		if c.admitted(f) {
			e.handle(c, f)
		}
		return
	}
	r := f.Reply(protocol.ResRequestCodeNotSupported, fmt.Sprintf(" request type %d not supported", f.Code))
	_ = c.Send(&r) // the connection may be gone, and then nobody wants the answer
}
