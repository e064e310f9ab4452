package offset

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

type offsets = map[Key]message.QueueOffset

func collect(all func(func(Key, message.QueueOffset) bool)) offsets {
	out := offsets{}
	all(func(k Key, off message.QueueOffset) bool {
		out[k] = off
		return true
	})
	return out
}

func snapshot(t *Table) []string {
	var out []string
	t.Snapshot(func(change []byte) { out = append(out, string(change)) })
	slices.Sort(out)
	return out
}

func drawKey(t *rapid.T) Key {
	id := rapid.Uint32Range(1, 3)
	return Key{Group: id.Draw(t, "group"), Topic: id.Draw(t, "topic"), Queue: message.QueueID(rapid.Int32Range(-1, 2).Draw(t, "queue"))}
}

func TestHistories(t *testing.T) {
	property.Check(t, func(t *rapid.T) { histories(t, noBug) })
}

func TestHistoriesFindPlantedBugs(t *testing.T) {
	for _, b := range []bug{tooMany, halfCut} {
		property.Finds(t, string(b), func(t *rapid.T) { histories(t, b) })
	}
}

func histories(t *rapid.T, b bug) {
	var tab, again Table
	model := offsets{}
	drop := func(match func(Key) bool) {
		for k := range model {
			if match(k) {
				delete(model, k)
			}
		}
	}
	for range rapid.IntRange(0, 60).Draw(t, "steps") {
		k := drawKey(t)
		var change []byte
		switch rapid.IntRange(0, 12).Draw(t, "what") {
		case 0:
			change = AppendRemove(nil, k)
			delete(model, k)
		case 1:
			change = AppendRemoveGroup(nil, k.Group)
			drop(func(x Key) bool { return x.Group == k.Group })
		case 2:
			change = AppendRemoveTopic(nil, k.Topic)
			drop(func(x Key) bool { return x.Topic == k.Topic })
		case 3:
			change = AppendRemovePair(nil, k.Group, k.Topic)
			if b == tooMany {
				change = AppendRemoveGroup(nil, k.Group)
			}
			drop(func(x Key) bool { return x.Group == k.Group && x.Topic == k.Topic })
		default:
			off := message.QueueOffset(rapid.Int64Min(0).Draw(t, "offset"))
			change = AppendCommit(nil, k, off)
			model[k] = off
		}
		for range 2 { // the second time does nothing
			if err := tab.Apply(change, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(model, collect(tab.All)); diff != "" || tab.Len() != len(model) {
		t.Fatalf("%d offsets: %s", tab.Len(), diff)
	}
	snap := snapshot(&tab)
	if b == halfCut {
		snap = snap[:len(snap)/2]
	}
	for _, c := range snap {
		for _, to := range []*Table{&again, &tab} { // a checkpoint changes nothing where its state is known
			if err := to.Apply([]byte(c), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(tab.offsets, again.offsets, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the snapshot rebuilds something else: %s", diff)
	}
}

func TestApplyRefuses(t *testing.T) {
	k := Key{1, 2, 3}
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{nil, "unknown kind 0"},
		{[]byte{6}, "log offset 77 has the unknown kind 6"},
		{AppendCommit(nil, k, 9)[:4], "cut short"},
		{append(AppendRemove(nil, k), 0), "1 bytes too many"},
		{AppendCommit(nil, k, -1), "negative offset -1"},
		{[]byte{kindRemoveGroup, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, "malformed"},
	} {
		var tab Table
		if err := tab.Apply(c.change, 77); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: got %v, want an error with %q", c.change, err, c.want)
		}
	}
}

func TestHundredThousandOffsetsAreLean(t *testing.T) {
	const n, limit = 100_000, 7 << 20
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var tab Table
	var buf []byte
	for i := range uint32(n) {
		buf = AppendCommit(buf[:0], Key{Group: i % 50, Topic: i / 50, Queue: message.QueueID(i % 8)}, message.QueueOffset(i))
		if err := tab.Apply(buf, 0); err != nil {
			t.Fatal(err)
		}
	}
	used := heap() - before
	t.Logf("%d offsets in %d KB", tab.Len(), used>>10)
	if used > limit {
		t.Errorf("%d offsets take %d bytes, the limit is %d", n, used, limit)
	}
	runtime.KeepAlive(&tab)
}

func FuzzApply(f *testing.F) {
	k := Key{1, 2, 3}
	f.Add(AppendCommit(nil, k, 1<<40))
	f.Add(AppendRemove(nil, k))
	f.Add(AppendRemoveGroup(nil, 1))
	f.Add(AppendRemoveTopic(nil, 2))
	f.Add(AppendRemovePair(nil, 1, 2))
	f.Fuzz(func(t *testing.T, change []byte) {
		var tab, again Table
		if err := tab.Apply(AppendCommit(nil, k, 5), 0); err != nil {
			t.Fatal(err)
		}
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
