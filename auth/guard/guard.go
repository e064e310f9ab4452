// Package guard lets requests pass or refuses them: who is it, and may they. It finds users and lists in the table that the store keeps, has package auth/sign
// check signatures, package auth/need say what a request asks for, and package auth/decide decide. A change of users or lists counts for the next request.
//
// The root package makes one [Guard] and asks it before each remoting request of a broker and a NameServer, and before each gRPC request. All of it is
// safe to call at once.
package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/auth/need"
	"github.com/aerobee-mq/aerobee/auth/plain"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Options say what a [Guard] asks for.
type Options struct {
	// Authenticate has it ask for signatures, Authorize for rights. With Authorize alone everybody is believed to be who they say.
	Authenticate, Authorize bool
	// Unsigned and Unasked are requests that need no signature, or no right: remoting codes in decimal, or full names of gRPC messages.
	Unsigned, Unasked []string
	// Cluster is the name of the broker's cluster.
	Cluster string
	// Users calls read with the table of users, which must not be kept; (*store.Store).Users is one.
	Users func(read func(t *user.Table))
	// Plain is what the files of 4.x say now, nil or a nil result for nothing. Of users whom the table has they say nothing.
	Plain func() *plain.Set
	// Open makes a password readable that was sealed for a user; (*seal.Keeper).Open does.
	Open func(sealed []byte, of string) ([]byte, error)
	// Rates bounds the requests of each user whose signature was right; nil for no bound.
	Rates *ratelimit.Table[ratelimit.User]
}

// Guard lets pass or refuses.
type Guard struct {
	opt    Options
	needs  *need.Table
	system []acl.Entry

	mu     sync.Mutex
	opened map[string]opened // passwords by user; guarded by mu
}

// opened is a password, and the state of its user that it belongs to.
type opened struct {
	of       *user.User
	password string
}

// maxOpened is how many passwords are kept open; there are no more users.
const maxOpened = 10_000

// New makes a Guard.
func New(o Options) *Guard {
	return &Guard{opt: o, needs: need.New(o.Cluster), system: decide.System(o.Cluster), opened: map[string]opened{}}
}

// Refusal is a no. Its text goes to the client as it is.
type Refusal struct {
	Text string
	// Unknown says that it is not known who asks; else it is known, and they may not.
	Unknown bool
}

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

func unknown(format string, args ...any) error {
	return &Refusal{Text: fmt.Sprintf(format, args...), Unknown: true}
}

func forbidden(format string, args ...any) error {
	return &Refusal{Text: fmt.Sprintf(format, args...)}
}

// Peer is where a remoting request comes from.
type Peer struct {
	From []netip.Addr // one at least, and each must be allowed
	// Holder is the user whose certificate the connection was made with, which was verified; "" for nobody's.
	Holder string
}

// Who is the user whom a remoting request says that it is from. vouched tells that it says nothing, and that the connection was made with the certificate of
// this user, whom there is.
func (g *Guard) Who(f *protocol.Frame, p Peer) (name string, vouched bool) {
	if p.Holder != "" && !sign.Claims(f) && g.Has(p.Holder) {
		return p.Holder, true
	}
	return sign.User(f), false
}

// Has tells whether there is a user of that name, disabled or not.
func (g *Guard) Has(name string) bool {
	if name == "" {
		return false
	}
	u, _, _ := g.find(name)
	return u != nil
}

// Admit looks at a remoting request. A refusal is a [Refusal], or a [ratelimit.Exceeded] for a user who asks too often.
func (g *Guard) Admit(f *protocol.Frame, p Peer) error {
	if g.needs.Free(f.Code) {
		return nil
	}
	code := strconv.Itoa(int(f.Code))
	name, vouched := g.Who(f, p)
	if g.passes(name, p.From) {
		return nil
	}
	if g.opt.Authenticate && !slices.Contains(g.opt.Unsigned, code) {
		var err error
		if vouched {
			err = g.Vouched(name)
		} else {
			err = g.Known(name, func(password string) bool { return sign.Signed(f, password) })
		}
		if err != nil {
			return err
		}
	}
	if !g.opt.Authorize || slices.Contains(g.opt.Unasked, code) {
		return nil
	}
	needs, err := g.needs.Of(f)
	if err != nil {
		return forbidden("parse authorization context error. (%v)", err)
	}
	return g.mayFrom(name, p.From, needs)
}

func (g *Guard) passes(name string, from []netip.Addr) bool {
	return len(from) > 0 && !slices.ContainsFunc(from, func(a netip.Addr) bool { return !g.Passes(name, a) })
}

func (g *Guard) mayFrom(name string, from []netip.Addr, needs []decide.Need) error {
	if len(from) == 0 {
		from = []netip.Addr{{}} // nowhere is no reason to ask for nothing
	}
	for _, a := range from {
		if err := g.May(name, a, needs); err != nil {
			return err
		}
	}
	return nil
}

// Passes tells whether a file of 4.x lets requests pass that come from an address, whoever asks or this user.
func (g *Guard) Passes(name string, from netip.Addr) bool { return g.plain().Passes(name, from) }

func (g *Guard) plain() *plain.Set {
	if g.opt.Plain == nil {
		return nil
	}
	return g.opt.Plain()
}

// Signs tells whether a gRPC request of that full name is asked for a signature, and Asks whether it is for rights.
func (g *Guard) Signs(request string) bool {
	return g.opt.Authenticate && !slices.Contains(g.opt.Unsigned, request)
}

// Asks is described at [Guard.Signs].
func (g *Guard) Asks(request string) bool {
	return g.opt.Authorize && !slices.Contains(g.opt.Unasked, request)
}

// Known refuses who is no user, and whose password does not hold for what was signed with it. Whose signature is right is counted, and may be told by a
// [ratelimit.Exceeded] to come again later: nobody else can use up a user's rate.
func (g *Guard) Known(name string, holds func(password string) bool) error {
	u, password, err := g.enabled(name)
	if err != nil {
		return err
	}
	if password == "" {
		password, err = g.password(u)
	}
	if err != nil {
		return unknown("check signature failed. (%v: set the password of the user anew)", err)
	}
	if !holds(password) {
		return unknown("check signature failed.")
	}
	return g.opt.Rates.Asked(ratelimit.User(name))
}

// Vouched is Known for a user whose certificate the connection was made with: nothing need be signed.
func (g *Guard) Vouched(name string) error {
	if _, _, err := g.enabled(name); err != nil {
		return err
	}
	return g.opt.Rates.Asked(ratelimit.User(name))
}

// enabled is a user who may come in; password is as find returns it.
func (g *Guard) enabled(name string) (u *user.User, password string, err error) {
	if name == "" {
		return nil, "", unknown("username cannot be null.")
	}
	u, _, password = g.find(name)
	switch {
	case u == nil:
		return nil, "", unknown("User:%.255s is not found.", name)
	case u.Status == user.Disabled:
		return nil, "", unknown("User:%s is disabled.", name)
	}
	return u, password, nil
}

// May refuses a user who has not all of the rights.
func (g *Guard) May(name string, from netip.Addr, needs []decide.Need) error {
	if len(needs) == 0 {
		return nil
	}
	if name == "" {
		return forbidden("Authorization failed. Please verify your access rights and try again. (the request names no user)")
	}
	u, list, _ := g.find(name)
	switch {
	case u == nil:
		return forbidden("User:%.255s not found.", name)
	case u.Status == user.Disabled:
		return forbidden("User:%s is disabled.", name)
	case u.Kind == user.Super:
		return nil
	}
	q := decide.Question{Subject: u.Subject(), Source: from}
	for i := range needs {
		q.Resource, q.Actions = needs[i].Resource, needs[i].Actions
		if v := decide.By(list, g.system, &q); !v.Allowed {
			return forbidden("%s", v.Refusal(&q))
		}
	}
	return nil
}

// ErrNoUser is in the errors about users that there are not.
var ErrNoUser = errors.New("there is no such user")

// Explain says what would be decided, and why.
func (g *Guard) Explain(name string, from netip.Addr, n decide.Need) (decide.Verdict, error) {
	u, list, _ := g.find(name)
	if u == nil {
		return decide.Verdict{}, fmt.Errorf("%.255q: %w", name, ErrNoUser)
	}
	if u.Kind == user.Super {
		return decide.Super(), nil
	}
	return decide.By(list, g.system, &decide.Question{Subject: u.Subject(), Source: from, Resource: n.Resource, Actions: n.Actions}), nil
}

// find is a user and what is said of them. password is theirs if they are of a file, "" otherwise.
func (g *Guard) find(name string) (u *user.User, list *acl.List, password string) {
	g.opt.Users(func(t *user.Table) {
		u, _ = t.Get(name)
		list, _ = t.List(acl.User(name))
	})
	if a := g.plain().Find(name); u == nil && a != nil {
		return a.User, a.List, a.Password
	}
	return u, list, ""
}

// password is a user's. What the table hands out is never changed, so it is opened once for each state of the user.
func (g *Guard) password(u *user.User) (string, error) {
	g.mu.Lock()
	have, ok := g.opened[u.Name]
	g.mu.Unlock()
	if ok && have.of == u {
		return have.password, nil
	}
	text, err := g.opt.Open(u.Password, u.Name)
	if err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.opened) >= maxOpened {
		clear(g.opened)
	}
	g.opened[u.Name] = opened{u, string(text)}
	return string(text), nil
}

// AdmitTo looks at a remoting request that [Guard.Admit] has let pass, and that turns out to be about a message of this topic, which it names by an offset: users
// have rights to topics. A refusal is a [Refusal].
func (g *Guard) AdmitTo(f *protocol.Frame, p Peer, topic string) error {
	name, _ := g.Who(f, p)
	if !g.opt.Authorize || slices.Contains(g.opt.Unasked, strconv.Itoa(int(f.Code))) || g.passes(name, p.From) {
		return nil
	}
	return g.mayFrom(name, p.From, g.needs.About(f, topic))
}
