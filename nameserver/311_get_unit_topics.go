package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_UNIT_TOPIC_LIST (311), GET_HAS_UNIT_SUB_TOPIC_LIST (312), GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST (313), from admin libraries: the topics of
// units, those with subscriptions of units, and the latter that are no unit's topics.
// Answers: 0 with a TopicList body; 1 when enableTopicList is off.
func (s *Server) getUnitTopics(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var has, hasNot int32
	switch f.Code {
	case protocol.ReqGetUnitTopicList:
		has = protocol.TopicFlagUnit
	case protocol.ReqGetHasUnitSubTopicList:
		has = protocol.TopicFlagUnitSub
	default:
		has, hasNot = protocol.TopicFlagUnitSub, protocol.TopicFlagUnit
	}
	s.mu.RLock()
	off, topics := s.settings.DisableTopicList, s.table.TopicsFlagged(has, hasNot)
	s.mu.RUnlock()
	if off {
		return f.Reply(protocol.ResSystemError, topicListOff)
	}
	return topicList(f, topics, "")
}
