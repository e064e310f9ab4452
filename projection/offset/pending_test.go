package offset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// bug is a mistake that is planted to see whether the rules show it.
type bug string

const (
	noBug     bug = "none"
	failsLost bug = "a commit that the log refused is forgotten"
	unseen    bug = "a commit is not seen before it is in the log"
	tooMany   bug = "who deletes a group's offsets in a topic deletes them in all topics"
	tooFew    bug = "a commit on its way survives its group"
	halfCut   bug = "a snapshot lacks an offset"
)

// TestPendingReads plays clients that commit and read while the log takes, applies and refuses what was committed: a
// reader always sees the newest commit, and at the end the table holds exactly that.
func TestPendingReads(t *testing.T) {
	property.Check(t, func(t *rapid.T) { pendingReads(t, noBug) })
}

func TestPendingReadsFindPlantedBugs(t *testing.T) {
	for _, b := range []bug{failsLost, unseen, tooFew} {
		property.Finds(t, string(b), func(t *rapid.T) { pendingReads(t, b) })
	}
}

func pendingReads(t *rapid.T, b bug) {
	var tab Table
	var p Pending
	want := offsets{}
	var air [][]byte
	land := func() {
		for _, c := range air {
			if err := tab.Apply(c, 0); err != nil {
				t.Fatal(err)
			}
		}
		air = nil
		p.Landed()
	}
	take := func() {
		before := len(air)
		n := p.Take(func(k Key, off message.QueueOffset) { air = append(air, AppendCommit(nil, k, off)) })
		if n != len(air)-before {
			t.Fatalf("Take counts %d and emits %d", n, len(air)-before)
		}
		if before > 0 && n > 0 {
			t.Fatalf("%d commits were taken while %d were in the air", n, before)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"commit": func(*rapid.T) {
			k, off := drawKey(t), message.QueueOffset(rapid.Int64Range(0, 9).Draw(t, "offset"))
			p.Set(k, off)
			want[k] = off
		},
		"take": func(*rapid.T) { take() },
		"land": func(*rapid.T) { land() },
		"fail": func(*rapid.T) {
			air = nil
			if b == failsLost {
				p.Landed()
			}
			p.Failed()
		},
		"delete group": func(*rapid.T) {
			group := drawKey(t).Group
			of := func(k Key) bool { return k.Group == group }
			if b != tooFew && p.Drop(of) != (len(air) > 0 && anyOf(air, of)) {
				t.Fatal("Drop is wrong about what is in the air")
			}
			air = append(air, AppendRemoveGroup(nil, group))
			land()
			for k := range want {
				if of(k) {
					delete(want, k)
				}
			}
		},
		"": func(*rapid.T) {
			got := collect(tab.All)
			if b == unseen {
				p.Drop(func(Key) bool { return true })
			}
			p.All(func(k Key, off message.QueueOffset) bool {
				got[k] = off
				return true
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			for k := range want {
				off, ok := p.Get(k)
				if !ok {
					off, ok = tab.Get(k)
				}
				if !ok || off != want[k] {
					t.Fatalf("%v reads as %d, %v; want %d", k, off, ok, want[k])
				}
			}
		},
	})
	land()
	take()
	land()
	if diff := cmp.Diff(want, collect(tab.All)); diff != "" || p.Len() != 0 {
		t.Fatalf("%d commits are left: %s", p.Len(), diff)
	}
}

func anyOf(changes [][]byte, match func(Key) bool) bool {
	for _, c := range changes {
		r := varint.NewReader(c[1:])
		if match(readKey(&r)) {
			return true
		}
	}
	return false
}
