package aerobee

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/auth/admission"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/auth/session"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/internal/seal"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// safety is what decides who may do what while nobody has to sign requests, who may sign in to /api/v1, and what is recorded of it.
type safety struct {
	acts  *audit.Log
	gate  *admission.Gate
	seals *seal.Keeper // of the passwords; nil without the role broker. Set before the node serves
}

// beginSafety comes before anything is served.
func (s *Server) beginSafety() {
	from, _ := s.cfg.AdminPrefixes()    // which Validate has refused where it cannot be read
	for _, a := range cardAddresses() { // whoever asks from one of them is on this machine: the system drops what comes from outside under them
		if a = a.Unmap(); !a.IsLinkLocalUnicast() {
			from = append(from, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	s.safety.acts = audit.New(audit.Options{Logger: s.log})
	s.safety.gate = admission.New(admission.Options{From: from, Log: s.safety.acts, Signed: s.holdsToRights, Who: s.signedBy})
}

// holdsToRights tells whether every remoting request is signed by a user who has the right to it.
func (s *Server) holdsToRights() bool {
	a := &s.cfg.Auth
	return s.guard != nil && (a.Plain || a.Authenticate && a.Authorize)
}

// signedBy is the user who has signed a request that the guard has let pass, or whose certificate the connection was made with; "" where nobody checks
// signatures.
func (s *Server) signedBy(c *remoting.Conn, f *protocol.Frame) string {
	if s.guard == nil {
		return ""
	}
	name, vouched := s.guard.Who(f, guard.Peer{Holder: c.User()})
	if a := &s.cfg.Auth; !vouched && !a.Plain && !a.Authenticate {
		return ""
	}
	return name
}

// keepSafe puts the gate before all requests, and the record of acts beside the store, whose directory is this node's own by now. A node without one
// has the record in memory.
func (s *Server) keepSafe(mux *remoting.Mux) {
	mux.Wrap(s.safety.gate.Stage)
	if info, err := os.Stat(s.cfg.Data); s.cfg.Memory || s.store == nil && s.nameserver == nil || err != nil || !info.IsDir() {
		return
	}
	if err := s.safety.acts.Keep(s.cfg.Data); err != nil {
		s.log.Warn("the newest acts of before the start are not told", "error", err)
	}
}

// guarding is who may do what over HTTP.
func (s *Server) guarding() api.Guarding {
	g := api.Guarding{Allows: s.safety.gate.Allows, Own: s.isNode, Audit: s.safety.acts, Users: api.Users{Any: s.hasSuper, Find: s.mayEnter, Check: s.knowsPassword, Count: s.countUser}}
	for _, text := range s.cfg.Advertise {
		host, _, _ := strings.Cut(text, "@")
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		g.Names = append(g.Names, host)
	}
	return g
}

// users has the table of users read, unless there is none, or none yet.
func (s *Server) users(read func(t *user.Table)) {
	if why := s.state.Load(); (why == nil || *why != starting) && s.store != nil { // in this order: before it has started, others set the store
		s.store.Users(read)
	}
}

// countUser counts a request over HTTP.
func (s *Server) countUser(name string) error { return s.userRates.Asked(ratelimit.User(name)) }

// hasSuper tells whether somebody may sign in to everything: then whoever uses /api/v1 has to sign in.
func (s *Server) hasSuper() (has bool) {
	s.users(func(t *user.Table) {
		has = t.Any(func(u *user.User) bool { return u.Kind == user.Super && u.Status != user.Disabled })
	})
	return has
}

// mayEnter is a user who may sign in.
func (s *Server) mayEnter(name string) (session.Account, bool) {
	u := s.enabled(name)
	if u == nil {
		return session.Account{}, false
	}
	return accountOf(u), true
}

func accountOf(u *user.User) session.Account {
	return session.Account{Name: u.Name, Super: u.Kind == user.Super, Mark: sha256.Sum256(u.Password)}
}

// enabled is a user who may sign in, nil if there is none of that name.
func (s *Server) enabled(name string) (found *user.User) {
	s.users(func(t *user.Table) {
		if u, ok := t.Get(name); ok && u.Status != user.Disabled {
			found = u
		}
	})
	return found
}

// knowsPassword is mayEnter for whoever says the right password. A user whose password cannot be opened has none.
func (s *Server) knowsPassword(name, password string) (session.Account, bool) {
	var want []byte
	u := s.enabled(name)
	if u != nil && s.safety.seals != nil {
		want, _ = s.safety.seals.Open(u.Password, name)
	}
	if same := session.Same(want, []byte(password)); !same || len(want) == 0 {
		return session.Account{}, false
	}
	return accountOf(u), true
}
