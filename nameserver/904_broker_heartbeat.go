package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// BROKER_HEARTBEAT (904), one-way from brokers between registrations: a sign of life. A broker that is not registered stays so.
// Answers: 0; 1 when a field is missing.
func (s *Server) brokerHeartbeat(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerHeartbeatHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	s.table.Touch(s.opt.Now(), h.ClusterName, h.BrokerAddr)
	s.mu.unlockSame()
	return reply(f, nil)
}
