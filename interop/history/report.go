package history

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Fault is a kind of broken promise; the package comment defines them.
type Fault string

// The faults.
const (
	Lost       Fault = "lost"
	Duplicated Fault = "duplicated"
	Reordered  Fault = "reordered"
	Phantom    Fault = "phantom"
	Early      Fault = "early"
	Late       Fault = "late"
	Shared     Fault = "shared"
	Unfit      Fault = "unfit"
	Over       Fault = "over"
)

// faults lists them in the order of the report.
func faults() []Fault {
	return []Fault{Lost, Duplicated, Reordered, Phantom, Early, Late, Shared, Unfit, Over}
}

// Finding is one broken promise.
type Finding struct {
	Fault Fault
	Key   Key
	Text  string
}

// Report is the verdict on a history.
type Report struct {
	Messages, Attempts, Acknowledged, Unanswered int
	Stored                                       int // records in the log at the end
	Delivered, Redelivered, Retried              int // all deliveries; those that came again with an excuse; those on a handler's wish
	Kills                                        int
	Timed, Committed, RolledBack                 int           // timed messages in the log; transactions by their producers' words
	Popped, PoppedAgain                          int           // pops; those of them after an invisible time
	Lights, Misfits                              int           // records in light queues; messages of kinds that their topics do not take
	Owners                                       int           // how often a queue of an orderly group went to another member
	Sharded, ShardOwners                         int           // deliveries in the order of a sharding key; how often one went to another member
	Outage                                       time.Duration // the longest time from a kill to ready
	Findings                                     []Finding
}

// Passed says whether no promise was broken.
func (r *Report) Passed() bool { return len(r.Findings) == 0 }

// Count is the number of findings of one fault.
func (r *Report) Count(f Fault) int {
	n := 0
	for _, finding := range r.Findings {
		if finding.Fault == f {
			n++
		}
	}
	return n
}

// Write prints the report as a table, the first findings of each fault, and the verdict in the last line.
func (r *Report) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(table, "%s\t%v\n", name, value) }
	row("kills", r.Kills)
	row("longest outage", r.Outage.Round(time.Millisecond))
	row("messages sent", r.Messages)
	row("attempts", r.Attempts)
	row("acknowledged", r.Acknowledged)
	row("attempts without an answer", r.Unanswered)
	row("records in the log", r.Stored)
	row("deliveries", r.Delivered)
	row("  again, after a disturbance", r.Redelivered)
	row("  again, on the handler's wish", r.Retried)
	r.machines(row)
	verdict := "PASS"
	line := ""
	for _, f := range faults() {
		if (f == Unfit && r.Misfits == 0 || f == Over) && r.Count(f) == 0 {
			continue
		}
		row(string(f), r.Count(f))
		line += fmt.Sprintf(", %d %s", r.Count(f), f)
		r.list(table, f)
	}
	if !r.Passed() {
		verdict = "FAIL"
	}
	fmt.Fprintf(table, "verdict: %s: %d kills, %d acknowledged%s\n", verdict, r.Kills, r.Acknowledged, line)
	return table.Flush()
}

// machines prints what concerns one kind of message or consumer each, as far as the run had it.
func (r *Report) machines(row func(name string, value any)) {
	for _, line := range []struct {
		name  string
		value int
	}{
		{"timed messages in the log", r.Timed}, {"transactions committed", r.Committed}, {"transactions rolled back", r.RolledBack},
		{"popped", r.Popped}, {"  again, after the invisible time", r.PoppedAgain}, {"orderly queues that changed hands", r.Owners},
		{"deliveries by sharding key", r.Sharded}, {"  sharding keys that changed hands", r.ShardOwners},
		{"records in light queues", r.Lights}, {"messages of a kind that is not taken", r.Misfits},
	} {
		if line.value > 0 {
			row(line.name, line.value)
		}
	}
}

// shown is how many findings of one fault are printed.
const shown = 5

func (r *Report) list(w io.Writer, f Fault) {
	n := 0
	for _, finding := range r.Findings {
		if finding.Fault != f {
			continue
		}
		if n++; n <= shown {
			fmt.Fprintf(w, "    %v %s\n", finding.Key, finding.Text)
		}
	}
}

// sort puts findings into a stable order: by fault, producer, sequence.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		switch {
		case a.Fault != b.Fault:
			return slices.Index(faults(), a.Fault) - slices.Index(faults(), b.Fault)
		case a.Key.Producer < b.Key.Producer:
			return -1
		case a.Key.Producer > b.Key.Producer:
			return 1
		}
		return a.Key.Sequence - b.Key.Sequence
	})
}
