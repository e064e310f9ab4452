//go:build numbers

package interop

import (
	"slices"
	"time"
)

// row is one row of the comparison: a load, those that bear it, and what is read off. Rounds are interleaved: each
// contender has its first, then each its second. The arena calls the functions; they fail the test through arena.t.
type row struct {
	name, title string
	text        string // what is done and how it is measured, for BENCHMARKS.md
	order       int    // among the rows of BENCHMARKS.md; see compareRows
	contenders  []contender
	anchor      string // name of the contender that the others are compared with: "apache-async"
	figures     []figure

	// own: the round starts and ends its contender itself (on.launch, on.kill, on.wipe); nothing of it is there before. Else the
	// contender is up and takes messages when a round begins, and is stopped (SIGSTOP) while another has its turn.
	own bool

	empty bool // contenders start on an empty directory before the first round
	keeps bool // what a round stored is there in the next one, however much it is

	kind string // of the load: what a row of this kind has warmed needs less warming for the next

	// warm runs once for each contender before the first round, under what a round does then, for span: nil if there is nothing to warm.
	warm func(a *arena, on *standing, span time.Duration)

	// round measures once and returns numbers by figure. The arena adds what others used of the machine.
	round func(a *arena, on *standing) map[string]float64
}

// The kinds of loads.
const (
	sends    = "send"
	consumes = "consume"
)

// compareRows are all rows, in the order in which they run: light ones first, since servers stay up over rows and their stores grow.
func compareRows() []row {
	return slices.Concat(startRows(), consumeRows(), javaRows(), cheapRows(), batchRows(), restartRows(), grpcRows(), othersRows(), extraRows(), routesRows())
}
