package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/session"
)

// TestEverythingClosedIsRefused asks for each operation that is for administrators as a stranger, as a user who is no super user, as a page of another origin, and, for
// changes, with a cookie alone.
func TestEverythingClosedIsRefused(t *testing.T) {
	g := newGuarded(t)
	users := map[string]session.Account{"ann": {Name: "ann", Super: true}, "bob": {Name: "bob"}}
	const basicBob, stranger = "Basic Ym9iOmdvb2Q=", "192.0.2.1:5"
	path := strings.NewReplacer("{handle}", "7", "{end}", "commit", "{id}", "a1", "{topic}", "t", "{group}", "g", "{user}", "u", "{broker}", "b", "{namespace}", "n", "{key}", "k", "{client}", "c")
	f := func(op *v1.Operation, kind, from string, headers ...string) {
		t.Helper()
		w := g.ask(from, op.Method, path.Replace(op.Path), `{}`, headers...)
		var p v1.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Type != "urn:aerobee:problem:"+kind || w.Code != p.Status {
			t.Errorf("%s %s from %s with %v: %d %s, want %s", op.Method, op.Path, from, headers, w.Code, w.Body, kind)
		}
	}
	for name, u := range users {
		g.users[name] = u
	}
	in := g.ask(stranger, "POST", "/api/v1/session", `{"user":"ann","password":"good"}`)
	cookie, _, _ := strings.Cut(in.Header().Get("Set-Cookie"), ";")
	var signed session.Session
	if err := json.Unmarshal(in.Body.Bytes(), &signed); err != nil || signed.CSRF == "" {
		t.Fatalf("%v: %s", err, in.Body)
	}
	closed, changes := 0, 0
	for _, op := range v1.Operations() {
		if !op.Here {
			continue
		}
		closed++
		clear(g.users)
		f(&op, "not-here", stranger)
		for name, u := range users {
			g.users[name] = u
		}
		f(&op, "needs-login", stranger)
		f(&op, "needs-login", "127.0.0.1:5")
		f(&op, "not-super", stranger, "Authorization", basicBob)
		f(&op, "other-origin", stranger, "Authorization", basicBob, "Sec-Fetch-Site", "cross-site")
		if op.Method == http.MethodGet {
			continue
		}
		changes++
		f(&op, "csrf", stranger, "Cookie", cookie)
		f(&op, "other-origin", stranger, "Cookie", cookie, "X-CSRF-Token", signed.CSRF, "Origin", "http://evil.example")
		if class := access.OfCall(op.ID); class != access.Changes {
			t.Errorf("%s %s is of class %d, want that of changes", op.Method, op.Path, class)
		}
	}
	if closed < 25 || changes < 20 {
		t.Errorf("%d operations are closed, %d of them change something", closed, changes)
	}
}
