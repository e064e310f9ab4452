package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestV1(t *testing.T) {
	starting := errors.New("the node is starting")
	var storeErr error
	h := New(Options{
		Version: "1.2.3",
		Node: func() (Node, error) {
			return Node{Name: "b", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Roles: []string{"broker"}, Advertised: Advertised{Address: "10.0.0.1:10911", Guessed: true}}, nil
		},
		Settings: func() ([]Setting, error) {
			return []Setting{{Key: "brokerName", Value: "b", Default: "host", Origin: "flags"}, {Key: "initAuthenticationUser", Value: "x"}, {Key: "objectStoreSecretKey", Value: "", Default: "d"}}, nil
		},
		Store: func() (Store, error) { return Store{LogEnd: 42, Retention: Retention{DeleteWhen: "04"}}, storeErr },
	})
	f := func(method, path string, code int, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: code %d, body %.900q; want %d and %q", method, path, w.Code, w.Body, code, want)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: no JSON: %.300q", method, path, w.Body)
		}
	}
	f("GET", "/api/v1/node", 200, `"startedAt":"2026-01-02T03:04:05Z"`)
	f("GET", "/api/v1/node", 200, `"advertised":{"address":"10.0.0.1:10911","guessed":true,`)
	f("GET", "/api/v1/settings", 200, `{"settings":[{"key":"brokerName","value":"b","default":"host","origin":"flags",`)
	f("GET", "/api/v1/settings", 200, `{"key":"initAuthenticationUser","value":"***","default":""`)
	f("GET", "/api/v1/settings", 200, `{"key":"objectStoreSecretKey","value":"","default":"***"`)
	f("GET", "/api/v1/store", 200, `"logEnd":42`)
	f("GET", "/api/v1/connections", 503, `{"error":"this node does not serve it"}`)
	f("GET", "/api/v1/nowhere", 404, `GET /api/v1/nowhere is not served; GET /api/v1 lists what is`)
	f("POST", "/api/v1/node", 404, `POST /api/v1/node is not served`)
	storeErr = starting
	f("GET", "/api/v1/store", 503, `{"error":"the node is starting"}`)
}

// TestIndexListsWhatIsServed asks for every path that the index lists.
func TestIndexListsWhatIsServed(t *testing.T) {
	ok := func() error { return nil }
	h := New(Options{Version: "1", Ready: ok, Healthy: ok,
		Node: func() (Node, error) { return Node{}, nil }, Settings: func() ([]Setting, error) { return nil, nil },
		Store: func() (Store, error) { return Store{}, nil }, Connections: func() (Connections, error) { return Connections{}, nil },
		Backup: func(context.Context, io.Writer) error { return nil }})
	get := func(path string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1:9876" // the copy is for this machine only
		h.ServeHTTP(w, r)
		return w
	}
	var index Index
	if err := json.Unmarshal(get("/api/v1").Body.Bytes(), &index); err != nil || len(index.Paths) < 9 {
		t.Fatalf("index: %v, %+v", err, index)
	}
	for _, p := range index.Paths {
		if w := get(p.Path); w.Code != 200 || p.About == "" {
			t.Errorf("%s %s (%s): %d", p.Method, p.Path, p.About, w.Code)
		}
	}
}
