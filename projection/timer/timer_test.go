package timer

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	slices.Sort(out)
	return out
}

// TestScripts runs the scripts in testdata: one command a line's worth, its result below the dashes.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		var tab Table
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var created, at, due int64
			limit := 100
			d.MaybeScanArgs(t, "created", &created)
			at = created
			d.MaybeScanArgs(t, "at", &at)
			d.MaybeScanArgs(t, "due", &due)
			d.MaybeScanArgs(t, "now", &due)
			d.MaybeScanArgs(t, "max", &limit)
			handle, place := message.LogOffset(created), message.LogOffset(at)
			switch d.Cmd {
			case "add":
				tab.Add(Entry{Created: handle, At: place, Due: due})
				return fmt.Sprintf("%d pending\n", tab.Len())
			case "move":
				return fmt.Sprintln(tab.Move(handle, place))
			case "complete":
				return fmt.Sprintln(tab.Complete(handle))
			case "claim":
				return fmt.Sprintln(tab.Claim(handle))
			case "unclaim":
				tab.Unclaim(handle)
				return "ok\n"
			case "due":
				return list(tab.Due(due, limit))
			case "before":
				return list(tab.Before(place))
			case "next":
				ms, ok := tab.Next()
				return fmt.Sprintln(ms, ok)
			case "restart":
				var again Table
				tab.Snapshot(func(c []byte) {
					if err := again.Apply(c, 0); err != nil {
						t.Fatal(err)
					}
				})
				tab = again
				return fmt.Sprintf("%d pending\n", tab.Len())
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func list(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "created=%d at=%d due=%d\n", e.Created, e.At, e.Due)
	}
	if len(entries) == 0 {
		return "none\n"
	}
	return b.String()
}

// TestSnapshotInParts takes a snapshot piece by piece while the table changes, and applies the changes since its first
// piece again: that must rebuild the table. As in the store, an entry that is moved but not there is made there.
func TestSnapshotInParts(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var tab, again Table
		var since []func(*Table)
		created := message.LogOffset(0)
		step := func() {
			var do func(*Table)
			e := Entry{Created: message.LogOffset(rapid.Int64Range(0, int64(created)).Draw(t, "created")), Due: 7}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				do = func(tab *Table) { tab.Complete(e.Created) }
			case 1:
				if _, ok := tab.Get(e.Created); !ok {
					return
				}
				e.At = created + 1000
				do = func(tab *Table) {
					if !tab.Move(e.Created, e.At) {
						tab.Add(e)
					}
				}
			default:
				created++
				e.Created, e.At = created, created
				do = func(tab *Table) { tab.Add(e) }
			}
			do(&tab)
			since = append(since, do)
		}
		steps := func(limit int) {
			for range rapid.IntRange(0, limit).Draw(t, "steps") {
				step()
			}
		}
		steps(20)
		since = nil
		for next, more := 0, true; more; more = next > 0 {
			next = tab.SnapshotPart(next, rapid.IntRange(1, 3).Draw(t, "part"), func(c []byte) {
				if err := again.Apply(c, 0); err != nil {
					t.Fatal(err)
				}
			})
			steps(4)
		}
		for _, do := range since {
			do(&again)
		}
		if diff := gocmp.Diff(snapshot(&tab), snapshot(&again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// bug is a mistake that is planted to see whether the model shows it.
type bug string

const (
	noBug      bug = "none"
	early      bug = "a timer is due a millisecond early"
	lost       bug = "who completes one timer completes its neighbour"
	twice      bug = "a timer is claimed twice"
	kept       bug = "a timer that was delivered stays"
	carriedDue bug = "carrying forward makes a timer due anew"
	forgotten  bug = "a snapshot lacks a timer"
)

// TestModel compares the table with a plain map under random operations.
func TestModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) { compare(t, noBug) })
}

// TestModelFindsPlantedBugs shows that the comparison can fail.
func TestModelFindsPlantedBugs(t *testing.T) {
	for _, b := range []bug{early, lost, twice, kept, carriedDue, forgotten} {
		property.Finds(t, string(b), func(t *rapid.T) { compare(t, b) })
	}
}

func compare(t *rapid.T, b bug) {
	type state struct {
		Entry
		claimed bool
	}
	var tab Table
	model := map[message.LogOffset]*state{}
	handle := func() message.LogOffset { return message.LogOffset(rapid.IntRange(0, 12).Draw(t, "created")) }
	now := func() int64 { return int64(rapid.IntRange(0, 8).Draw(t, "ms")) }
	change := func(c []byte) {
		for range 2 { // the second time does nothing
			if err := tab.Apply(c, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(what string, got []Entry, keep func(*state) bool, order func(a, b Entry) int, limit int) {
		var want []Entry
		for _, s := range model {
			if keep(s) {
				want = append(want, s.Entry)
			}
		}
		slices.SortFunc(want, order)
		want = want[:min(limit, len(want))]
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: %s", what, diff)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"add": func(*rapid.T) {
			e := Entry{Created: handle(), Due: now(), Key: rapid.Uint64Range(0, 3).Draw(t, "key"), Topic: rapid.Uint32Range(0, 2).Draw(t, "topic")}
			e.At = e.Created + handle()*100 + e.Created // distinct places, so that Before has one order
			change(AppendAdd(nil, e))
			if model[e.Created] == nil {
				model[e.Created] = &state{}
			}
			model[e.Created].Entry = e
		},
		"move": func(*rapid.T) {
			h := handle()
			at := h*2 + 1000
			change(AppendMove(nil, h, at))
			if e, ok := tab.Get(h); ok && b == carriedDue {
				e.Due++
				tab.Add(e)
			}
			if s := model[h]; s != nil {
				s.At = at
			}
		},
		"complete": func(*rapid.T) {
			h := handle()
			if b != kept {
				change(AppendComplete(nil, h))
			}
			if b == lost {
				tab.Complete(h + 1)
			}
			delete(model, h)
		},
		"claim": func(*rapid.T) {
			h := handle()
			s := model[h]
			want := s != nil && !s.claimed
			if b == twice {
				tab.Unclaim(h)
			}
			if got := tab.Claim(h); got != want {
				t.Fatalf("claim of %d: %v, want %v", h, got, want)
			}
			if want {
				s.claimed = true
			}
		},
		"unclaim": func(*rapid.T) {
			h := handle()
			tab.Unclaim(h)
			if s := model[h]; s != nil {
				s.claimed = false
			}
		},
		"due": func(*rapid.T) {
			ms, limit := now(), rapid.IntRange(0, 5).Draw(t, "max")
			asked := ms
			if b == early {
				asked++
			}
			expect("due", tab.Due(asked, limit), func(s *state) bool { return !s.claimed && s.Due <= ms }, func(a, b Entry) int {
				return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Created, b.Created))
			}, limit)
		},
		"before": func(*rapid.T) {
			at := message.LogOffset(rapid.IntRange(0, 1200).Draw(t, "at"))
			expect("before", tab.Before(at), func(s *state) bool { return s.At < at }, func(a, b Entry) int {
				return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Created, b.Created))
			}, len(model))
		},
		"keyed": func(*rapid.T) {
			k, due, slack := rapid.Uint64Range(0, 3).Draw(t, "key"), now(), now()
			got := tab.Keyed(k, due, slack)
			byCreated := func(a, b Entry) int { return cmp.Compare(a.Created, b.Created) }
			slices.SortFunc(got, byCreated)
			expect("keyed", got, func(s *state) bool {
				return k != 0 && s.Key == k && s.Due > due-slack && s.Due < due+slack
			}, byCreated, len(model))
		},
		"": func(*rapid.T) { // after each step
			if tab.Len() != len(model) {
				t.Fatalf("%d entries, want %d", tab.Len(), len(model))
			}
			first, any := int64(0), false
			for _, s := range model {
				if !s.claimed && (!any || s.Due < first) {
					first, any = s.Due, true
				}
			}
			if ms, ok := tab.Next(); ms != first || ok != any {
				t.Fatalf("next is %d %v, want %d %v", ms, ok, first, any)
			}
			var again Table
			snap := snapshot(&tab)
			if b == forgotten && len(snap) > 0 {
				snap = snap[1:]
			}
			for _, c := range snap {
				if err := again.Apply([]byte(c), 0); err != nil {
					t.Fatal(err)
				}
				if err := tab.Apply([]byte(c), 0); err != nil { // a checkpoint changes nothing here
					t.Fatal(err)
				}
			}
			if whole := snapshot(&tab); !slices.Equal(whole, snapshot(&again)) {
				t.Fatalf("the snapshot rebuilds something else:\n%q\n%q", whole, snapshot(&again))
			}
		},
	})
}

func TestMillionEntries(t *testing.T) {
	const n, limit = 1_000_000, 100 << 20
	rng := rand.New(rand.NewPCG(1, 2))
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var tab Table
	for i := range n {
		at := message.LogOffset(i * 1100)
		tab.Add(Entry{at, at, rng.Int64N(7_200_000), rng.Uint64() | 1, 7})
	}
	used := heap() - before
	t.Logf("%d entries in %d MB", n, used>>20)
	if used > limit {
		t.Errorf("%d entries take %d bytes, the limit is %d", n, used, limit)
	}
	runtime.KeepAlive(&tab)
}

// TestDrain empties a full table as the due loop does: everything comes once, in order, and the memory comes back.
func TestDrain(t *testing.T) {
	const n, span = 50_000, 10_000
	rng := rand.New(rand.NewPCG(1, 2))
	var tab Table
	for i := range message.LogOffset(n) {
		tab.Add(Entry{Created: i * 1100, At: i * 1100, Due: rng.Int64N(span), Key: uint64(i % 3000)})
	}
	last, done := Entry{Due: -1}, 0
	for now := int64(0); now < span; now += 7 {
		for due := tab.Due(now, 1000); len(due) > 0; due = tab.Due(now, 1000) {
			for _, e := range due {
				if e.Due < last.Due || e.Due == last.Due && e.Created <= last.Created {
					t.Fatalf("%v comes after %v", e, last)
				}
				last = e
				if !tab.Claim(e.Created) || !tab.Complete(e.Created) {
					t.Fatalf("%v is due and cannot be completed", e)
				}
			}
			done += len(due)
		}
	}
	if rest := tab.Due(span, n); done+len(rest) != n {
		t.Errorf("%d entries came and %d are left, of %d", done, len(rest), n)
	}
	for _, e := range tab.Due(span, n) {
		tab.Complete(e.Created)
	}
	if cap(tab.slabs) != 0 || cap(tab.heap) != 0 || tab.Len() != 0 {
		t.Errorf("the empty table keeps %d slabs", cap(tab.slabs))
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{5}, "log offset 77 has the unknown kind 5"},
		{AppendAdd(nil, Entry{Created: 1, At: 2, Due: 3})[:2], "cut short"},
		{append(AppendComplete(nil, 1), 1), "1 bytes too many"},
		{AppendMove(nil, 5, -6), "negative log offset"},
		{AppendComplete(nil, -1), "negative log offset"},
	} {
		var tab Table
		if err := tab.Apply(c.change, 77); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add(AppendAdd(nil, Entry{Created: 100, At: 200, Due: 1 << 40}))
	f.Add(AppendMove(nil, 100, 300))
	f.Add(AppendComplete(nil, 100))
	f.Add(AppendAdd(nil, Entry{Created: 100, At: 200, Due: 1 << 40, Key: 77, Topic: 3}))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		tab.Add(Entry{Created: 100, At: 100, Due: 5})
		if tab.Apply(change, 0) != nil {
			return
		}
		for _, c := range snapshot(&tab) {
			if err := again.Apply([]byte(c), 0); err != nil {
				t.Fatal(err)
			}
		}
		if diff := gocmp.Diff(snapshot(&tab), snapshot(&again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A client may send any number of messages with one unique key: each goes in the same time as one of a key of its own. Were the chain
// walked, these would take minutes.
func TestManyOfOneKey(t *testing.T) {
	const n, limit = 200_000, 10 * time.Second
	var table Table
	for i := range n {
		table.Add(Entry{Created: message.LogOffset(1 + i), At: message.LogOffset(1 + i), Due: 1000, Key: 7})
	}
	began := time.Now()
	for i := range n {
		table.Complete(message.LogOffset(1 + i))
		if since := time.Since(began); since > limit {
			t.Fatalf("%d of %d entries are complete after %v", i, n, since)
		}
	}
	if left := table.Keyed(7, 1000, 1); len(left) != 0 || table.Len() != 0 {
		t.Errorf("%d entries are left, %d of them by key", table.Len(), len(left))
	}
}
