package interop

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The results of the comparison lie beside its parts, one file a row, and BENCHMARKS.md is what they render to.
var (
	compareResults = filepath.Join("compare", "results")
	compareNotes   = filepath.Join("compare", "notes") // <row>.md: words for a row's section, written by hand
	comparePage    = filepath.Join("..", "BENCHMARKS.md")
)

// rowResult is what a row of the comparison found. It holds all that BENCHMARKS.md says of the row.
type rowResult struct {
	Row   string `json:"row"`
	Order int    `json:"order"` // of the rows in BENCHMARKS.md, rising
	Title string `json:"title"`
	Text  string `json:"text"` // what is done and how it is measured

	Measured time.Time         `json:"measured"` // UTC
	Commit   string            `json:"commit"`
	Machine  string            `json:"machine"`
	Versions map[string]string `json:"versions"` // by what has one: "Apache RocketMQ": "5.5.0"
	Rounds   int               `json:"rounds"`
	Seconds  float64           `json:"seconds"` // of a round, where time bounds it
	Bound    float64           `json:"bound"`   // percent of the machine beyond which others disturbed a round

	Anchor     string            `json:"anchor"` // contender that the others are compared with; empty: none
	Figures    []figure          `json:"figures"`
	Contenders []contenderResult `json:"contenders"`
}

// contenderResult is what one contender did in a row.
type contenderResult struct {
	Name   string               `json:"name"`
	Title  string               `json:"title"`
	Rounds []map[string]float64 `json:"rounds"` // numbers by figure, one map a round
}

// figure is one number of a row: how it reads, and what it has to be.
type figure struct {
	Key    string             `json:"key"`              // its name in a round
	Title  string             `json:"title"`            // with its unit
	Digits int                `json:"digits,omitempty"` // behind the point
	More   bool               `json:"more,omitempty"`   // more is better
	Beat   bool               `json:"beat,omitempty"`   // Aerobee has to be better than the anchor
	Must   map[string]float64 `json:"must,omitempty"`   // bound by contender
	Aim    map[string]float64 `json:"aim,omitempty"`    // by contender
	Times  float64            `json:"times,omitempty"`  // Aerobee has to be so many times as good as the anchor; beside Must
}

// Numbers that every round has, whatever its row.
const (
	othersKey = "othersPercent" // CPU time of processes that take no part, and of the host's other guests, in percent of the machine
	kernelKey = "kernelPercent" // CPU time of the kernel's own threads, most of it writing back what servers left to the page cache
)

// values are the rounds' numbers of one figure, sorted.
func (c *contenderResult) values(key string) []float64 {
	var out []float64
	for _, round := range c.Rounds {
		if v, ok := round[key]; ok {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// middle is the median of sorted numbers.
func middle(sorted []float64) float64 { return sorted[len(sorted)/2] }

// contender finds a contender by its name, nil if it took no part.
func (r *rowResult) contender(name string) *contenderResult {
	for i := range r.Contenders {
		if r.Contenders[i].Name == name {
			return &r.Contenders[i]
		}
	}
	return nil
}

// loadResults reads all rows of dir in their order.
func loadResults(dir string) ([]rowResult, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []rowResult
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var r rowResult
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			return nil, &os.PathError{Op: "read", Path: file, Err: err}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b rowResult) int { return cmp.Or(a.Order-b.Order, cmp.Compare(a.Row, b.Row)) })
	return out, nil
}
