package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/session"
)

// guarded is a handler with users, a clock and a record of its own.
type guarded struct {
	http.Handler
	log   *audit.Log
	users map[string]session.Account // the password of each is "good"
	now   time.Time
	fail  error // of settlements
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{log: audit.New(audit.Options{Logger: slog.New(slog.DiscardHandler)}), users: map[string]session.Account{}, now: time.Unix(1000, 0)}
	t.Cleanup(g.log.Close)
	find := func(name string) (session.Account, bool) {
		a, ok := g.users[name]
		return a, ok
	}
	g.Handler = New(Options{
		Node:   func() (v1.Node, error) { return v1.Node{}, nil },
		Settle: func(context.Context, v1.Settlement) error { return g.fail },
		Guard: Guarding{Audit: g.log, Now: func() time.Time { return g.now }, Users: Users{
			Any: func() bool { return len(g.users) > 0 }, Find: find,
			Check: func(name, password string) (session.Account, bool) {
				a, ok := find(name)
				return a, ok && password == "good"
			},
		}},
	})
	return g
}

// ask makes a request from an address; headers are names and values.
func (g *guarded) ask(from, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = from, "127.0.0.1:9876"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	g.ServeHTTP(w, r)
	return w
}

// TestPasswordsCannotBeTriedAtWill: neither from one address, whichever the users, nor of one user, from wherever.
func TestPasswordsCannotBeTriedAtWill(t *testing.T) {
	g := newGuarded(t)
	g.users["ann"] = session.Account{Name: "ann", Super: true}
	f := func(from, user, password string, code int) {
		t.Helper()
		if w := g.ask(from, "POST", "/api/v1/session", `{"user":"`+user+`","password":"`+password+`"}`); w.Code != code {
			t.Errorf("%s for %s: %d %s, want %d", from, user, w.Code, w.Body, code)
		}
	}
	for range 10 {
		f("192.0.2.1:5", "nobody", "bad", 401)
	}
	f("192.0.2.1:6", "ann", "good", 429)
	f("192.0.2.2:5", "nobody", "bad", 429)
	f("192.0.2.2:5", "ann", "good", 200)
	for range 10 {
		f("[2001:db8::1]:5", "ann", "bad", 401)
	}
	f("[2001:db8::2]:5", "other", "bad", 429) // a machine has all addresses of its network
	f("192.0.2.3:5", "ann", "good", 429)
	g.now = g.now.Add(time.Second)
	f("192.0.2.3:5", "ann", "good", 200)
	for range 11 { // Basic is no way around
		g.ask("192.0.2.9:5", "GET", "/api/v1/node", "", "Authorization", "Basic bm9ib2R5MjpiYWQ=")
	}
	if w := g.ask("192.0.2.9:5", "GET", "/api/v1/node", "", "Authorization", "Basic bm9ib2R5MjpiYWQ="); w.Code != 429 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestSessionsEnd with the time, the user, and the user's password.
func TestSessionsEnd(t *testing.T) {
	g := newGuarded(t)
	g.users["ann"] = session.Account{Name: "ann", Super: true}
	login := func() (cookie string) {
		w := g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{"user":"ann","password":"good"}`)
		cookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
		return cookie
	}
	f := func(cookie string, code int) {
		t.Helper()
		if w := g.ask("192.0.2.1:5", "GET", "/api/v1/audit", "", "Cookie", cookie); w.Code != code {
			t.Errorf("%d %s, want %d", w.Code, w.Body, code)
		}
	}
	one := login()
	f(one, 200)
	f(one+"x", 401)
	f("", 401)
	g.users["ann"] = session.Account{Name: "ann"}
	f(one, 403) // no super user any more
	g.users["ann"] = session.Account{Name: "ann", Super: true, Mark: [32]byte{1}}
	f(one, 401)
	two := login()
	f(two, 200)
	delete(g.users, "ann")
	g.users["bob"] = session.Account{Name: "bob", Super: true}
	f(two, 401)
	g.users["ann"] = session.Account{Name: "ann", Super: true}
	three := login()
	g.now = g.now.Add(session.Idle)
	f(three, 401)
}

// TestActsStandInTheLog with who, what, why and how they ended, each once, and reads do not.
func TestActsStandInTheLog(t *testing.T) {
	g := newGuarded(t)
	const here, settle, said = "127.0.0.1:5", "/api/v1/transactions/7/commit", `{"who":"w","reason":"paid in cash"}`
	g.ask(here, "POST", settle, said)
	g.fail = errors.New("the disk is gone")
	g.ask(here, "POST", settle, said)
	g.ask("192.0.2.1:5", "POST", settle, said)
	g.ask(here, "POST", settle, said, "Sec-Fetch-Site", "cross-site")
	g.ask("192.0.2.1:5", "GET", "/api/v1/node", "")
	g.ask(here, "GET", "/api/v1/audit", "")
	g.users["ann"], g.fail = session.Account{Name: "ann", Super: true}, nil
	g.ask("192.0.2.1:5", "POST", settle, said, "Authorization", "Basic YW5uOmdvb2Q=")
	g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{"user":"good","password":"ann"}`) // the wrong way round
	g.log.Close()
	var got []string
	for _, r := range g.log.Last(100) {
		got = append(got, strings.Join([]string{r.Who, r.From, r.What, r.Outcome, r.Why}, "|"))
	}
	want := []string{
		"w|127.0.0.1:5|POST " + settle + "|done|paid in cash",
		"w|127.0.0.1:5|POST " + settle + "|failed|paid in cash: the disk is gone",
		"|192.0.2.1:5|POST " + settle + "|refused|POST " + settle + " is served to this machine, and to addresses of --admin-from, only: the request came from 192.0.2.1; to allow it, " +
			"start the node with --admin-from 192.0.2.1, or make a super user (aerobee user create, on the node's machine) and sign in",
		"|127.0.0.1:5|POST " + settle + "|refused|POST " + settle + " is not for pages of another origin: Sec-Fetch-Site says cross-site",
		"ann|192.0.2.1:5|POST " + settle + "|done|paid in cash",
		"|192.0.2.1:5|POST /api/v1/session|refused|no user who may sign in has this name and password",
	}
	if text := strings.Join(got, "\n"); text != strings.Join(want, "\n") {
		t.Errorf("the log has\n%s\nwant\n%s", text, strings.Join(want, "\n"))
	}
}

// TestTooManyActs are refused before they begin.
func TestTooManyActs(t *testing.T) {
	g := newGuarded(t)
	for range g.log.MaxOpen() {
		g.log.Begin()
	}
	if w := g.ask("127.0.0.1:5", "POST", "/api/v1/transactions/7/commit", `{"who":"w","reason":"r"}`); w.Code != 429 || !strings.Contains(w.Body.String(), "1024") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for range g.log.MaxOpen() {
		g.log.Leave()
	}
}

// TestNames: from elsewhere a node is asked by an address, or by a name that is its own; a page's own name may lead anywhere.
func TestNames(t *testing.T) {
	g := newGuard(Guarding{Names: []string{"broker.example"}})
	f := func(host string, loopback, want bool) {
		t.Helper()
		if got := g.named(host, loopback); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	f("Broker.Example:9876", false, true)
	f("10.1.2.3", false, true)
	f("[2001:db8::1]:9876", false, true)
	f("localhost:1", false, true)
	f("evil.example", false, false)
	f("", false, false)
	f("broker.example", true, false)
	f("10.1.2.3:9876", true, false)
	f("127.0.0.2", true, true)
}

// TestOwnQuestions: what the node asks of itself needs no password, and nobody outside can say that he is the node.
func TestOwnQuestions(t *testing.T) {
	g := newGuarded(t)
	g.users["ann"] = session.Account{Name: "ann", Super: true}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/node", nil)
	if g.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	if g.ServeHTTP(w, Own(r)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestAnswersCannotBePages: whatever is asked, a browser loads nothing by the answer, and shows it nowhere else.
func TestAnswersCannotBePages(t *testing.T) {
	g := newGuarded(t)
	for _, path := range []string{"/", "/nowhere", "/api/v1", "/api/v1/nowhere", "/api/v1/node", "/debug/pprof/"} {
		h := g.ask("192.0.2.1:5", "GET", path, "").Header()
		if h.Get("Content-Security-Policy") != contentPolicy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// TestSlowBodiesTakeNoRoom: an act takes room in the audit log when its body has come, and what anybody may ask for leaves half of it.
func TestSlowBodiesTakeNoRoom(t *testing.T) {
	g := newGuarded(t)
	const settle, said = "/api/v1/transactions/7/commit", `{"who":"w","reason":"r"}`
	reading, end := make(chan struct{}), make(chan struct{})
	slow := &slowBody{begun: reading, end: end}
	answered := make(chan int)
	go func() {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/api/v1/session", slow)
		r.RemoteAddr = "192.0.2.1:5"
		r.Header.Set("Content-Type", "application/json")
		g.ServeHTTP(w, r)
		answered <- w.Code
	}()
	<-reading
	taken := 0
	for g.log.Begin() {
		taken++
	}
	if taken != g.log.MaxOpen() {
		t.Errorf("there was room for %d acts, while a body was on its way", taken)
	}
	for range taken - g.log.MaxAnybody() {
		g.log.Leave()
	}
	if w := g.ask("127.0.0.1:5", "POST", settle, said); w.Code != 200 {
		t.Errorf("an administrator: %d %s", w.Code, w.Body)
	}
	if w := g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{"user":"ann","password":"x"}`); w.Code != 429 || !strings.Contains(w.Body.String(), "512") {
		t.Errorf("anybody: %d %s", w.Code, w.Body)
	}
	close(end)
	if code := <-answered; code != 429 {
		t.Errorf("the slow one: %d", code)
	}
	for range g.log.MaxAnybody() {
		g.log.Leave()
	}
	if w := g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{"user":"ann","password":"`+strings.Repeat("x", maxEntry)+`"}`); w.Code != 413 {
		t.Errorf("a long one: %d %s", w.Code, w.Body)
	}
}

// slowBody is a body that does not come before end is closed.
type slowBody struct{ begun, end chan struct{} }

// Read waits, and then there is nothing.
func (b *slowBody) Read([]byte) (int, error) {
	if b.begun != nil {
		close(b.begun)
		b.begun = nil
	}
	<-b.end
	return 0, io.EOF
}

// TestNothingIsRecordedAtABoundedRate: what anybody can do without end, and what comes of nothing, does not fill the record.
func TestNothingIsRecordedAtABoundedRate(t *testing.T) {
	g := newGuarded(t)
	for range 200 {
		if w := g.ask("192.0.2.1:5", "DELETE", "/api/v1/session", "", "Authorization", "Bearer none"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{"user":"ann","password":"x"}`); w.Code != 404 { // there is nobody
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := g.ask("192.0.2.1:5", "POST", "/api/v1/session", `{`); w.Code != 400 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	g.log.Close()
	got := g.log.Last(1000)
	if len(got) == 0 || len(got) > 300 {
		t.Errorf("%d records of 600 requests that changed nothing", len(got))
	}
	for _, r := range got {
		if r.Outcome != audit.Refused {
			t.Fatalf("%+v", r)
		}
	}
}

// TestAdministratorsNeedNotWait for who tries their passwords from elsewhere, and what no user can have costs nothing.
func TestAdministratorsNeedNotWait(t *testing.T) {
	g := newGuarded(t)
	g.users["ann"] = session.Account{Name: "ann", Super: true}
	f := func(from, user, password string, code int) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		if w := g.ask(from, "GET", "/api/v1/node", "", "Authorization", r.Header.Get("Authorization")); w.Code != code {
			t.Errorf("%s for %.9s: %d %s, want %d", from, user, w.Code, w.Body, code)
		}
	}
	for i := range 20 {
		f("192.0.2.1:5", strings.Repeat("n", 256), "good", 401)
		f("192.0.2.1:5", "ann", strings.Repeat("p", 1025), 401)
		if i < 10 {
			f("198.51.100.1:5", "ann", "bad", 401)
		}
	}
	f("198.51.100.2:5", "ann", "good", 429)
	f("127.0.0.1:5", "ann", "good", 200)
	for range 10 {
		f("127.0.0.1:5", "ann", "bad", 401)
	}
	f("127.0.0.1:5", "ann", "good", 429) // but they wait for themselves
	g.now = g.now.Add(time.Hour)
	f("192.0.2.1:5", "ann", "good", 200)
}
