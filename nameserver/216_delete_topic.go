package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// DELETE_TOPIC_IN_NAMESRV (216), from mqadmin deleteTopic, after the brokers were told: forgets a topic on a cluster, or everywhere. A
// broker that still has it brings it back with its next registration; the one of this process keeps it meanwhile. Answers: 0, also for an
// unknown topic; 1 when the field is missing.
func (s *Server) deleteTopic(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.DeleteTopicInNamesrvHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	s.table.DeleteTopic(h.Topic, h.ClusterName)
	s.mu.Unlock()
	return reply(f, nil)
}
