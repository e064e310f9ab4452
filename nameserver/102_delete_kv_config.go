package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// DELETE_KV_CONFIG (102), from mqadmin deleteKvConfig, deleteSubGroup and updateOrderConf: removes a value. One that is not there is
// removed as well. Answers: 0 when the change is on disk; 1 when a field is missing or the disk refuses; 2 when too many changes wait.
func (s *Server) deleteKV(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.KVHeader
	if err := h.DecodeKey(f.Fields); err != nil {
		r := fail(f, err)
		_ = c.Send(&r)
		return
	}
	s.changeKV(c, f, func() { s.kv.Delete(h.Namespace, h.Key) })
}
