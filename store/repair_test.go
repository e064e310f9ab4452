package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

func TestDamagedBlockIsMadeAgain(t *testing.T) {
	synctest.Test(t, damageAndRepair)
}

func damageAndRepair(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(fs)
	s := openTest(t, o)
	mustTopic(t, s, "T", 1)
	mustPut(t, s, record("T", 0, "of another life"))
	if err := s.DeleteTopic(context.Background(), "T"); err != nil {
		t.Fatal(err)
	}
	mustTopic(t, s, "T", 1)
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint("m", i))
		mustPut(t, s, record("T", 0, want[i], message.PropKeys, "k"))
	}
	closeTest(t, s)
	names, err := fs.List("store/blocks")
	if err != nil || len(names) != 1 {
		t.Fatalf("blocks: %v, %v", names, err)
	}
	poke(t, fs, "store/blocks/"+names[0], 100)
	s = openTest(t, o)
	defer closeTest(t, s)
	q := message.Queue{Topic: "T"}
	if _, res := s.Get(nil, q, 0, 32, 1<<20, nil); res.Err == nil {
		t.Fatal("a get from the damaged block says nothing")
	}
	synctest.Wait()
	if got := bodies(t, s, q, 0); got != strings.Join(want, " ") {
		t.Errorf("the queue holds %q", got)
	}
	if _, n, _, _, err := s.Query(nil, "T", "k", false, 1000, 0, 1<<60); err != nil || n != 200 {
		t.Errorf("a query finds %d messages, %v", n, err)
	}
}
