package name

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	return out
}

func apply(t testing.TB, tab *Table, changes ...[]byte) {
	t.Helper()
	for i, c := range changes {
		if err := tab.Apply(c, message.LogOffset(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAssignLookUpRetire(t *testing.T) {
	var tab Table
	apply(t, &tab,
		AppendAssign(nil, Topic, 1, "orders"),
		AppendAssign(nil, Group, 1, "orders"),
		AppendAssign(nil, Topic, 2, "payments"))
	if id, ok := tab.ID(Topic, "payments"); !ok || id != 2 {
		t.Errorf("payments has the id %d, %v", id, ok)
	}
	if name, ok := tab.Name(Group, 1); !ok || name != "orders" {
		t.Errorf("group 1 is %q, %v", name, ok)
	}
	if tab.Next(Topic) != 3 || tab.Next(Group) != 2 || tab.Len(Topic) != 2 {
		t.Errorf("next topic %d, next group %d, %d topics", tab.Next(Topic), tab.Next(Group), tab.Len(Topic))
	}
	apply(t, &tab, AppendRetire(nil, Topic, 2))
	if _, ok := tab.ID(Topic, "payments"); ok {
		t.Error("a retired name still has an id")
	}
	if tab.Next(Topic) != 3 {
		t.Errorf("the retired id 2 may come back: next is %d", tab.Next(Topic))
	}
	apply(t, &tab, AppendAssign(nil, Topic, 2, "payments")) // an old stretch of the log once more
	if _, ok := tab.ID(Topic, "payments"); ok {
		t.Error("replaying its assignment brought a retired id back")
	}
}

func TestRetiredIDsSurviveASnapshot(t *testing.T) {
	var tab, again Table
	apply(t, &tab, AppendAssign(nil, Topic, 1, "a"), AppendRetire(nil, Topic, 1))
	for _, c := range snapshot(&tab) {
		apply(t, &again, []byte(c))
	}
	if again.Next(Topic) != 2 {
		t.Errorf("after the snapshot the next id is %d, want 2", again.Next(Topic))
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{9}, "log offset 77 has the unknown kind 9"},
		{AppendAssign(nil, Topic, 1, "other"), `topic id 1 is "orders", log offset 77 gives it to "other"`},
		{AppendAssign(nil, Topic, 2, "orders"), `topic "orders" has the id 1, log offset 77 gives it the id 2`},
		{AppendAssign(nil, 5, 1, "x"), "invalid space 5"},
		{AppendAssign(nil, Topic, 0, "x"), "id 0"},
		{AppendAssign(nil, Topic, 1<<32-1, "x"), "id 4294967295"},
		{AppendAssign(nil, Topic, 7, "cut")[:5], "cut short"},
		{append(AppendRetire(nil, Topic, 1), 0), "1 bytes too many"},
	} {
		var tab Table
		apply(t, &tab, AppendAssign(nil, Topic, 1, "orders"))
		before := snapshot(&tab)
		err := tab.Apply(c.change, 77)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
		if diff := cmp.Diff(before, snapshot(&tab)); diff != "" {
			t.Errorf("%x changed the table: %s", c.change, diff)
		}
	}
}

func TestLookUpAllocatesNothing(t *testing.T) {
	var tab Table
	apply(t, &tab, AppendAssign(nil, Topic, 1, "orders"))
	name := []byte("orders")
	if n := testing.AllocsPerRun(100, func() { tab.IDBytes(Topic, name) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var tab Table
		var log [][]byte
		model := [spaces]map[string]uint32{{}, {}}
		do := func(c []byte) {
			log = append(log, c)
			for range 2 { // the second time does nothing
				if err := tab.Apply(c, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			s := Space(rapid.IntRange(0, 1).Draw(t, "space"))
			name := fmt.Sprint("n", rapid.IntRange(0, 6).Draw(t, "name"))
			if id, ok := model[s][name]; ok {
				do(AppendRetire(nil, s, id))
				delete(model[s], name)
			} else {
				model[s][name] = tab.Next(s)
				do(AppendAssign(nil, s, tab.Next(s), name))
			}
		}
		for s := range Space(spaces) {
			for name, id := range model[s] {
				if got, _ := tab.ID(s, name); got != id {
					t.Fatalf("%v %s has the id %d, want %d", s, name, got, id)
				}
			}
			if tab.Len(s) != len(model[s]) {
				t.Fatalf("%d names, want %d", tab.Len(s), len(model[s]))
			}
		}
		snap := snapshot(&tab)
		var again Table
		for _, c := range snap {
			for _, to := range []*Table{&again, &tab} { // a checkpoint changes nothing where its state is known
				if err := to.Apply([]byte(c), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		cut := rapid.IntRange(0, len(log)).Draw(t, "replay from")
		for _, c := range log[cut:] { // an old stretch of the log applied to the newer state
			if err := again.Apply(c, 0); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(snap, snapshot(&again)) || !slices.Equal(snap, snapshot(&tab)) {
			t.Fatalf("the snapshot rebuilds something else:\n%q\n%q\n%q", snap, snapshot(&again), snapshot(&tab))
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add(AppendAssign(nil, Topic, 1, "orders"))
	f.Add(AppendRetire(nil, Group, 3))
	f.Add(appendNext(nil, Group, 300))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		if tab.Apply(change, 0) != nil {
			return
		}
		for _, c := range snapshot(&tab) {
			if err := again.Apply([]byte(c), 0); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(snapshot(&tab), snapshot(&again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestLightNamesMayBeGivenTwice: messages on their way at once each bring an id for a new light queue; the first that is applied counts.
func TestLightNamesMayBeGivenTwice(t *testing.T) {
	var table Table
	for id, text := range []string{2: "%LMQ%a", 3: "%LMQ%b", 4: "%LMQ%a", 5: "orders"} {
		if text == "" {
			continue
		}
		change := AppendAssign(nil, Topic, uint32(id), text)
		if got, ok := Assigned(change); !ok || got != text {
			t.Errorf("the change names %q, %v", got, ok)
		}
		if err := table.Apply(change, 0); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]uint32{"%LMQ%a": 2, "%LMQ%b": 3, "orders": 5} {
		if id, _ := table.ID(Topic, text); id != want {
			t.Errorf("%s has id %d, want %d", text, id, want)
		}
	}
	if err := table.Apply(AppendAssign(nil, Topic, 6, "orders"), 0); err == nil {
		t.Error("a topic that is no light queue got two ids")
	}
	if _, ok := Assigned(AppendRetire(nil, Topic, 5)); ok {
		t.Error("a retirement gives an id")
	}
	if _, ok := Assigned(AppendAssign(nil, Group, 5, "g")); ok {
		t.Error("a group's id is a topic's")
	}
}
