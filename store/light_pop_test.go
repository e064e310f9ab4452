package store

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// TestLightQueuePoppedInVain: a message that was popped from a light queue and not acknowledged comes again by the retry topic of that queue.
func TestLightQueuePoppedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, testOptions(vfs.NewMem()))
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		if err := s.PutGroup(t.Context(), group.New("g")); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, record("T", 0, "between"))
		mustPut(t, s, litRecord("T", "x", "a"))
		if err := s.CommitOffset("g", lit("a"), 0); err != nil {
			t.Fatal(err)
		}
		now := s.nowMillis()
		l, err := s.PopBegin("g", lit("a"), pop.Request{Max: 8, NowMillis: now})
		if err != nil {
			t.Fatal(err)
		}
		taken := pop.Taken{Lease: l, Next: 1, Fresh: []message.QueueOffset{0}}
		if err := s.PopTake(t.Context(), now, 2000, false, taken); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		found := ""
		for _, c := range s.Topics() {
			if strings.HasPrefix(c.Name, message.RetryPrefix) {
				found += c.Name + ":" + bodies(t, s, message.Queue{Topic: c.Name}, 0)
			}
		}
		if found != "%RETRY%g_%LMQ%a:x" {
			t.Errorf("the copy is %s", found)
		}
	})
}
