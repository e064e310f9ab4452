package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/session"
	"github.com/aerobee-mq/aerobee/listen"
)

// Guarding is what decides who may do what. The zero value lets this machine alone do what is for administrators, and keeps no record.
type Guarding struct {
	// Allows tells whether administrators may ask from an address, and through a load balancer, if via is valid; see admission.Gate. nil for
	// this machine's loopback addresses alone.
	Allows func(from, via netip.Addr) bool
	// Own tells whether "host:port" leads to this node; nil for never. What does not, and is not at an address that Allows knows, is told no passwords.
	Own func(addr string) bool
	// Names are the host names, beside addresses and localhost, by which this node may be asked for what is for administrators.
	Names []string
	// Users are who may sign in.
	Users Users
	// Audit is where administrative acts stand; nil for nowhere.
	Audit *audit.Log
	// Now is the clock of sessions; nil is time.Now.
	Now func() time.Time
}

// Users are who may sign in. What is nil says that there is nobody.
type Users struct {
	// Any tells whether there is a super user who may sign in: then everybody has to.
	Any func() bool
	// Find is the user of this name as of now, if it may sign in.
	Find func(name string) (session.Account, bool)
	// Check is Find for whoever has the password.
	Check func(name, password string) (session.Account, bool)
	// Count counts a request of a user who has signed in, or says why this one has to wait; nil: nobody counts.
	Count func(name string) error
}

// guard holds requests against who may make them.
type guard struct {
	Guarding
	sessions *session.Table
	throttle *session.Throttle
	classes  map[string]access.Class
}

func newGuard(o Guarding) *guard {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Allows == nil {
		o.Allows = func(from, via netip.Addr) bool { return from.IsLoopback() && (!via.IsValid() || via.IsLoopback()) }
	}
	g := &guard{Guarding: o, sessions: session.NewTable(o.Now), throttle: session.NewThrottle(o.Now), classes: map[string]access.Class{}}
	for _, c := range access.Calls() {
		g.classes[c.ID] = c.Class
	}
	return g
}

// ownKey marks the context of requests that the node makes of itself.
type ownKey struct{}

// Own marks a request that the node makes of itself: whoever had it do so has been looked at before.
func Own(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), ownKey{}, true))
}

// admit returns who makes a request for something of a class, or why it is refused.
func (g *guard) admit(r *http.Request, class access.Class) (session.Signed, error) {
	if r.Context().Value(ownKey{}) != nil || class.Public() {
		return session.Signed{}, nil
	}
	if class.Closed() {
		if err := sameSite(r); err != nil {
			return session.Signed{}, err
		}
	}
	if !g.mustSignIn() {
		if class.Closed() {
			return session.Signed{}, g.here(r)
		}
		return session.Signed{}, nil
	}
	who, err := g.who(r)
	if err == nil && g.Users.Count != nil {
		if fast := g.Users.Count(who.Name); fast != nil {
			return session.Signed{}, &problem{"too-many", fast.Error()}
		}
	}
	if err == nil && class.Closed() && !who.Super {
		err = &problem{"not-super", r.Method + " " + r.URL.Path + " is for super users, and " + who.Name + " is none"}
	}
	return who, err
}

// mustSignIn tells whether there is anybody who may sign in.
func (g *guard) mustSignIn() bool { return g.Users.Any != nil && g.Users.Any() }

const (
	cookieName = "aerobee_session"
	csrfHeader = "X-CSRF-Token"
)

// who is who makes a request: by a bearer's token, a name with its password, a cookie, or, without any of them, the certificate that the client has shown. Like
// a password that a browser remembers, that one may be sent for a page of another origin, which gets no answer of it, and can change nothing: see router.call.
func (g *guard) who(r *http.Request) (session.Signed, error) {
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(kind, "Bearer"):
		return g.bySession(strings.TrimSpace(value), true)
	case strings.EqualFold(kind, "Basic"):
		name, password, ok := r.BasicAuth()
		if !ok {
			return session.Signed{}, &problem{"bad-request", "the header Authorization: Basic cannot be read"}
		}
		a, err := g.check(r, name, password)
		return session.Signed{Account: a}, err
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		if a, ok := g.byCertificate(r); ok {
			return session.Signed{Account: a}, nil
		}
		return session.Signed{}, &problem{"needs-login", "there are users, so sign in: POST /api/v1/session, or the header Authorization with Basic or Bearer; commands take AEROBEE_USER and AEROBEE_PASSWORD"}
	}
	s, err := g.bySession(cookie.Value, false)
	if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead && !session.Same([]byte(r.Header.Get(csrfHeader)), []byte(s.CSRF)) {
		err = &problem{"csrf", "a request that changes something and is signed by a cookie needs the header " + csrfHeader + " with the csrfToken of the sign-in"}
	}
	return s, err
}

// byCertificate is the user whose certificate the client has shown, if that one may sign in.
func (g *guard) byCertificate(r *http.Request) (session.Account, bool) {
	name := listen.UserOf(r.Context())
	if name == "" || r.Header.Get("Authorization") != "" {
		return session.Account{}, false
	}
	return g.Users.Find(name)
}

// bySession is whose session a text is, as long as the user is what it was.
func (g *guard) bySession(text string, bearer bool) (session.Signed, error) {
	s, ok := g.sessions.Find(text, bearer)
	if ok {
		var now session.Account
		if now, ok = g.Users.Find(s.Name); ok && now.Mark == s.Mark {
			s.Super = now.Super
			return s, nil
		}
		g.sessions.End(text)
	}
	return session.Signed{}, &problem{"needs-login", "the session has ended: sign in again, POST /api/v1/session"}
}

// The longest name and password that a user can have, as session.Login says, in letters.
const maxName, maxPassword = 255, 1024

// check is the user of a name and a password. How often an address and a user may try is bounded; but whoever tries from elsewhere does not make an
// administrator wait at an address of theirs.
func (g *guard) check(r *http.Request, name, password string) (session.Account, error) {
	wrong := &problem{"wrong-password", "no user who may sign in has this name and password"}
	if utf8.RuneCountInString(name) > maxName || utf8.RuneCountInString(password) > maxPassword {
		return session.Account{}, wrong
	}
	from, via := addressOf(r), listen.ViaOf(r.Context())
	trusted := g.Allows(from, via)
	if via.IsValid() && !g.Allows(via, netip.Addr{}) {
		from = via // anybody can name an address in a PROXY header
	}
	keys := []string{"from " + network(from)}
	if !trusted {
		keys = append(keys, "user "+name)
	}
	if wait := g.throttle.Try(keys...); wait > 0 {
		return session.Account{}, &problem{"too-many", "too many passwords were wrong: wait " + wait.Round(time.Millisecond).String()}
	}
	a, ok := g.Users.Check(name, password)
	if !ok {
		return session.Account{}, wrong
	}
	g.throttle.Good(keys...)
	return a, nil
}

// addressOf is where a request came from.
func addressOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

// network is what an address has in common with those that the same machine may have.
func network(a netip.Addr) string {
	if a.Is4() || !a.IsValid() {
		return a.String()
	}
	p, _ := a.Prefix(64) // of an IPv6 address there is one
	return p.String()
}

// sameSite refuses a page of another origin that has a browser ask for what is for administrators.
func sameSite(r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return &problem{"other-origin", r.Method + " " + r.URL.Path + " is not for pages of another origin: Sec-Fetch-Site says " + site}
	}
	return nil
}

// here refuses a request that is not from an administrator's address, or is for a name that somebody else may have given it: else a web page could
// have its own name lead here. Nor may a proxy at such an address ask for others.
func (g *guard) here(r *http.Request) error {
	what := r.Method + " " + r.URL.Path + " is served to this machine, and to addresses of --admin-from, only: "
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via", "X-Envoy-External-Address"} {
		if r.Header.Values(name) != nil {
			return &problem{"not-here", what + "a proxy has passed the request on, since it has " + name + "; make a super user (aerobee user create) and sign in"}
		}
	}
	from, via := addressOf(r), listen.ViaOf(r.Context())
	if !g.Allows(from, via) {
		given := from.String()
		if via.IsValid() {
			given += " (as " + via.String() + " says)"
		}
		return &problem{"not-here", what + "the request came from " + given + "; to allow it, start the node with --admin-from " + from.String() + ", or make a super user (aerobee user create, on the node's machine) and sign in"}
	}
	if !g.named(r.Host, from.IsLoopback()) {
		return &problem{"not-here", what + "it must ask for localhost, for an address, or for a name of --advertise, and it asked for " + r.Host}
	}
	return nil
}

// named reports whether a request's Host names this node by what nobody else can give it: for this machine's own requests localhost or a
// loopback address, for others an address or a name of the node's.
func (g *guard) named(host string, loopback bool) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "localhost" || err == nil && a.IsLoopback():
		return true
	case loopback:
		return false
	}
	return err == nil || slices.ContainsFunc(g.Names, func(name string) bool { return strings.EqualFold(name, host) })
}
