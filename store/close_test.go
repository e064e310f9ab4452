package store

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// TestReadsWhileTheStoreCloses reads what lies in blocks and segments until after Close: a reader that comes too late
// gets an error or nothing, and the process goes on.
func TestReadsWhileTheStoreCloses(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.SegmentSize = 64 << 10
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	for i := range 200 {
		mustPut(t, s, record("T", 0, strings.Repeat("x", 5000), message.PropKeys, fmt.Sprint("k", i)))
	}
	ask(t, s)
	q := message.Queue{Topic: "T"}
	read := func(i int) error {
		s.MinOffset(q)
		_, _, _, _, err := s.Query(nil, "T", fmt.Sprint("k", i%200), false, 1, 0, 1<<60)
		_, res := s.Get(nil, q, message.QueueOffset(i%200), 4, 1<<20, nil)
		if res.Err != nil {
			err = res.Err
		}
		return err
	}
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for i := r; read(i) == nil; i += 7 {
			}
		})
	}
	closeTest(t, s)
	readers.Wait()
	if err := read(0); err == nil {
		t.Error("a read after Close says nothing")
	}
	s.Stats()
	if err := s.Put(record("T", 0, "m"), nobody{}, 0); err == nil {
		t.Error("a put after Close is taken")
	}
}
