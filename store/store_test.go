package store

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// testOptions is a small store that its caller drives: long intervals, small segments.
func testOptions(fs vfs.FS) Options {
	return Options{
		FS: fs, Dir: "store", SegmentSize: 256 << 10, StoreHost: netip.MustParseAddrPort("10.1.2.3:10911"),
		MemoryLimit: 1 << 20,
	}
}

func openTest(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func closeTest(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func record(topicName string, queue int, body string, props ...string) *message.Record {
	r := &message.Record{
		Topic: []byte(topicName), QueueID: message.QueueID(queue), Body: []byte(body),
		BornHost: netip.MustParseAddrPort("10.9.9.9:4000"), BornTime: 1,
	}
	for i := 0; i < len(props); i += 2 {
		r.Properties = message.AppendProperty(r.Properties, props[i], props[i+1])
	}
	return r
}

func mustTopic(t testing.TB, s *Store, name string, queues int32) {
	t.Helper()
	err := s.PutTopic(context.Background(), topic.Config{
		Name: name, ReadQueues: queues, WriteQueues: queues, Perm: topic.PermRead | topic.PermWrite,
	})
	if err != nil {
		t.Fatalf("put topic %s: %v", name, err)
	}
}

func mustPut(t testing.TB, s *Store, r *message.Record) Appended {
	t.Helper()
	a, err := s.PutWait(context.Background(), r)
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	return a
}

// bodies returns what lies in a queue from an offset on, joined by spaces.
func bodies(t testing.TB, s *Store, q message.Queue, from message.QueueOffset) string {
	t.Helper()
	var out []string
	for {
		b, res := s.Get(nil, q, from, 32, 1<<20, nil)
		if res.Err != nil {
			t.Fatalf("get from %d: %v", from, res.Err)
		}
		if res.Status != Found {
			return strings.Join(out, " ")
		}
		for len(b) > 0 {
			r, err := message.ParseRecord(b)
			if err != nil {
				t.Fatalf("get from %d: %v", from, err)
			}
			out = append(out, string(r.Body))
			b = b[r.Size:]
		}
		from = res.Next
	}
}

func TestPutAndGet(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	mustTopic(t, s, "T", 4)
	for i := range 5 {
		a := mustPut(t, s, record("T", 2, fmt.Sprint("m", i)))
		if int(a.QueueOffset) != i {
			t.Errorf("message %d has queue offset %d", i, a.QueueOffset)
		}
	}
	q := message.Queue{Topic: "T", ID: 2}
	if got, want := bodies(t, s, q, 0), "m0 m1 m2 m3 m4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.MinOffset(q) != 0 || s.MaxOffset(q) != 5 {
		t.Errorf("bounds are %d and %d, want 0 and 5", s.MinOffset(q), s.MaxOffset(q))
	}
}

func TestReopen(t *testing.T) {
	fs := vfs.NewMem()
	s := openTest(t, testOptions(fs))
	mustTopic(t, s, "T", 1)
	for i := range 5 {
		mustPut(t, s, record("T", 0, fmt.Sprint("m", i)))
	}
	closeTest(t, s)
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	if got, want := bodies(t, s, message.Queue{Topic: "T"}, 0), "m0 m1 m2 m3 m4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if a := mustPut(t, s, record("T", 0, "m5")); a.QueueOffset != 5 {
		t.Errorf("the next message has queue offset %d, want 5", a.QueueOffset)
	}
}
