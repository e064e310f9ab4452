package wire

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
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

// TestHeldAgainstAModel does random things to a process queue and to a plain list of offsets, and compares.
func TestHeldAgainstAModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var p Held
		var held []int                // not done, in order
		handed := map[int]*Delivery{} // with handlers
		given := 0                    // offsets below were handed out
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				skip, n := rapid.IntRange(0, 3).Draw(t, "skip"), rapid.IntRange(0, 5).Draw(t, "n")
				p.Put(pulled(next+skip, n), int64(next+skip+n))
				for i := range n {
					held = append(held, next+skip+i)
				}
				next += skip + n
			},
			"take": func(t *rapid.T) {
				ds := p.Take(rapid.IntRange(1, 4).Draw(t, "n"))
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
				if !p.Finish(handed[o]) || p.Finish(handed[o]) {
					t.Fatal("finished not exactly once")
				}
				delete(handed, o)
				held = slices.DeleteFunc(held, func(h int) bool { return h == o })
			},
			"empty": func(t *rapid.T) {
				p.Empty(int64(next))
				for o, d := range handed {
					if p.Finish(d) {
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
				if p.Committed() != want || p.count != len(held) || p.bytes != 10*len(held) {
					t.Fatalf("committed %d want %d, count %d bytes %d, held %v handed %d", p.Committed(), want, p.count, p.bytes, held, len(handed))
				}
			},
		})
	})
}

func TestHeldRedo(t *testing.T) {
	var p Held
	p.Put(pulled(5, 3), 8)
	first := p.Take(2)
	p.Redo(first)
	again := p.Take(3)
	if len(again) != 3 || again[0].Offset != 5 || p.Waiting() {
		t.Fatalf("handed out %d deliveries from %d on", len(again), again[0].Offset)
	}
	p.Redo(again)
	if !p.Waiting() {
		t.Fatal("nothing waits")
	}
	p.Empty(2)
	p.Redo(again)
	if p.Waiting() || p.Committed() != 2 || p.Span() != 0 {
		t.Fatal("an emptied queue took deliveries back")
	}
	p.Put(pulled(2, 4), 6)
	if p.Span() != 3 {
		t.Fatalf("span %d", p.Span())
	}
}
