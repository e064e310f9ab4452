package aerobee

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestTransactionsAreSettledByHand lists half messages over HTTP and ends them there.
func TestTransactionsAreSettledByHand(t *testing.T) {
	s := start(t)
	p := s.dial(t)
	p.mustSend("T", "first", "i", "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01U1\x02")
	p.mustSend("T", "second", "i", "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01U2\x02")
	f := func(method, path, body string, code int, want string) string {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+s.Addr()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != code || !strings.Contains(string(text), want) {
			t.Errorf("%s %s: %d %s, %v; want %d and %q", method, path, answer.StatusCode, text, err, code, want)
		}
		return string(text)
	}
	f("GET", "/api/v1/transactions", "", 200, `"pending":2,"transactions":[{"handle":`)
	f("GET", "/api/v1/transactions?limit=1", "", 200, `"group":"pg","messageId":"U1"`)
	f("GET", "/api/v1/transactions?limit=x", "", 400, "limit")
	some, _ := s.store.Halves(0, 2)
	path := func(i int, end string) string {
		return "/api/v1/transactions/" + strconv.FormatInt(int64(some[i].Created), 10) + "/" + end
	}
	const said = `{"who":"ann","reason":"paid in cash"}`
	f("POST", path(0, "commit"), `{"who":"ann"}`, 400, "the body lacks reason")
	f("POST", path(0, "forget"), said, 400, "one of commit, rollback")
	f("POST", "/api/v1/transactions/12345/commit", said, 404, "12345")
	f("POST", path(0, "commit"), said, 200, "")
	f("POST", path(0, "rollback"), said, 404, "no such transaction")
	f("POST", path(1, "rollback"), said, 200, "")
	f("GET", "/api/v1/transactions", "", 200, `"pending":0,"transactions":[]`)
	seen := 0
	for q := range message.QueueID(8) {
		seen += int(s.store.MaxOffset(message.Queue{Topic: "T", ID: q}))
	}
	if seen != 1 {
		t.Errorf("%d messages are seen, want one", seen)
	}
}
