package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
)

func TestV1(t *testing.T) {
	starting := errors.New("the node is starting")
	var storeErr error
	h := New(Options{
		Version: "1.2.3",
		Node: func() (v1.Node, error) {
			return v1.Node{Name: "b", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Roles: []string{"broker"}, Advertised: v1.Advertised{Address: "10.0.0.1:10911", Guessed: true}}, nil
		},
		Settings: func() ([]v1.Setting, error) {
			return []v1.Setting{{Key: "brokerName", Value: "b", Default: "host", Origin: "flags"}, {Key: "initAuthenticationUser", Value: "x"}, {Key: "metricsGrpcExporterHeader", Value: "", Default: "d"}}, nil
		},
		Store: func() (v1.Store, error) {
			return v1.Store{LogEnd: 42, Retention: v1.Retention{DeleteWhen: "04"}}, storeErr
		},
	})
	f := func(method, path string, code int, want string) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1:9876" // some is for administrators only
		h.ServeHTTP(w, r)
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: code %d, body %.900q; want %d and %q", method, path, w.Code, w.Body, code, want)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: no JSON: %.300q", method, path, w.Body)
		}
		var p v1.Problem
		media := w.Header().Get("Content-Type")
		if code == 200 && media != "application/json" || code != 200 && (media != "application/problem+json" || json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Status != code ||
			!strings.HasPrefix(p.Type, "urn:aerobee:problem:") || p.Title == "" || p.Detail == "" || p.Error != p.Detail) {
			t.Errorf("%s %s: %s %+v", method, path, media, p)
		}
	}
	f("GET", "/api/v1/node", 200, `"startedAt":"2026-01-02T03:04:05Z"`)
	f("GET", "/api/v1/node", 200, `"advertised":{"address":"10.0.0.1:10911","guessed":true,`)
	f("GET", "/api/v1/settings", 200, `{"settings":[{"key":"brokerName","value":"b","default":"host","origin":"flags",`)
	f("GET", "/api/v1/settings", 200, `{"key":"initAuthenticationUser","value":"***","default":""`)
	f("GET", "/api/v1/settings", 200, `{"key":"metricsGrpcExporterHeader","value":"","default":"***"`)
	f("GET", "/api/v1/store", 200, `"logEnd":42`)
	f("GET", "/api/v1/openapi.json", 200, `"openapi": "3.1.0"`)
	f("GET", "/api/v1/connections", 503, `"error":"this node does not serve it"`)
	f("GET", "/api/v1/nowhere", 404, `GET /api/v1/nowhere is not served; GET /api/v1 lists what is`)
	f("GET", "/api", 404, `GET /api is not served`)
	f("GET", "/api/v1/topics/..", 400, `it must be as`)
	f("POST", "/api/v1/node", 405, `POST /api/v1/node is not served; the path has GET`)
	f("PATCH", "/api/v1/topics/t", 405, `the path has DELETE, GET, PUT`)
	f("GET", "/api/v1/node?x=1", 400, `none may be given`)
	f("GET", "/api/v1/topics?limit=%zz", 400, `the query cannot be read`)
	storeErr = starting
	f("GET", "/api/v1/store", 503, `"error":"the node is starting"`)
}

// TestEveryOperationIsServed holds the table and the handlers together.
func TestEveryOperationIsServed(t *testing.T) {
	o := Options{Node: func() (v1.Node, error) { return v1.Node{}, nil }}
	handlers := o.handlers()
	for _, op := range v1.Operations() {
		if handlers[op.ID] == nil {
			t.Errorf("nothing serves %s: %s %s", op.ID, op.Method, op.Path)
		}
		delete(handlers, op.ID)
	}
	for id := range handlers {
		t.Errorf("%s stands in no table", id)
	}
}

// TestIndexListsWhatIsServed asks for every path that the index lists.
func TestIndexListsWhatIsServed(t *testing.T) {
	ok := func() error { return nil }
	h := New(Options{Version: "1", Ready: ok, Healthy: ok,
		Node: func() (v1.Node, error) { return v1.Node{}, nil }, Settings: func() ([]v1.Setting, error) { return nil, nil },
		Store: func() (v1.Store, error) { return v1.Store{}, nil }, Connections: func() (v1.Connections, error) { return v1.Connections{}, nil },
		Timers: TimerSource{
			List:   func(string, string, int) (v1.Timers, error) { return v1.Timers{}, nil },
			Count:  func() (v1.TimerCounts, error) { return v1.TimerCounts{}, nil },
			Cancel: func(context.Context, int64) (v1.Timer, error) { return v1.Timer{}, nil },
		},
		Transactions: func(int64, int) (v1.Transactions, error) { return v1.Transactions{}, nil }, Settle: func(context.Context, v1.Settlement) error { return nil },
		Backup: func(context.Context, io.Writer) error { return nil }})
	do := func(method, path string) *httptest.ResponseRecorder {
		path = strings.NewReplacer("{handle}", "7", "{end}", "commit", "{id}", "a1", "{topic}", "t", "{group}", "g", "{user}", "u", "{broker}", "b", "{namespace}", "n", "{key}", "k", "{client}", "c").Replace(path)
		if strings.HasSuffix(path, "/explain") {
			path += "?action=Pub&resource=Topic:t"
		}
		if path == "/api/v1/messages" {
			path += "?topic=t"
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(`{"who":"w","reason":"r"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1:9876" // some is for this machine only
		h.ServeHTTP(w, r)
		return w
	}
	var index v1.Index
	if err := json.Unmarshal(do("GET", "/api/v1").Body.Bytes(), &index); err != nil || len(index.Paths) < 40 {
		t.Fatalf("index: %v, %+v", err, index)
	}
	served := 0
	for _, p := range index.Paths {
		w := do(p.Method, p.Path)
		switch {
		case p.About == "":
			t.Errorf("%s %s: no words", p.Method, p.Path)
		case w.Code == 200:
			served++
		case w.Code == 503 && strings.Contains(w.Body.String(), "this node does not serve it"): // it has no brokers, and says so
		case w.Code == 400 && strings.Contains(w.Body.String(), `"detail":"the body `): // it is for another one
		default:
			t.Errorf("%s %s: %d %s", p.Method, p.Path, w.Code, w.Body)
		}
	}
	if served < 13 {
		t.Errorf("%d paths are served", served)
	}
}

// TestWhoMayChange asks for a change as strangers, and pages of strangers, would.
func TestWhoMayChange(t *testing.T) {
	settled := 0
	h := New(Options{Settle: func(context.Context, v1.Settlement) error { settled++; return nil }})
	f := func(from, host, body string, code int, want string, headers ...string) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/api/v1/transactions/7/commit", strings.NewReader(body))
		r.RemoteAddr, r.Host = from, host
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		h.ServeHTTP(w, r)
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("from %s for %s with %v: %d %s, want %d %q", from, host, headers, w.Code, w.Body, code, want)
		}
	}
	const good, here, name = `{"who":"w","reason":"r"}`, "127.0.0.1:5", "localhost:9876"
	f(here, name, good, 200, "{}")
	f(here, name, good, 200, "{}", "Origin", "http://localhost:9876", "Sec-Fetch-Site", "same-origin")
	f("192.0.2.1:5", name, good, 403, "problem:not-here")
	f(here, "evil.example:9876", good, 403, "problem:not-here")
	f(here, name, good, 403, "problem:other-origin", "Origin", "http://evil.example")
	f(here, name, good, 403, "problem:other-origin", "Origin", "null")
	f(here, name, good, 403, "problem:other-origin", "Sec-Fetch-Site", "cross-site")
	f(here, name, good, 403, "problem:other-origin", "Sec-Fetch-Site", "same-site")
	for _, proxied := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via", "X-Envoy-External-Address"} {
		f(here, name, good, 403, "problem:not-here", proxied, "192.0.2.1")
	}
	f(here, name, good, 415, "Content-Type says text/plain", "Content-Type", "text/plain")
	f(here, name, good, 415, "Content-Type says nothing", "Content-Type", "")
	f(here, name, `{"who":"w"}`, 400, "the body lacks reason")
	f(here, name, `{"who":"w","reason":"`+strings.Repeat("x", 2<<20)+`"}`, 413, "larger than 1048576 bytes")
	if settled != 2 {
		t.Errorf("%d changes were made", settled)
	}
}

// TestWhoMayRead asks for the store's copy as pages of strangers would have a browser ask.
func TestWhoMayRead(t *testing.T) {
	h := New(Options{Backup: func(_ context.Context, w io.Writer) error { _, err := w.Write([]byte("copy")); return err }})
	f := func(site string, code int) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/backup", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5", "localhost:9876"
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if h.ServeHTTP(w, r); w.Code != code {
			t.Errorf("Sec-Fetch-Site %q: %d %s", site, w.Code, w.Body)
		}
	}
	f("", 200)
	f("none", 200)
	f("same-origin", 200)
	f("same-site", 403)
	f("cross-site", 403)
}

// TestTimesThatJSONCannotWrite: nothing is said to be well before the answer is there.
func TestTimesThatJSONCannotWrite(t *testing.T) {
	far := time.Date(12026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := New(Options{Node: func() (v1.Node, error) { return v1.Node{StartedAt: far}, nil }})
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/node", nil)); w.Code != 503 || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if got := stamp(far); got.Year() != 9999 {
		t.Errorf("%v", got)
	}
}

// TestLive reads three events of a stream, while 10 messages a second come in.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		h := New(Options{Live: func() (v1.Rates, error) {
			now := time.Now()
			return v1.Rates{At: now, MessagesIn: 10 * now.Sub(begun).Seconds(), Connections: 3}, nil
		}})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/live?interval=5&count=3&group=g", nil))
		if took := time.Since(begun); took != 10*time.Second || w.Header().Get("Content-Type") != "text/event-stream" {
			t.Errorf("took %v: %d %v", took, w.Code, w.Header())
		}
		var rates []float64
		lags := 0
		for lines := bufio.NewScanner(w.Body); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			var r v1.Rates
			if !ok || json.Unmarshal([]byte(text), &r) != nil {
				continue
			}
			if strings.Contains(text, `"group":"g"`) {
				lags++
				continue
			}
			rates = append(rates, r.MessagesIn)
		}
		if len(rates) != 3 || rates[0] != 0 || rates[1] != 10 || rates[2] != 10 || lags != 3 {
			t.Errorf("%v, %d lags", rates, lags)
		}
	})
}

// timed notes the deadlines of its writes.
type timed struct {
	*httptest.ResponseRecorder
	until []time.Duration // from when they were set; -1 for none
}

func (w *timed) SetWriteDeadline(t time.Time) error {
	left := time.Duration(-1)
	if !t.IsZero() {
		left = time.Until(t)
	}
	w.until = append(w.until, left)
	return nil
}

// TestLiveDoesNotWait for a peer that does not read: each event has its time, and what follows on the connection has none.
func TestLiveDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Live: func() (v1.Rates, error) { return v1.Rates{At: time.Now()}, nil }})
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/live?interval=30&count=2&group=g", nil))
		if want := []time.Duration{eventTime, eventTime, eventTime, eventTime, -1}; !slices.Equal(w.until, want) {
			t.Errorf("deadlines %v, want %v", w.until, want)
		}
	})
}

// TestLiveEnds with the node, and is counted.
func TestLiveEnds(t *testing.T) {
	stopping := make(chan struct{})
	h := New(Options{Live: func() (v1.Rates, error) { return v1.Rates{}, nil }, Stopping: stopping})
	done := make(chan int, maxStreams)
	first := make(chan struct{}, maxStreams)
	for i := range maxStreams {
		go func() {
			w, r := &told{ResponseRecorder: httptest.NewRecorder(), first: first}, httptest.NewRequest("GET", "/api/v1/live?interval=60", nil)
			r.RemoteAddr = fmt.Sprintf("10.0.0.%d:%d", i/maxOwnStreams, 1000+i)
			h.ServeHTTP(w, r)
			done <- w.Code
		}()
		<-first
		if i != maxOwnStreams-1 {
			continue
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/live", nil)
		r.RemoteAddr = "10.0.0.0:5"
		if h.ServeHTTP(w, r); w.Code != 429 || !strings.Contains(w.Body.String(), "4 live streams of 10.0.0.0 are open") {
			t.Errorf("one more of an address: %d %s", w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/live", nil))
	if w.Code != 429 || !strings.Contains(w.Body.String(), "64 live streams are open") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(stopping)
	for range maxStreams {
		if code := <-done; code != 200 {
			t.Errorf("status %d", code)
		}
	}
}

// told tells of the first flush.
type told struct {
	*httptest.ResponseRecorder
	first chan struct{}
}

func (w *told) Flush() { w.first <- struct{}{} }
