package nameserver

import (
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/route"
)

// REGISTER_BROKER (103), from every broker at its start, every 30 s and on each change of its topics. The body is its topic table, whole
// or only what changed, as JSON or compressed (bounded by Options.MaxRegister); bodyCrc32 is checked unless 0. The connection
// stands for the broker from now on: when it ends, the broker is out.
// Answers: 0, for a slave with its master's addresses, with the order configuration as a KVTable body; 1 for a missing field, a wrong
// checksum, a body that does not decode, or a first registration with exactly one topic.
func (s *Server) registerBroker(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	var h protocol.RegisterBrokerHeader
	if err := h.Decode(f.Fields); err != nil {
		return fail(f, err)
	}
	if sum := message.CRC(f.Body); h.BodyCRC32 != 0 && int64(sum) != int64(h.BodyCRC32) {
		return fail(f, fmt.Errorf("crc32 not match: the header says %d, the body of %d bytes has %d", h.BodyCRC32, len(f.Body), sum))
	}
	r, err := s.readRegistration(f, &h)
	if err != nil {
		return fail(f, err)
	}
	r.Conn = c
	s.mu.Lock()
	known := !s.table.Changed(r.Cluster, r.Addr, r.Version)
	master, err := s.table.Register(s.opt.Now(), r)
	orderConf := !s.settings.OmitOrderConf
	s.mu.Unlock()
	if err != nil {
		s.opt.Logger.Warn("a broker was refused", "broker", h.BrokerName, "addr", h.BrokerAddr, "error", err)
		return f.Reply(protocol.ResSystemError, "register broker failed: "+err.Error())
	}
	if !known {
		s.opt.Logger.Info("broker registered", "cluster", h.ClusterName, "broker", h.BrokerName, "id", h.BrokerID, "addr", h.BrokerAddr,
			"topics", len(r.Topics), "counter", r.Version.Counter)
	}
	answer := reply(f, nil)
	(&protocol.RegisterBrokerResponseHeader{HAServerAddr: master.HAAddr, MasterAddr: master.Addr}).Append(&answer.Fields)
	if orderConf {
		answer.Body, _ = s.kvTable(protocol.NamespaceOrderTopic)
	}
	return answer
}

func (s *Server) readRegistration(f *protocol.Frame, h *protocol.RegisterBrokerHeader) (*route.Registration, error) {
	s.reads.Lock()
	defer s.reads.Unlock()
	body, err := protocol.UnmarshalRegisterBrokerWithin(f.Body, h.Compressed, f.Version, s.opt.MaxRegister)
	if err != nil {
		return nil, err
	}
	return Registration(h, &body), nil
}

// Registration is what a registration says, as the route table takes it.
func Registration(h *protocol.RegisterBrokerHeader, body *protocol.RegisterBrokerBody) *route.Registration {
	r := &route.Registration{Cluster: h.ClusterName, Broker: h.BrokerName, ID: h.BrokerID, Addr: h.BrokerAddr, HAAddr: h.HAServerAddr, Zone: h.Zone,
		Timeout: time.Duration(h.HeartbeatTimeoutMillis) * time.Millisecond, Legacy: !h.HasEnableActingMaster, ActingMaster: h.EnableActingMaster,
		Version: route.Version(body.Topics.DataVersion), FilterServers: body.FilterServers}
	for name, t := range body.Topics.Topics {
		r.Topics = append(r.Topics, route.Topic{Name: name, ReadQueues: t.ReadQueueNums, WriteQueues: t.WriteQueueNums, Perm: t.Perm, SysFlag: t.TopicSysFlag})
	}
	if len(body.Topics.Mappings) > 0 {
		r.Mappings = make(map[string]route.Mapping, len(body.Topics.Mappings))
		for topic, m := range body.Topics.Mappings {
			r.Mappings[topic] = route.Mapping(m)
		}
	}
	return r
}
