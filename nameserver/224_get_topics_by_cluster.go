package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_TOPICS_BY_CLUSTER (224), from admin libraries: the names of the topics of a cluster.
// Answers: 0 with a TopicList body, empty for an unknown cluster; 1 when the field is missing or enableTopicList is off.
func (s *Server) getTopicsByCluster(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.ClusterHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	s.mu.RLock()
	off, topics := s.settings.DisableTopicList, s.table.TopicsOf(h.Cluster)
	s.mu.RUnlock()
	if off {
		return f.Reply(protocol.ResSystemError, topicListOff)
	}
	return topicList(f, topics, "")
}

const topicListOff = "disable: enableTopicList is false"
