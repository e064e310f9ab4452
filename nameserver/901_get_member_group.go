package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_BROKER_MEMBER_GROUP (901), from brokers that look for the other members of their group: addresses by broker id.
// Answers: 0 with a BrokerMemberGroupResponse body in fastjson's style, without addresses for an unknown group; 1 when a field is missing.
func (s *Server) getMemberGroup(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerGroupHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.RLock()
	addrs := s.table.Members(h.BrokerName)
	s.mu.RUnlock()
	body := protocol.BrokerMemberGroupResponse{Group: protocol.BrokerMemberGroup{Addrs: addrs, Name: h.BrokerName, Cluster: h.ClusterName}}
	return reply(f, body.Append(nil, protocol.FastJSON))
}
