package signin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSignsForTheServerAlone: a server of which another one tells is not told a password.
func TestSignsForTheServerAlone(t *testing.T) {
	said := ""
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		said = user + ":" + password
	})
	one, other := httptest.NewServer(h), httptest.NewServer(h)
	t.Cleanup(one.Close)
	t.Cleanup(other.Close)
	f := func(url, environment, want string) {
		t.Helper()
		web := New(&http.Transport{}, strings.TrimPrefix(one.URL, "http://"), func(name string) string {
			if name == "AEROBEE_USER" {
				return environment
			}
			return "secret"
		})
		defer web.CloseIdleConnections()
		answer, err := (&http.Client{Transport: web}).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); said != want {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	f(one.URL, "ann", "ann:secret")
	f(other.URL, "ann", ":")
	f(one.URL, "", ":")
}
