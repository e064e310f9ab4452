package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206), from mqadmin, dashboard and exporter: the names of all topics.
// Answers: 0 with a TopicList body; 1 when enableAllTopicList is off.
func (s *Server) getAllTopics(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	s.mu.RLock()
	off, topics := s.settings.DisableAllTopicList, s.table.Topics()
	s.mu.RUnlock()
	if off {
		return f.Reply(protocol.ResSystemError, "disable: enableAllTopicList is false")
	}
	return topicList(f, topics, "")
}

// topicList answers with names of topics.
func topicList(f *protocol.Frame, topics []string, brokerAddr string) protocol.Frame {
	if topics == nil {
		topics = []string{}
	}
	return reply(f, protocol.MarshalBody(protocol.TopicList{BrokerAddr: brokerAddr, Topics: topics}))
}
