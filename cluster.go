package aerobee

import (
	"github.com/aerobee-mq/aerobee/proxy/relay"
	"github.com/aerobee-mq/aerobee/proxy/remote"
	"github.com/aerobee-mq/aerobee/remoting"
)

// openCluster makes this node the proxy in front of a cluster.
func (s *Server) openCluster(mux *remoting.Mux) error {
	dial, err := s.dialOut()
	if err != nil {
		return err
	}
	s.outward = dial
	s.remote, err = remote.New(remote.Options{NameServers: s.cfg.Namesrv, Dial: dial, Advertised: s.advertisedTo, Logger: s.log})
	if err != nil {
		return err
	}
	s.relay = relay.New(s.remote, relay.Options{Advertised: s.advertisedTo, Logger: s.log})
	s.relay.Mount(mux)
	return nil
}

func (s *Server) closeCluster() error {
	if s.remote == nil {
		return nil
	}
	return s.remote.Close()
}
