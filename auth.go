package aerobee

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/broker/account"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// startGuard makes what asks for signatures and rights, and the users that the settings name. Users are the store's, so a node without one asks nobody, as
// RocketMQ's NameServer does.
func (s *Server) startGuard(ctx context.Context, secrets account.Sealer) error {
	a := &s.cfg.Auth
	for _, of := range []func() (config.Account, bool){a.First, a.Own} {
		x, ok := of()
		if !ok {
			continue
		}
		made, err := account.EnsureSuper(ctx, s.store, secrets, x.Name, x.Password)
		if err != nil {
			return fmt.Errorf("make the user %s: %w", x.Name, err)
		}
		if made {
			s.log.Info("user created", "user", x.Name, "type", user.Super.String(), "by", "settings")
		}
	}
	if err := s.startPlain(); err != nil {
		return err
	}
	s.guard = guard.New(guard.Options{Authenticate: a.Authenticate || a.Plain, Authorize: a.Authorize || a.Plain, Unsigned: a.Unsigned, Unasked: a.Unasked, Cluster: s.cfg.ClusterName,
		Users: s.store.Users, Plain: s.plain.set.Load, Open: secrets.Open, Rates: s.userRates})
	s.store.Users(func(t *user.Table) {
		if s.asksUsers() && t.Len() == 0 && s.plain.set.Load() == nil {
			s.log.Warn("authentication is on, and there is no user: nobody can do anything until the node is started with initAuthenticationUser")
		}
	})
	return nil
}

// admit asks the guard before a request's handler gets it. What the node asks itself passes.
func (s *Server) admit(c *remoting.Conn, f *protocol.Frame) (code int32, remark string) {
	if c.Own() {
		return protocol.ResSuccess, ""
	}
	var fast ratelimit.Exceeded
	switch err := s.guard.Admit(f, s.peerOf(c)); {
	case errors.As(err, &fast):
		return c.Later(f, fast.Error())
	case err != nil:
		s.safety.gate.Denied(c, f, err.Error())
		return protocol.ResNoPermission, err.Error()
	}
	return protocol.ResSuccess, ""
}

// mayReach asks the guard about the topic of a message that a request names by its offset. gRPC requests of which it is not known who has signed them have
// been let pass by what they name.
func (s *Server) mayReach(c *remoting.Conn, f *protocol.Frame, topic string) error {
	if c.Own() || c.Inside() && c.User() == "" {
		return nil
	}
	if err := s.guard.AdmitTo(f, s.peerOf(c), topic); err != nil {
		s.safety.gate.Denied(c, f, err.Error())
		return apart.Refuse(protocol.ResNoPermission, "%v", err)
	}
	return nil
}

// peerOf is whom the guard asks about the requests of a connection.
func (s *Server) peerOf(c *remoting.Conn) guard.Peer {
	return guard.Peer{From: s.sources(c.RemoteAddr().Addr(), c.Via()), Holder: c.User()}
}

// sources are the addresses from which a request must be allowed, each of them: the one that a load balancer tells, and the balancer's own unless it is
// trusted, since anybody can name one in a PROXY header.
func (s *Server) sources(from, via netip.Addr) []netip.Addr {
	if via.IsValid() && !s.safety.gate.Allows(via, netip.Addr{}) {
		return []netip.Addr{via, from}
	}
	return []netip.Addr{from}
}

// asksUsers tells whether requests need signatures or rights.
func (s *Server) asksUsers() bool {
	a := &s.cfg.Auth
	return s.guard != nil && a.Asks()
}

// signer signs what the node asks others, nil if the settings name nobody to sign as.
func (s *Server) signer() func(f *protocol.Frame) {
	own, _ := s.cfg.Auth.Own()
	return (&sign.Credentials{User: own.Name, Password: own.Password}).Signer()
}
