//go:build numbers

package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
)

// TestCompare runs the rows that AEROBEE_INTEROP_COMPARE_ROW names (separated by commas; all without it), keeps what they
// found and writes BENCHMARKS.md. `make bench-compare` runs it. The name "none" only renders.
func TestCompare(t *testing.T) {
	o := compareOptions(t)
	rows := compareRows()
	for _, name := range o.row {
		if name != "none" && !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			t.Fatalf("there is no row %s; there are %s", name, rowNames(rows))
		}
	}
	a := newArena(t, o)
	for _, r := range rows {
		if len(o.row) > 0 && !slices.Contains(o.row, r.name) {
			continue
		}
		t.Run(r.name, func(t *testing.T) { a.measure(t, r) })
	}
	if err := renderPage(o.out, rows); err != nil {
		t.Fatal(err)
	}
}

func rowNames(rows []row) string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return strings.Join(names, ", ")
}

// compareSettings are what the environment chooses.
type compareSettings struct {
	row    []string      // empty: all
	only   []string      // contenders; empty: all. What they find is not kept
	rounds int           // of each row
	span   time.Duration // of a round, where time bounds it
	warm   time.Duration // of a JIT
	others float64       // percent of the machine that others may use in a round
	scale  float64       // of backlogs and store limits, for a trial: 1 means 2 million messages to drain
	out    string        // directory of results
}

const compareVariable = "AEROBEE_INTEROP_COMPARE_" // Aerobee does not take it for a setting: see serverEnvironment

func compareOptions(t *testing.T) compareSettings {
	t.Helper()
	get := func(name, otherwise string) string {
		if text := os.Getenv(compareVariable + name); text != "" {
			return text
		}
		return otherwise
	}
	list := func(name string) []string {
		return strings.FieldsFunc(get(name, ""), func(r rune) bool { return r == ',' })
	}
	float := func(name, otherwise string) float64 {
		v, err := strconv.ParseFloat(get(name, otherwise), 64)
		if err != nil || v <= 0 {
			t.Fatalf("%s%s=%s: want a number above 0", compareVariable, name, get(name, otherwise))
		}
		return v
	}
	span := func(name, otherwise string) time.Duration {
		d, err := time.ParseDuration(get(name, otherwise))
		if err != nil || d <= 0 {
			t.Fatalf("%s%s=%s: want a time, as 10s", compareVariable, name, get(name, otherwise))
		}
		return d
	}
	o := compareSettings{row: list("ROW"), only: list("SERVERS"), rounds: int(float("ROUNDS", "3")), span: span("DURATION", "10s"),
		warm: span("WARM", "45s"), others: float("OTHERS", "3"), scale: float("SCALE", "1"), out: get("OUT", compareResults)}
	if !filepath.IsAbs(o.out) {
		o.out = absolute(t, o.out)
	}
	return o
}

// treeVersion is the commit of the work tree, with a mark if files of the product differ from it.
func treeVersion() string {
	commit := machine.Commit("BENCHMARKS.md", "interop")
	if os.Getenv("AEROBEE_INTEROP_BINARY") != "" {
		commit += " (with a server built elsewhere)"
	}
	return commit
}

// renderPage writes BENCHMARKS.md, or a page beside results that lie elsewhere. What the rows say of themselves now
// replaces what they said when they were measured; their numbers stay.
func renderPage(dir string, rows []row) error {
	results, err := loadResults(dir)
	if err != nil {
		return err
	}
	for i := range results {
		r := &results[i]
		for _, now := range rows {
			if now.name == r.Row {
				r.Order, r.Title, r.Text, r.Anchor, r.Figures = now.order, now.title, now.text, now.anchor, now.figures
			}
		}
		if err := r.save(dir); err != nil {
			return err
		}
	}
	page, notes := filepath.Join(dir, "BENCHMARKS.md"), filepath.Join(filepath.Dir(dir), "notes")
	if own, err := filepath.Abs(compareResults); err == nil && own == dir {
		page = comparePage
	}
	text, err := renderResults(dir, notes)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		return err
	}
	return os.WriteFile(page, []byte(text), 0o644)
}

// save writes the row's file into dir.
func (r *rowResult) save(dir string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, r.Row+".json"), b.Bytes(), 0o644)
}
