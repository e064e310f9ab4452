package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/aerobee-mq/aerobee/message"
)

// TestGetReady: what is in memory is given as Get gives it, what lies on the disk is refused without being asked for, and becomes ready as
// one who waits comes by: most of it, so that a consumer far behind the end has to wait now and then only.
func TestGetReady(t *testing.T) {
	o := testOptions(vfs.Default)
	o.Dir, o.SegmentSize, o.MemoryLimit = t.TempDir(), 8<<20, 64<<20
	s := openTest(t, o)
	mustTopic(t, s, "T", 2)
	const each = 6000
	body := strings.Repeat("x", 1000)
	for i := range 2 * each {
		if err := s.Put(record("T", i%2, body), nil, 0); err != nil {
			t.Fatal(err)
		}
		if i%500 == 499 {
			mustPut(t, s, record("T", 0, "last of some")) // so many are there now
		}
	}
	q := message.Queue{Topic: "T", ID: 1}
	s.MinOffset(q) // the bounds may have to be looked for once
	if _, res := s.GetReady(nil, q, each-32, 32, 1<<20, nil); res.Err != nil || res.Count != 32 {
		t.Errorf("the newest: %d messages, %v", res.Count, res.Err)
	}
	closeTest(t, s)

	s = openTest(t, o) // now all of it lies on the disk
	defer closeTest(t, s)
	if b, res := s.GetReady([]byte("before"), q, 0, 32, 1<<20, nil); !errors.Is(res.Err, message.ErrWouldWait) || string(b) != "before" {
		t.Fatalf("the oldest behind a start: %d messages, %d bytes, %v; want %v", res.Count, len(b), res.Err, message.ErrWouldWait)
	}
	waited := 0
	for next := message.QueueOffset(0); next < each; {
		b, res := s.GetReady(nil, q, next, 32, 1<<20, nil)
		if errors.Is(res.Err, message.ErrWouldWait) {
			waited++
			b, res = s.Get(nil, q, next, 32, 1<<20, nil)
		}
		if res.Err != nil || res.Status != Found || res.Next <= next {
			t.Fatalf("from %d: %v, next %d, %v", next, res.Status, res.Next, res.Err)
		}
		if again, as := s.Get(nil, q, next, 32, 1<<20, nil); as != res || !bytes.Equal(again, b) {
			t.Fatalf("from %d: %+v and %d bytes, with waiting %+v and %d", next, res, len(b), as, len(again))
		}
		next = res.Next
	}
	all := each / 32
	t.Logf("%d of %d reads waited", waited, all)
	probe, err := directio.Open(vfs.Default, s.log.PathOf(0), false)
	if err == nil {
		err = probe.Close()
	}
	switch {
	case waited == 0:
		t.Error("no read waited")
	case errors.Is(err, errors.ErrUnsupported): // far readers read through the page cache, of which nobody knows what it holds
	case err != nil:
		t.Error(err)
	case waited > all/2:
		t.Error("want fewer")
	}
	none := message.Queue{Topic: "none"}
	if _, res := s.GetReady(nil, none, 0, 32, 1<<20, nil); res.Err != nil || res.Status != NoMatchedLogicQueue {
		t.Errorf("an unknown queue: %v, %v", res.Status, res.Err)
	}
}
