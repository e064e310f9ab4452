package api

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/session"
	"github.com/aerobee-mq/aerobee/listen"
)

// login signs somebody in: with a cookie that no script of a page can read and no other site has sent, or with a bearer's token.
func login(c *call) error {
	var want session.Login
	if err := c.body(&want); err != nil {
		return err
	}
	g := c.g
	if !g.mustSignIn() {
		return &problem{"not-found", "there is no super user: nobody can sign in, and nobody has to"}
	}
	if _, ok := g.Users.Find(want.User); ok {
		c.act.by(want.User) // not what somebody may have typed instead of it
	}
	a, err := g.check(c.r, want.User, want.Password)
	if err != nil {
		return err
	}
	text, s := g.sessions.Begin(a, want.Bearer)
	body := bodyOf(&s)
	if want.Bearer {
		body.Token = text
	} else {
		http.SetCookie(c.w, cookie(c.r, text, int(session.Longest/time.Second)))
	}
	return c.reply(body, nil)
}

func bodyOf(s *session.Signed) session.Session {
	body := session.Session{User: s.Name, Super: s.Super, CSRF: s.CSRF}
	if !s.Until.IsZero() {
		until := s.Until.UTC()
		body.Until = &until
	}
	return body
}

// cookie is what a browser sends with each request below /api, until age seconds have passed; at once for negative ones.
func cookie(r *http.Request, text string, age int) *http.Cookie {
	secure, _ := listen.PeerOf(r.Context())
	return &http.Cookie{Name: cookieName, Value: text, Path: "/api", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure} // #nosec G124 -- Secure where there is TLS
}

// logout ends the session that the request names, if it names one.
func logout(c *call) error {
	ended := false
	if kind, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " "); strings.EqualFold(kind, "Bearer") {
		ended = c.leave(strings.TrimSpace(value), true)
	}
	if cookie, err := c.r.Cookie(cookieName); err == nil {
		ended = c.leave(cookie.Value, false) || ended
	}
	if c.act != nil && !ended {
		c.act.idle, c.act.r.Why = true, "there was no session"
	}
	http.SetCookie(c.w, cookie(c.r, "", -1))
	return c.reply(struct{}{}, nil)
}

func (c *call) leave(text string, bearer bool) (ended bool) {
	s, ended := c.g.sessions.Find(text, bearer)
	if ended {
		c.act.by(s.Name)
		c.g.sessions.End(text)
	}
	return ended
}

// whoAmI tells who makes the request, and the token that changes must repeat.
func whoAmI(c *call) error {
	body := bodyOf(&c.who)
	body.Super = body.Super || !c.g.mustSignIn() && c.g.here(c.r) == nil
	return c.reply(body, nil)
}

// auditTail tells the newest records of those that are wanted.
func auditTail(c *call) error {
	if c.g.Audit == nil {
		return errNotServed
	}
	outcome := c.v.Text("outcome")
	return c.reply(audit.Page{Records: newest(c, c.g.Audit.Last(math.MaxInt), func(r *audit.Record, match string) bool {
		return (outcome == "" || r.Outcome == outcome) && holds(match, r.Who, r.From, r.What, r.About, r.Why)
	})}, nil)
}

// refusals tells the newest of what clients were refused.
func refusals(c *call) error {
	if c.o.Refused == nil {
		return errNotServed
	}
	all, err := c.o.Refused()
	return c.reply(rights.Refusals{Refusals: newest(c, all, func(r *rights.Refusal, match string) bool { return holds(match, r.Remark, r.Code, r.Peer, r.Request) })}, err)
}

// newest leaves the last ones of a list that a request wants, as many as it wants.
func newest[T any](c *call, all []T, wanted func(one *T, match string) bool) []T {
	match := strings.ToLower(c.v.Text("match"))
	all = slices.DeleteFunc(all, func(one T) bool { return !wanted(&one, match) })
	return append([]T{}, all[max(0, len(all)-int(c.v.Int("limit"))):]...)
}

// holds tells whether one of the texts holds a text of small letters.
func holds(match string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), match) })
}

// by says who an act is by.
func (a *act) by(name string) {
	if a != nil {
		a.r.Who = name
	}
}

// because notes the reason that was given for an act, and in whose name.
func (a *act) because(who, reason string) {
	if a != nil {
		a.r.Why = reason
		if a.r.Who == "" {
			a.r.Who = who
		}
	}
}
