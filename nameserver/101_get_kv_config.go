package nameserver

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_KV_CONFIG (101), from mqadmin updateOrderConf and updateTopic: reads a value.
// Answers: 0 with the field value; 22 when there is none; 1 when a field is missing.
func (s *Server) getKV(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.KVHeader
	if err := h.DecodeKey(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.RLock()
	value, ok := s.kv.Get(h.Namespace, h.Key)
	s.mu.RUnlock()
	if !ok {
		return f.Reply(protocol.ResQueryNotFound, fmt.Sprintf("No config item, Namespace: %s Key: %s", h.Namespace, h.Key))
	}
	r := reply(f, nil)
	(&protocol.KVResponseHeader{Value: value}).Append(&r.Fields)
	return r
}
