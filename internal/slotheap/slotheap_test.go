package slotheap

import (
	"container/heap"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
)

type item struct{ at, slot int }

func (i *item) Before(other *item) bool { return i.at < other.at }
func (i *item) Moved(slot int)          { i.slot = slot }

// TestAgainstSortedList pushes, pops and takes items out of the middle, beside a list that is searched.
func TestAgainstSortedList(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var h Heap[*item]
		var all []*item
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				i := &item{at: rapid.IntRange(0, 20).Draw(t, "at")}
				all = append(all, i)
				heap.Push(&h, i)
			},
			"pop": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip("empty")
				}
				got := heap.Pop(&h).(*item)
				least := slices.MinFunc(all, func(a, b *item) int { return a.at - b.at })
				if got.at != least.at {
					t.Fatalf("popped %d, want %d", got.at, least.at)
				}
				all = slices.DeleteFunc(all, func(i *item) bool { return i == got })
			},
			"remove": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip("empty")
				}
				i := rapid.SampledFrom(all).Draw(t, "item")
				if got := heap.Remove(&h, i.slot); got != i {
					t.Fatalf("removed %v, want %v", got, i)
				}
				all = slices.DeleteFunc(all, func(x *item) bool { return x == i })
			},
			"": func(t *rapid.T) {
				if len(h) != len(all) {
					t.Fatalf("%d items, want %d", len(h), len(all))
				}
				for slot, i := range h {
					if i.slot != slot {
						t.Fatalf("the item in slot %d says %d", slot, i.slot)
					}
				}
				if tail := h[len(h):cap(h)]; slices.ContainsFunc(tail, func(i *item) bool { return i != nil && slices.Contains(all, i) }) {
					t.Fatal("an item stands behind the end")
				}
			},
		})
	})
}
