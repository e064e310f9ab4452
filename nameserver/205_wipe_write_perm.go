package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// WIPE_WRITE_PERM_OF_BROKER (205), from mqadmin wipeWritePerm before a broker is stopped: its topics become read-only in routes, until the
// broker's data version changes; those of this process's broker each until it changes itself. Answers: 0 with the number of topics in wipeTopicCount; 1 when the field is missing.
func (s *Server) wipeWritePerm(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerNameHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	n := s.table.WipeWrite(h.BrokerName)
	s.mu.Unlock()
	s.opt.Logger.Info("write permission wiped", "broker", h.BrokerName, "topics", n, "by", c.RemoteAddr())
	r := reply(f, nil)
	r.Fields.AddInt("wipeTopicCount", int64(n))
	return r
}
