package transaction

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

func TestListIsTheFirstOnesInOrder(t *testing.T) {
	var table Table
	var all []message.LogOffset
	r := rand.New(rand.NewPCG(1, 2))
	for len(all) < 500 {
		at := message.LogOffset(1 + r.IntN(1_000_000))
		if _, there := table.Get(at); !there {
			table.Add(Entry{Created: at, At: at})
			all = append(all, at)
		}
	}
	slices.Sort(all)
	for _, n := range []int{0, 1, 2, 7, 499, 500, 600} {
		for _, from := range []message.LogOffset{0, all[3], all[3] + 1, all[499], all[499] + 1} {
			var got []message.LogOffset
			for _, e := range table.List(from, n) {
				got = append(got, e.Created)
			}
			i, _ := slices.BinarySearch(all, from)
			if want := all[i:min(i+n, len(all))]; !slices.Equal(got, want) {
				t.Errorf("%d from %d on: %v, want %v", n, from, got, want)
			}
		}
	}
}
