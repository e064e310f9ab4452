package session

import (
	"fmt"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestSessions(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	table := NewTable(c.now)
	cookie, s := table.Begin(Account{Name: "ann", Super: true}, false)
	bearer, b := table.Begin(Account{Name: "bob"}, true)
	f := func(text string, ofBearer, want bool) {
		t.Helper()
		if got, ok := table.Find(text, ofBearer); ok != want || ok && got.Name == "" {
			t.Errorf("%+v, %v, want %v", got, ok, want)
		}
	}
	if len(cookie) < 26 || cookie == bearer || s.CSRF == "" || s.CSRF == cookie || b.CSRF != "" || s.Until.Sub(c.at) != Longest {
		t.Errorf("%+v, %+v", s, b)
	}
	f(cookie, false, true)
	f(cookie, true, false)
	f(bearer, true, true)
	f(bearer, false, false)
	f("", false, false)
	c.at = c.at.Add(Idle - 1)
	f(cookie, false, true)
	c.at = c.at.Add(Idle - 1)
	f(cookie, false, true)
	f(bearer, true, false) // it has rested for too long
	for range 30 {
		c.at = c.at.Add(Idle - 1)
		table.Find(cookie, false)
	}
	f(cookie, false, false) // it has lasted for too long
	other, _ := table.Begin(Account{Name: "ann"}, false)
	f(other, false, true)
	table.End(other)
	table.End("x")
	f(other, false, false)
	if !Same([]byte("a"), []byte("a")) || Same([]byte("a"), []byte("b")) || Same(nil, []byte("b")) {
		t.Error("secrets are compared wrongly")
	}
}

// TestSessionsAreBounded, of a user and in all, and end when nobody uses them.
func TestSessionsAreBounded(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	table := NewTable(c.now)
	var first string
	for i := range maxOfUser + 5 {
		text, _ := table.Begin(Account{Name: "ann"}, true)
		if i == 0 {
			first = text
		}
		c.at = c.at.Add(time.Second)
	}
	if _, ok := table.Find(first, true); ok || len(table.all) != maxOfUser {
		t.Errorf("%d sessions of one user; the first is there: %v", len(table.all), ok)
	}
	for i := range maxSessions {
		table.Begin(Account{Name: fmt.Sprint(i)}, true)
	}
	if len(table.all) != maxSessions {
		t.Errorf("%d sessions", len(table.all))
	}
	c.at = c.at.Add(Idle)
	if table.Begin(Account{Name: "ann"}, true); len(table.all) != 1 {
		t.Errorf("%d sessions, all but one have ended", len(table.all))
	}
}

func TestThrottle(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	h := NewThrottle(c.now)
	f := func(want time.Duration, keys ...string) {
		t.Helper()
		if got := h.Try(keys...); got != want {
			t.Errorf("%v: wait %v, want %v", keys, got, want)
		}
	}
	for range freeTries {
		f(0, "a", "u")
	}
	f(time.Second, "a", "u")
	f(time.Second, "a", "other")
	f(time.Second, "b", "u")
	f(0, "b", "other")
	c.at = c.at.Add(time.Second)
	f(0, "a", "u")
	f(2*time.Second, "a")
	for range 10 {
		c.at = c.at.Add(longest)
		f(0, "a")
	}
	f(longest, "a")
	c.at = c.at.Add(forgetAfter + 1)
	f(0, "a")
	f(0, "a")
	// Whoever knows a password is not held up by having said it, and frees no other try.
	for range 100 {
		f(0, "good")
		h.Good("good", "never tried")
	}
	for range freeTries {
		f(0, "mixed")
	}
	f(time.Second, "mixed")
	for i := range maxKeys + 100 {
		h.Try(fmt.Sprint("stranger ", i))
	}
	if len(h.keys) != maxKeys {
		t.Errorf("%d keys", len(h.keys))
	}
}
