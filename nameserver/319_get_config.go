package nameserver

import (
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// GET_NAMESRV_CONFIG (319), from mqadmin getNamesrvConfig: the effective configuration. Answers: 0 with properties text as body.
func (s *Server) getConfig(_ *remoting.Conn, f *protocol.Frame) protocol.Frame {
	s.mu.RLock()
	settings := s.settings
	s.mu.RUnlock()
	body := settings.append(nil)
	body = appendProperty(body, "scanNotActiveBrokerInterval", s.opt.ScanInterval.Milliseconds())
	body = appendProperty(body, "supportActingMaster", s.opt.Route.SupportActingMaster)
	body = appendProperty(body, "deleteTopicWithBrokerRegistration", s.opt.Route.DeleteTopicWithBrokerRegistration)
	return reply(f, body)
}
