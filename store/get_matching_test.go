package store

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

func TestGetMatching(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	q := message.Queue{Topic: "T"}
	size := 0
	for i := range 1000 {
		size = len(mustPut(t, s, record("T", 0, fmt.Sprintf("%04d", i), "n", fmt.Sprintf("%04d", i))).Record)
	}
	asked := 0
	every := func(n int) func(message.Properties) (bool, bool) {
		return func(p message.Properties) (bool, bool) {
			asked++
			i, err := strconv.Atoi(p.GetString("n"))
			if err != nil {
				t.Fatal(err)
			}
			return n > 0 && i%n == 0, true
		}
	}
	f := func(from, count, bytes int, match func(message.Properties) (bool, bool), status GetStatus, n, next, wantAsked int) {
		t.Helper()
		asked = 0
		b, res := s.GetMatching([]byte("before"), q, message.QueueOffset(from), count, bytes, match)
		if res.Err != nil || res.Status != status || res.Count != n || int(res.Next) != next || len(b) != 6+n*size || string(b[:6]) != "before" || asked != wantAsked {
			t.Errorf("from %d, %d messages, %d bytes: %v, %d messages in %d bytes, next %d, %d asked, %v; want %v, %d, next %d, %d asked",
				from, count, bytes, res.Status, res.Count, len(b), res.Next, asked, res.Err, status, n, next, wantAsked)
		}
		for b := b[6:]; len(b) > 0; {
			r, err := message.ParseRecord(b)
			if err != nil || string(r.Body) != r.Properties.GetString("n") {
				t.Fatalf("a broken record: %v", err)
			}
			b = b[r.Size:]
		}
	}
	f(0, 32, 1<<20, every(1), Found, 32, 32, 32)
	f(0, 32, 1<<20, every(10), Found, 32, 311, 311)
	f(1, 5, 1<<20, every(100), Found, 5, 501, 500)
	f(0, 32, 3*size, every(10), Found, 3, 30, 31)
	f(5, 32, 1, every(7), Found, 1, 14, 10) // always one; then up to the next that would match
	f(1, 32, 1<<20, every(900), NoMatchedMessage, 0, 801, 800)
	f(801, 32, 1<<20, every(900), Found, 1, 1000, 199)
	f(901, 32, 1<<20, every(0), NoMatchedMessage, 0, 1000, 99)
	f(1000, 32, 1<<20, every(1), OffsetOverflowOne, 0, 1000, 0)
	f(1001, 32, 1<<20, every(1), OffsetOverflowBadly, 0, 1000, 0)
	f(-1, 32, 1<<20, every(1), OffsetTooSmall, 0, 0, 0)

	budget := 10
	f(0, 32, 1<<20, func(message.Properties) (bool, bool) {
		asked++
		budget--
		return false, budget > 0
	}, NoMatchedMessage, 0, 10, 10)
}

// What is read for a filter that matches nothing is bounded by bytes as well.
func TestGetMatchingBytes(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SegmentSize = 64 << 20
	s := openTest(t, o)
	defer closeTest(t, s)
	mustTopic(t, s, "T", 1)
	body := string(make([]byte, 1<<20))
	for range 20 {
		mustPut(t, s, record("T", 0, body))
	}
	_, res := s.GetMatching(nil, message.Queue{Topic: "T"}, 0, 32, 1<<20, func(message.Properties) (bool, bool) { return false, true })
	if res.Err != nil || res.Status != NoMatchedMessage || res.Next != 16 {
		t.Errorf("%v, next %d, %v", res.Status, res.Next, res.Err)
	}
}
