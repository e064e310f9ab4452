package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// GET_ROUTEINFO_BY_TOPIC (105), from all clients every 30 s for each topic, from brokers and tools. The address of this process's own broker
// is chosen for the connection that asks. A client from Version4_9_4 on, or one that says so, gets standard JSON; older ones, and those
// that ask by zone, get fastjson's style. By zone, brokers of other zones that have a master are left out.
// Answers: 0 with a RouteData body; 17 when no broker has the topic, or none was named.
func (s *Server) getRoute(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.GetRouteHeader
	if err := h.Decode(f.Fields); err != nil {
		return f.Reply(protocol.ResTopicNotExist, err.Error())
	}
	style := protocol.FastJSON
	if f.Version >= protocol.Version4_9_4 || h.AcceptStandardJSONOnly {
		style = protocol.StandardJSON
	}
	client := clientOf(c)
	key, at := s.keyOf(h.Topic, style, client)
	if h.Zone == "" {
		if body := s.routes.get(at, key); body != nil {
			return reply(f, body)
		}
	}
	r, ok := s.Route(h.Topic, client)
	if !ok {
		return f.Reply(protocol.ResTopicNotExist, "No topic route info in name server for the topic: "+h.Topic)
	}
	data := routeData(&r, s.orderConf(h.Topic))
	if h.Zone != "" {
		r.InZone(h.Zone)
		data = routeData(&r, data.OrderConf)
		return reply(f, data.Append(nil, protocol.FastJSON))
	}
	body := data.Append(nil, style)
	s.routes.put(at, key, body)
	return reply(f, body)
}

// orderConf is a topic's order configuration, "" unless the server tells it to clients.
func (s *Server) orderConf(topic string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.settings.OrderMessageEnable {
		return ""
	}
	conf, _ := s.kv.Get(protocol.NamespaceOrderTopic, topic)
	return conf
}

func routeData(r *route.Route, orderConf string) protocol.RouteData {
	d := protocol.RouteData{FilterServers: r.FilterServers, OrderConf: orderConf}
	for _, b := range r.Brokers {
		d.Brokers = append(d.Brokers, brokerData(b))
	}
	for _, q := range r.Queues {
		d.Queues = append(d.Queues, protocol.QueueData{BrokerName: q.Broker, Perm: q.Perm, ReadQueueNums: q.ReadQueues, TopicSysFlag: q.SysFlag,
			WriteQueueNums: q.WriteQueues})
	}
	if r.Mappings != nil {
		d.Mappings = make(map[string]protocol.TopicQueueMappingInfo, len(r.Mappings))
		for broker, m := range r.Mappings {
			d.Mappings[broker] = protocol.TopicQueueMappingInfo(m)
		}
	}
	return d
}

func brokerData(b route.Broker) protocol.BrokerData {
	return protocol.BrokerData{Addrs: b.Addrs, Name: b.Name, Cluster: b.Cluster, EnableActingMaster: b.ActingMaster, ZoneName: b.Zone}
}
