package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// UNREGISTER_BROKER (104), from a broker that stops: it is out at once, with its topics if it was the last of its group.
// Answers: 0, also for a broker that is not registered; 1 when a field is missing.
func (s *Server) unregisterBroker(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerIdentityHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	s.table.Unregister(h.ClusterName, h.BrokerName, h.BrokerAddr)
	s.mu.Unlock()
	s.opt.Logger.Info("broker unregistered", "cluster", h.ClusterName, "broker", h.BrokerName, "id", h.BrokerID, "addr", h.BrokerAddr)
	return reply(f, nil)
}
