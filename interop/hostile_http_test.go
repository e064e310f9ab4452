package interop

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

func httpAttacks() []attack {
	return []attack{
		{"HTTP requests", (*victim).wrongHTTP},
		{"HTTP paths", (*victim).wrongPaths},
		{"HTTP bodies", (*victim).wrongPages},
	}
}

// replied fails unless the server answers with one of the statuses, or closes the connection where there is none.
func (v *victim) replied(what, text string, statuses ...string) {
	v.t.Helper()
	got, closed := v.say([]byte(text))
	if !closed {
		v.t.Errorf("%s: the server has not closed the connection within %v, it has answered %.40q", what, attackLimit, got)
	}
	if len(statuses) == 0 || len(got) == 0 && closed && len(text) > 64<<10 { // an answer to what is still being sent may be lost
		return
	}
	for _, s := range statuses {
		if bytes.HasPrefix(got, []byte("HTTP/1.1 "+s)) {
			return
		}
	}
	v.t.Errorf("%s: answered with %.60q, want %v", what, got, statuses)
}

const hangUp = "Host: localhost\r\nConnection: close\r\n\r\n"

// wrongHTTP are requests that no HTTP client makes.
func (v *victim) wrongHTTP() {
	for what, text := range map[string]string{
		"a header of 1 MiB":        "GET /health HTTP/1.1\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n" + hangUp,
		"many headers":             "GET /health HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 100_000) + hangUp,
		"a line of 1 MiB":          "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\n" + hangUp,
		"a version":                "GET /health HTTP/9.9\r\n" + hangUp,
		"no version":               "GET /health\r\n" + hangUp,
		"a header without a colon": "GET /health HTTP/1.1\r\nX\r\n" + hangUp,
		"NUL in a header":          "GET /health HTTP/1.1\r\nX: \x00\r\n" + hangUp,
		"two hosts":                "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
		"a negative length":        "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Length: -1\r\n" + hangUp,
		"two lengths":              "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + hangUp + "xx",
		"a length beyond numbers":  "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" + hangUp,
		"a chunk beyond numbers":   "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + hangUp + "fffffffffffffffff\r\n",
		"a chunk that is none":     "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + hangUp + "-1\r\nx\r\n",
	} {
		v.replied(what, text, "4", "505")
	}
	v.replied("a length and chunks", "PUT /api/v1/topics/x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"+hangUp+"0\r\n\r\n")
	for _, method := range []string{"CONNECT", "TRACE", "PATCH", "OPTIONS", "HEAD"} {
		v.replied(method, method+" /health HTTP/1.1\r\n"+hangUp, "2", "4")
	}
	v.replied("1000 requests at once", strings.Repeat("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 1000)+"GET /health HTTP/1.1\r\n"+hangUp, "200")
	v.replied("an upgrade", "GET /health HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHost: x\r\n\r\n", "200")
}

// wrongPaths lead out of what is served.
func (v *victim) wrongPaths() {
	for _, path := range []string{"/../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/api/v1/../../../../etc/passwd", "/api/v1/topics/..%2f..%2fetc%2fpasswd", "/api/v1/topics/%2e%2e/%2e%2e", "/api/v1/topics/%00", "/api/v1/topics/%ff%fe",
		"/api/v1/topics/" + strings.Repeat("x", 30_000), "/api/v1/groups/..%5c..%5cx", "//", "/./", "/%2e%2e/", "/debug/pprof/../../etc/passwd", "/debug/pprof/%2e%2e%2fcmdline", "/debug/pprof/heap%00", "/api/v1/messages/..%2f..", "/api/v1/backup/../backup",
		"/api/v1/timers/" + strings.Repeat("..%2f", 1000), "http://169.254.169.254/latest/meta-data/", "/api/v1/messages?topic=..%2f..%2fetc%2fpasswd", "/api/v1/topics?" + strings.Repeat("a&", 20_000)} {
		v.replied(path[:min(len(path), 60)], "GET "+path+" HTTP/1.1\r\n"+hangUp, "3", "4", "503")
	}
	for _, query := range append(wrongNumberTexts(), wrongNameTexts()...) {
		if strings.ContainsAny(query, " \r\n\x00\x7f") || !utf8.ValidString(query) || len(query) > 30_000 {
			continue
		}
		for _, path := range []string{"messages?topic=" + hostileTopic + "&limit=", "timers?limit=", "live?count=1&interval=", "dlq?limit=", "groups?limit=", "transactions?limit=", "topics?limit="} {
			v.replied("GET "+path, fmt.Sprintf("GET /api/v1/%s%s HTTP/1.1\r\n%s", path, escaped(query), hangUp))
		}
	}
}

// escaped is a text as it stands in a query.
func escaped(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// wrongPages are bodies that are too large, or no JSON.
func (v *victim) wrongPages() {
	for what, body := range map[string]string{
		"large": `{"a":"` + strings.Repeat("x", 4<<20) + `"}`, "deep": strings.Repeat("[", 500_000), "half": `{"a":`, "invalid UTF-8": "{\"a\":\"\xff\xfe\"}", "many members": `{"a":1` + manyPairs(60_000) + `}`,
		"numbers": `{"readQueues":-1,"writeQueues":1e400,"perm":99999999999999999999}`, "null": "null", "nothing": "",
	} {
		for _, path := range []string{"/api/v1/topics/hostile-page", "/api/v1/groups/hostile-page", "/api/v1/users/hostile-page"} {
			v.replied(what+" to "+path, fmt.Sprintf("PUT %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s", path, len(body), hangUp, body))
		}
	}
}
