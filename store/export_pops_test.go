package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// TestExportOfPops: after an export the group stands behind what it has popped, and what it has not acknowledged waits among the timer
// messages until its time has passed, whoever opens the store, and however often it is exported.
func TestExportOfPops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		mustGroup(t, s, "g")
		for i := range 6 {
			mustPut(t, s, record("T", 0, fmt.Sprint("m", i)))
		}
		q := message.Queue{Topic: "T"}
		offs, popTime := popAll(t, s, q, pop.Request{}, 60_000)
		if len(offs) != 6 || ack(t, s, q, popTime, 0, 2, 5) != 3 {
			t.Fatalf("popped %v", offs)
		}
		closeTest(t, s)
		for i, popped := range []int{3, 0} {
			if rep, err := Export(o, 60_000); err != nil || rep.Popped != popped || rep.Delayed != 3 {
				t.Fatalf("export %d: %+v, %v", i+1, rep, err)
			}
		}
		s = openTest(t, o)
		if off, ok := s.Offset("g", q); !ok || off != 6 {
			t.Errorf("g stands at %d, want 6", off)
		}
		if n := ack(t, s, q, popTime, 1); n != 0 {
			t.Errorf("an acknowledgement of what waits counts %d", n)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := allBodies(t, s, popRetry, 0); len(got) > 0 {
			t.Errorf("too early: %q", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		closeTest(t, s)
		s = openTest(t, o)
		defer closeTest(t, s)
		got := slices.Sorted(slices.Values(allBodies(t, s, popRetry, 0)))
		if strings.Join(got, " ") != "m1 m3 m4" {
			t.Errorf("%q came again", got)
		}
		if n, err := s.PopAudit(); n != 0 || err != nil {
			t.Errorf("%d in flight, %v", n, err)
		}
	})
}
