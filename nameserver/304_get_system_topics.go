package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_SYSTEM_TOPIC_LIST_FROM_NS (304), from the dashboard: the names of all clusters and brokers, which are topics as well, and the address of one
// broker to ask for the rest. Answers: 0 with a TopicList body.
func (s *Server) getSystemTopics(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	s.mu.RLock()
	names, broker := s.table.SystemTopics()
	local := s.local
	s.mu.RUnlock()
	if local != nil {
		s.readdress(&broker, local, clientOf(c))
	}
	return topicList(f, names, broker.First())
}
