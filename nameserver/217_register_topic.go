package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// REGISTER_TOPIC_IN_NAMESRV (217), from brokers with enableSingleTopicRegister: adds the queues of one topic. Queues on brokers that are not
// registered are not taken. Answers: 0, whatever was taken; 1 for a missing field or a body that does not decode.
func (s *Server) registerTopic(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.TopicHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	var data protocol.RouteData
	if len(f.Body) > 0 {
		if err := apart.Body(f, &data); err != nil {
			return fail(f, err)
		}
	}
	queues := make([]route.Queue, 0, len(data.Queues))
	for _, q := range data.Queues {
		queues = append(queues, route.Queue{Broker: q.BrokerName, Perm: q.Perm, ReadQueues: q.ReadQueueNums, SysFlag: q.TopicSysFlag,
			WriteQueues: q.WriteQueueNums})
	}
	s.mu.Lock()
	s.table.RegisterTopic(h.Topic, queues)
	s.mu.Unlock()
	return reply(f, nil)
}
