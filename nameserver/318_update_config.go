package nameserver

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// UPDATE_NAMESRV_CONFIG (318), from mqadmin updateNamesrvConfig. The body is properties text. The keys of [Settings] change at once and hold until the
// restart; all others are given at the start only. All or nothing is changed.
// Answers: 0; 16 for a key that no client may change; 1 for text that does not parse, a value that fits no boolean, or an unknown key.
func (s *Server) updateConfig(c *remoting.Conn, f *protocol.Frame) protocol.Frame {
	properties, err := config.ParseProperties(string(f.Body))
	if err != nil {
		return fail(f, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.settings
	for _, p := range properties {
		switch p.Key {
		case "configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome":
			return f.Reply(protocol.ResNoPermission, "Can not update config in black list: "+p.Key)
		}
		if err := next.set(p.Key, p.Value); err != nil {
			return fail(f, fmt.Errorf("line %d: %w", p.Line, err))
		}
	}
	s.settings = next
	s.opt.Logger.Info("configuration changed", "properties", len(properties), "by", c.RemoteAddr())
	return reply(f, nil)
}
