package client

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/message"
)

func pulled(from, n int) []Delivery {
	ds := make([]Delivery, n)
	for i := range ds {
		ds[i].Offset = message.QueueOffset(from + i)
		ds[i].size = 10
	}
	return ds
}

// TestProcessQueueAgainstAModel does random things to a process queue and to a plain list of offsets, and compares.
func TestProcessQueueAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p processQueue
		var held []int                // not done, in order
		handed := map[int]*Delivery{} // with handlers
		given := 0                    // offsets below were handed out
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				skip, n := rapid.IntRange(0, 3).Draw(t, "skip"), rapid.IntRange(0, 5).Draw(t, "n")
				p.put(pulled(next+skip, n), int64(next+skip+n))
				for i := range n {
					held = append(held, next+skip+i)
				}
				next += skip + n
			},
			"take": func(t *rapid.T) {
				ds := p.take(rapid.IntRange(1, 4).Draw(t, "n"))
				for _, d := range ds {
					at := slices.IndexFunc(held, func(o int) bool { return o >= given && handed[o] == nil })
					if at < 0 || held[at] != int(d.Offset) {
						t.Fatalf("handed out %d, held %v", d.Offset, held)
					}
					handed[int(d.Offset)] = d
					given = int(d.Offset) + 1
				}
				if len(ds) == 0 && slices.IndexFunc(held, func(o int) bool { return o >= given }) >= 0 {
					t.Fatal("nothing handed out though something waits")
				}
			},
			"finish": func(t *rapid.T) {
				if len(handed) == 0 {
					t.Skip("nothing handed out")
				}
				var offsets []int
				for o := range handed {
					offsets = append(offsets, o)
				}
				slices.Sort(offsets)
				o := rapid.SampledFrom(offsets).Draw(t, "offset")
				if !p.finish(handed[o]) || p.finish(handed[o]) {
					t.Fatal("finished not exactly once")
				}
				delete(handed, o)
				held = slices.DeleteFunc(held, func(h int) bool { return h == o })
			},
			"empty": func(t *rapid.T) {
				p.empty(int64(next))
				for o, d := range handed {
					if p.finish(d) {
						t.Fatal("a delivery from before counted")
					}
					delete(handed, o)
				}
				held, given = nil, next
			},
			"": func(t *rapid.T) {
				want := int64(next)
				if len(held) > 0 {
					want = int64(held[0])
				}
				if p.committed() != want || p.count != len(held) || p.bytes != 10*len(held) {
					t.Fatalf("committed %d want %d, count %d bytes %d, held %v handed %d", p.committed(), want, p.count, p.bytes, held, len(handed))
				}
			},
		})
	})
}

func TestProcessQueueRedo(t *testing.T) {
	var p processQueue
	p.put(pulled(5, 3), 8)
	first := p.take(2)
	p.redo(first)
	again := p.take(3)
	if len(again) != 3 || again[0].Offset != 5 || p.waiting() {
		t.Fatalf("handed out %d deliveries from %d on", len(again), again[0].Offset)
	}
	p.redo(again)
	if !p.waiting() {
		t.Fatal("nothing waits")
	}
	p.empty(2)
	p.redo(again)
	if p.waiting() || p.committed() != 2 || p.span() != 0 {
		t.Fatal("an emptied queue took deliveries back")
	}
	p.put(pulled(2, 4), 6)
	if p.span() != 3 {
		t.Fatalf("span %d", p.span())
	}
}
