package api

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// TestFewHeavyRequestsAtOnce: one more than may be under way is told so, and gets its answer when one has ended.
func TestFewHeavyRequestsAtOnce(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	h := New(Options{Answers: Answers{
		Trace: func(context.Context, string, string) (v1.Trace, error) {
			begun <- struct{}{}
			<-end
			return v1.Trace{}, nil
		},
		Node: func(context.Context) (v1.Diagnosis, error) { return v1.Diagnosis{}, nil },
	}})
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/doctor", nil))
	if len(w.until) != 2 || w.until[0] <= 0 || w.until[0] > heavyTime || w.until[1] != -1 {
		t.Errorf("deadlines %v, want one and none", w.until)
	}
	codes := make(chan int)
	for range maxHeavy {
		go func() { codes <- ask("/api/v1/messages/a1/trace?topic=t").Code }()
		<-begun
	}
	for _, path := range []string{"/api/v1/messages/a1/trace?topic=t", "/api/v1/doctor"} {
		if w := ask(path); w.Code != 429 || !strings.Contains(w.Body.String(), "too-many") {
			t.Errorf("%s, one too many: %d %s", path, w.Code, w.Body)
		}
	}
	close(end)
	for range maxHeavy {
		if code := <-codes; code != 200 {
			t.Errorf("one that was let through: %d", code)
		}
	}
	if w := ask("/api/v1/doctor"); w.Code != 200 {
		t.Errorf("later: %d %s", w.Code, w.Body)
	}
}
