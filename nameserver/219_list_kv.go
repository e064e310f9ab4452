package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_KVLIST_BY_NAMESPACE (219), from admin libraries: all values of a namespace.
// Answers: 0 with a KVTable body; 22 when nothing was ever put there; 1 when the field is missing.
func (s *Server) listKV(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.KVHeader
	if err := h.DecodeNamespace(f.Fields); err != nil {
		return fail(f, err)
	}
	body, ok := s.kvTable(h.Namespace)
	if !ok {
		return f.Reply(protocol.ResQueryNotFound, "No config item, Namespace: "+h.Namespace)
	}
	return reply(f, body)
}

// kvTable is a namespace's values as a body; false if nothing was ever put there.
func (s *Server) kvTable(namespace string) ([]byte, bool) {
	s.mu.RLock()
	values, ok := s.kv.List(namespace)
	s.mu.RUnlock()
	if !ok {
		return nil, false
	}
	return protocol.MarshalBody(protocol.KVTable{Table: values}), true
}
