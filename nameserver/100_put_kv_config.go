package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// PUT_KV_CONFIG (100), from mqadmin updateKvConfig, updateOrderConf, updateTopic with order, and the dashboard: sets a value.
// Answers: 0 when the value is on disk; 1 when a field is missing or the disk refuses; 2 when too many changes wait.
func (s *Server) putKV(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.KVHeader
	if err := h.DecodePut(f.Fields); err != nil {
		r := fail(f, err)
		_ = c.Send(&r)
		return
	}
	s.changeKV(c, f, func() { s.kv.Put(h.Namespace, h.Key, h.Value) })
}
