package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_BROKER_CLUSTER_INFO (106), from brokers, mqadmin, dashboard and exporter: all broker groups, and their names by cluster. This
// process's own broker has the address that the asking connection reaches. The body is in fastjson's style, as Apache writes
// it for clients of every version. Answers: 0 with a ClusterInfo body.
func (s *Server) getClusterInfo(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	s.mu.RLock()
	brokers, clusters, local := s.table.Brokers(), s.table.Clusters(), s.local
	s.mu.RUnlock()
	info := protocol.ClusterInfo{Brokers: make(map[string]protocol.BrokerData, len(brokers)), Clusters: clusters}
	for _, b := range brokers {
		if local != nil {
			s.readdress(&b, local, clientOf(c))
		}
		info.Brokers[b.Name] = brokerData(b)
	}
	return reply(f, info.Append(nil, protocol.FastJSON))
}
