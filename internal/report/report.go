// Package report is what a command prints: text laid out for people while it runs, or the same values by name as one line of JSON. It owns the
// layout and the names; who uses it says everything once. A [Report] is for one goroutine.
package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Report is what one command prints.
type Report struct {
	// JSON tells that values are printed, and no text.
	JSON bool

	out  *bufio.Writer
	doc  map[string]any
	some bool  // a document has been written
	err  error // the first of writing
}

// New makes a report that is printed to w.
func New(w io.Writer, asJSON bool) *Report {
	return &Report{out: bufio.NewWriter(w), JSON: asJSON, doc: map[string]any{}}
}

// Say prints text that is for people alone.
func (r *Report) Say(format string, args ...any) {
	if r.JSON {
		return
	}
	if _, err := fmt.Fprintf(r.out, format, args...); r.err == nil {
		r.err = err
	}
}

// Set notes a value that is for JSON alone.
func (r *Report) Set(name string, value any) {
	if r.JSON {
		r.doc[name] = value
	}
}

// Add notes one more value of a list that is for JSON alone.
func (r *Report) Add(name string, value any) {
	if !r.JSON {
		return
	}
	list, _ := r.doc[name].([]any)
	r.doc[name] = append(list, value)
}

// Fact prints a value and notes it.
func (r *Report) Fact(name string, value any, format string, args ...any) {
	r.Say(format, args...)
	r.Set(name, value)
}

// Rows is a table: a line of names, and lines of values.
type Rows struct {
	r      *Report
	name   string
	format string
	keys   []string
}

// Table prints the head of a table, whose columns have names such as "#Broker Name". Its rows are a list under name in JSON, empty
// where there is none.
func (r *Report) Table(name, head, row string, columns ...string) *Rows {
	t := r.Quiet(name, row, columns...)
	args := make([]any, len(columns))
	for i, c := range columns {
		args[i] = c
	}
	r.Say(head, args...)
	return t
}

// Quiet is table without the head.
func (r *Report) Quiet(name, row string, columns ...string) *Rows {
	t := &Rows{r: r, name: name, format: row}
	for _, c := range columns {
		t.keys = append(t.keys, key(c))
	}
	if r.doc[name] == nil {
		r.Set(name, []any{})
	}
	return t
}

// Add prints a row.
func (t *Rows) Add(values ...any) {
	t.r.Say(t.format, values...)
	row := make(map[string]any, len(values))
	for i, v := range values {
		row[t.keys[i]] = v
	}
	t.r.Add(t.name, row)
}

// key makes a name for JSON of a column's: "#Broker Name" is brokerName, "#PCWait(ms)" pcWait, "#QID" qid.
func key(column string) string {
	column, _, _ = strings.Cut(strings.TrimLeft(column, "# "), "(")
	words := strings.FieldsFunc(column, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		letters := []rune(w)
		if i > 0 {
			letters[0] = unicode.ToUpper(letters[0])
			words[i] = string(letters)
			continue
		}
		for n := range letters { // a run of capitals is one word, but for the last one, which begins the next
			if !unicode.IsUpper(letters[n]) {
				break
			}
			if n == 0 || n+1 == len(letters) || !unicode.IsLower(letters[n+1]) {
				letters[n] = unicode.ToLower(letters[n])
			}
		}
		words[i] = string(letters)
	}
	return strings.Join(words, "")
}

// Flush writes what has been said, or the JSON of it, and begins anew.
func (r *Report) Flush() error {
	if r.JSON && len(r.doc) > 0 {
		enc := json.NewEncoder(r.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.doc); r.err == nil {
			r.err = err
		}
		r.doc, r.some = map[string]any{}, true
	}
	if err := r.out.Flush(); r.err == nil {
		r.err = err
	}
	return r.err
}

// End is Flush at the end of a command that has done what it was to do: one that has found nothing to say prints an empty object of JSON.
func (r *Report) End() error {
	if r.JSON && !r.some && len(r.doc) == 0 {
		_, r.err = r.out.WriteString("{}\n")
	}
	return r.Flush()
}
