package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// QUERY_DATA_VERSION (322), from brokers that register only when something changed: is the version in the body another than the one registered?
// It is a sign of life as well. Answers: 0 with the field changed (true for a broker that is not registered) and the registered
// version as body, if there is one; 1 for a missing field or a body that does not decode.
func (s *Server) queryDataVersion(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.BrokerIdentityHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	var asked protocol.DataVersion
	if err := protocol.UnmarshalBody(f.Body, &asked); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	have, ok := s.table.Version(h.ClusterName, h.BrokerAddr)
	s.table.Touch(s.opt.Now(), h.ClusterName, h.BrokerAddr)
	s.mu.Unlock()
	r := reply(f, nil)
	if ok {
		r.Body = protocol.MarshalBody(protocol.DataVersion(have))
	}
	(&protocol.QueryDataVersionResponseHeader{Changed: !ok || have != route.Version(asked)}).Append(&r.Fields)
	return r
}
