package fifo_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/fifo"
	"github.com/aerobee-mq/aerobee/internal/property"
)

// TestQueue compares a queue with a slice.
func TestQueue(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var q fifo.Queue[int]
		var want []int
		next := 1
		for _, push := range rapid.SliceOfN(rapid.IntRange(0, 2), 0, 1000).Draw(t, "pushes") {
			if push > 0 {
				q.Push(next)
				want = append(want, next)
				next++
				continue
			}
			first := 0
			if len(want) > 0 {
				first, want = want[0], want[1:]
			}
			if got := q.Pop(); got != first {
				t.Fatalf("got %d, want %d", got, first)
			}
			if q.Empty() != (len(want) == 0) {
				t.Fatalf("empty %v, %d wait", q.Empty(), len(want))
			}
		}
	})
}
