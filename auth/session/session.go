// Package session is who has signed in to the management API, and how often somebody may try. It knows no HTTP: package api makes one [Table] and one
// [Throttle], and holds requests against them. Both are safe to use at once; what they hold is bounded, and gone when the process ends.
//
// A session is a random text of 130 bits, of which the Table keeps the SHA-256 alone, so that neither its memory nor the time of a look-up tells
// one. It ends after [Idle] without a request, after [Longest] in any case, when its user signs out, and when the user is
// changed: see [Account].
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"
)

const (
	// Idle is how long a session may rest.
	Idle = 30 * time.Minute
	// Longest is how long a session lasts.
	Longest = 12 * time.Hour

	maxSessions = 1000
	maxOfUser   = 50
)

// Account is somebody who may sign in. Mark changes with the password: a session that began with another one has ended.
type Account struct {
	Name  string
	Super bool
	Mark  [sha256.Size]byte
}

// Login is the body of a request to sign in.
type Login struct {
	User     string `json:"user" minLen:"1" maxLen:"255"`
	Password string `json:"password" minLen:"1" maxLen:"1024"`
	Bearer   bool   `json:"bearer,omitempty"` // answer a token for the header Authorization: Bearer, instead of setting a cookie
}

// Session is the body that tells who is signed in.
type Session struct {
	User  string     `json:"user"`                // "" where nobody has to sign in
	Super bool       `json:"super"`               // everything is allowed
	Until *time.Time `json:"until,omitempty"`     // when it ends at the latest; half an hour without a request ends it too
	CSRF  string     `json:"csrfToken,omitempty"` // for the header X-CSRF-Token of requests that change something, where a cookie says who asks
	Token string     `json:"token,omitempty"`     // where a bearer's was asked for: told once
}

// Signed is who makes a request.
type Signed struct {
	Account
	// CSRF is what requests that change something must repeat, where a browser sends the session by itself; "" for a bearer's.
	CSRF  string
	Until time.Time
}

// Table is the sessions of one server.
type Table struct {
	now func() time.Time

	mu  sync.Mutex // guards what follows
	all map[[sha256.Size]byte]*entry
}

type entry struct {
	Signed
	used time.Time
}

// NewTable returns a Table without sessions.
func NewTable(now func() time.Time) *Table {
	return &Table{now: now, all: map[[sha256.Size]byte]*entry{}}
}

// Begin signs somebody in and returns the session's text, which is told to nobody else. A bearer's has no CSRF token. Of too many sessions, those of
// the same user first, the one that has rested longest ends.
func (t *Table) Begin(a Account, bearer bool) (text string, s Signed) {
	text = rand.Text()
	now := t.now()
	s = Signed{Account: a, Until: now.Add(Longest)}
	if !bearer {
		s.CSRF = rand.Text()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.makeRoom(a.Name, now)
	t.all[sha256.Sum256([]byte(text))] = &entry{Signed: s, used: now}
	return text, s
}

// makeRoom ends sessions until there is room for one more of a user.
func (t *Table) makeRoom(user string, now time.Time) {
	own := 0
	var oldest, oldestOwn *[sha256.Size]byte
	for key, e := range t.all {
		switch {
		case !e.alive(now):
			delete(t.all, key)
			continue
		case oldest == nil || e.used.Before(t.all[*oldest].used):
			oldest = &key
		}
		if e.Name != user {
			continue
		}
		if own++; oldestOwn == nil || e.used.Before(t.all[*oldestOwn].used) {
			oldestOwn = &key
		}
	}
	switch {
	case own >= maxOfUser:
		delete(t.all, *oldestOwn)
	case len(t.all) >= maxSessions:
		delete(t.all, *oldest)
	}
}

func (e *entry) alive(now time.Time) bool { return now.Before(e.Until) && now.Sub(e.used) < Idle }

// Find returns whose session a text is, as of the sign-in, and counts as a use. A bearer's text is none in a cookie, and the reverse.
func (t *Table) Find(text string, bearer bool) (Signed, bool) {
	key, now := sha256.Sum256([]byte(text)), t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.all[key]
	switch {
	case e == nil || bearer != (e.CSRF == ""):
		return Signed{}, false
	case !e.alive(now):
		delete(t.all, key)
		return Signed{}, false
	}
	e.used = now
	return e.Signed, true
}

// End ends a session. That of a text that is none does nothing.
func (t *Table) End(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, sha256.Sum256([]byte(text)))
}

// Same tells whether two secrets are the same, in a time that says nothing about them.
func Same(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
