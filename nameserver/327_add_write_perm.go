package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// ADD_WRITE_PERM_OF_BROKER (327), from mqadmin addWritePerm: the broker's topics can be read and written in routes, whatever they
// allowed before. Answers: 0 with the number of topics in addTopicCount; 1 when the field is missing.
func (s *Server) addWritePerm(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerNameHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	n := s.table.AddWrite(h.BrokerName)
	s.mu.Unlock()
	s.opt.Logger.Info("write permission added", "broker", h.BrokerName, "topics", n, "by", c.RemoteAddr())
	r := reply(f, nil)
	r.Fields.AddInt("addTopicCount", int64(n))
	return r
}
