package pop

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

// seeds are one change of each kind.
func seeds() [][]byte {
	k := Key{1, 2, 3}
	offs := []message.QueueOffset{5, 6, 9}
	l := Lease{Key: k, From: 5, mark: 1}
	ordered := Lease{Key: k, From: 10, mark: 2, ordered: true, attempt: "a"}
	changes := [][]byte{
		AppendPop(nil, 100, 50, Taken{Lease: l, Fresh: offs, Next: 10}), AppendPop(nil, 200, 50, Taken{Lease: ordered, Again: offs[1:], Next: 12}),
		appendAck(nil, kindAck, k, 100, offs[:1]), appendAck(nil, kindAhead, k, 90, []message.QueueOffset{11}),
		appendRenew(nil, k, 6, 100, 120, 10, true), AppendExpire(nil, 1001), AppendRetire(nil, k, 6), AppendReset(nil, k, 2, 300),
		AppendAdvance(nil, k, 30), AppendRemove(nil, k), AppendForget(nil, 1, 0), AppendRewind(nil, 50),
		AppendMode(nil, 1, 2, Mode{Pop: true, Share: 3}),
	}
	t := small()
	t.Snapshot(func(c []byte) { changes = append(changes, slices.Clone(c)) })
	return changes
}

// small is a table with a little of everything.
func small() *Table {
	k, other := Key{1, 2, 3}, Key{1, 4, 0}
	t := &Table{}
	for i, c := range [][]byte{
		AppendPop(nil, 100, 50, Taken{Lease: Lease{Key: k, From: 5}, Fresh: []message.QueueOffset{5, 6, 9}, Next: 10}),
		AppendPop(nil, 100, 50, Taken{Lease: Lease{Key: other, ordered: true, attempt: "x"}, Fresh: []message.QueueOffset{0, 1, 2}, Next: 3}),
		appendRenew(nil, k, 6, 100, 120, 10, true), appendAck(nil, kindAhead, k, 90, []message.QueueOffset{12, 13}),
	} {
		if err := t.Apply(c, message.LogOffset(1000+200*i)); err != nil {
			panic(err)
		}
	}
	return t
}

func snapshot(t *Table) (out []string) {
	t.Snapshot(func(c []byte) { out = append(out, string(c)) })
	slices.Sort(out)
	return out
}

// FuzzApply applies any change to a table: it is refused and nothing has changed, or the table is sound and its snapshot
// says all of it.
func FuzzApply(f *testing.F) {
	for _, c := range seeds() {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, change []byte) {
		for _, tab := range []*Table{{}, small()} {
			before := snapshot(tab)
			err := tab.Apply(change, 5000)
			if auditErr := tab.Audit(); auditErr != nil {
				t.Fatal(auditErr)
			}
			if err != nil {
				if diff := cmp.Diff(before, snapshot(tab)); diff != "" {
					t.Fatalf("refused with %v, and yet: %s", err, diff)
				}
				continue
			}
			after := snapshot(tab)
			if tab.Apply(change, 5000) != nil {
				t.Fatal("refused the second time")
			}
			if diff := cmp.Diff(after, snapshot(tab)); diff != "" && change[0] < kindQueue {
				t.Fatalf("the second time has changed it: %s", diff)
			}
			var again Table
			tab.Snapshot(func(c []byte) {
				if err := again.Apply(c, 0); err != nil {
					t.Fatal(err)
				}
			})
			if diff := cmp.Diff(snapshot(tab), snapshot(&again)); diff != "" && change[0] < kindQueue {
				t.Fatalf("the snapshot rebuilds something else: %s", diff)
			}
		}
	})
}

func TestApplyRefuses(t *testing.T) {
	for _, change := range seeds() {
		for n := range change {
			tab := small()
			before := snapshot(tab)
			if err := tab.Apply(change[:n], 5000); err == nil {
				t.Errorf("%x is taken when cut to %d bytes", change, n)
			}
			if diff := cmp.Diff(before, snapshot(tab)); diff != "" {
				t.Errorf("%x cut to %d bytes: %s", change, n, diff)
			}
		}
		if err := small().Apply(append(slices.Clone(change), 0), 5000); err == nil {
			t.Errorf("%x is taken with a byte too many", change)
		}
	}
	if err := small().Apply([]byte{kindEntries + 1}, 77); err == nil {
		t.Error("an unknown kind is taken")
	}
}
