package interop

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestComparePage checks that BENCHMARKS.md is what the results render to.
func TestComparePage(t *testing.T) {
	want, err := renderResults(compareResults, compareNotes)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(comparePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("BENCHMARKS.md is not what interop/compare/results render to: make bench-compare ROW=none")
	}
}

// renderResults is the text of BENCHMARKS.md: a summary, then a section for each row.
func renderResults(dir, notes string) (string, error) {
	rows, err := loadResults(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(pageHead)
	if len(rows) > 0 {
		b.WriteString("\n| row | what | must | against the anchor | measured |\n|---|---|---|---|---|\n")
	}
	for i := range rows {
		r := &rows[i]
		must, beats := r.verdicts()
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", r.Row, r.Row, r.Title, must, beats, r.Measured.Format("2006-01-02"))
	}
	for i := range rows {
		rows[i].section(&b)
		words, err := os.ReadFile(filepath.Join(notes, rows[i].Row+".md"))
		switch {
		case err == nil:
			fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(string(words)))
		case !os.IsNotExist(err):
			return "", err
		}
	}
	return b.String(), nil
}

// ours is the contender that has to be better: the first Aerobee.
func (r *rowResult) ours() *contenderResult {
	for i := range r.Contenders {
		if strings.HasPrefix(r.Contenders[i].Name, "aerobee") {
			return &r.Contenders[i]
		}
	}
	return nil
}

// section writes a row's part of the page.
func (r *rowResult) section(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n**%s.** %s\n\n|", r.Row, r.Title, strings.TrimSpace(r.Text))
	for _, c := range r.Contenders {
		fmt.Fprintf(b, " | %s", c.Title)
	}
	anchor := r.contender(r.Anchor)
	if anchor != nil {
		b.WriteString(" | better than " + anchor.Title)
	}
	bounded := slices.ContainsFunc(r.Figures, func(f figure) bool { return len(f.Must) > 0 || f.Times > 0 })
	if bounded {
		b.WriteString(" | must | | aims at")
	}
	columns := len(r.Contenders) + 1
	if anchor != nil {
		columns++
	}
	if bounded {
		columns += 3
	}
	b.WriteString(" |\n" + strings.Repeat("|---", columns) + "|\n")
	for _, f := range r.Figures {
		r.line(b, f, bounded)
	}
	r.line(b, figure{Key: othersKey, Title: "others' CPU, % of the machine", Digits: 1}, bounded)
	r.line(b, figure{Key: kernelKey, Title: "kernel threads' CPU, % of the machine", Digits: 1}, bounded)
	fmt.Fprintf(b, "\nMeasured %s at %s, %s", r.Measured.Format("2006-01-02 15:04 UTC"), r.Commit, plural(r.Rounds, "round"))
	if r.Seconds > 0 {
		fmt.Fprintf(b, " of %g s where time bounds them", r.Seconds)
	}
	words := strings.Fields(r.Machine)
	if last := len(words) - 1; last >= 0 { // the kernel: what is behind its version is somebody's build
		words[last], _, _ = strings.Cut(words[last], "-")
	}
	fmt.Fprintf(b, ". %s.", strings.Join(words, " "))
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(b, " %s %s.", name, r.Versions[name])
	}
	if n := r.disturbed(); n > 0 {
		fmt.Fprintf(b, " **In %s others used more than %g %% of the machine.**", plural(n, "round"), r.Bound)
	}
	b.WriteString("\n")
}

// disturbed counts rounds in which others used more of the machine than they may.
func (r *rowResult) disturbed() int {
	n := 0
	for _, c := range r.Contenders {
		for _, round := range c.Rounds {
			if round[othersKey] > r.Bound {
				n++
			}
		}
	}
	return n
}

// line writes one figure of a row; a figure that nobody has is left out.
func (r *rowResult) line(b *strings.Builder, f figure, bounded bool) {
	if !slices.ContainsFunc(r.Contenders, func(c contenderResult) bool { return len(c.values(f.Key)) > 0 }) {
		return
	}
	fmt.Fprintf(b, "| %s", f.Title)
	for i := range r.Contenders {
		b.WriteString(" | " + f.cell(r.Contenders[i].values(f.Key)))
	}
	if r.contender(r.Anchor) != nil {
		times, ok := r.times(f)
		text := ""
		if ok && (f.Beat || f.Times > 0 || len(f.Must) > 0) {
			text = timesText(times)
		}
		b.WriteString(" | " + text)
	}
	if bounded {
		must, verdict := r.bound(f)
		fmt.Fprintf(b, " | %s | %s | %s", must, verdict, r.list(f, f.Aim))
	}
	b.WriteString(" |\n")
}

// timesText is a factor as people read it.
func timesText(times float64) string {
	digits := 2
	if times >= 10 {
		digits = 0
	}
	return strconv.FormatFloat(times, 'f', digits, 64) + " times"
}

// cell is a figure's median with the rounds' spread.
func (f figure) cell(values []float64) string {
	switch len(values) {
	case 0:
		return "–"
	case 1:
		return f.number(values[0])
	}
	return fmt.Sprintf("%s (%s–%s)", f.number(middle(values)), f.number(values[0]), f.number(values[len(values)-1]))
}

// number prints a value with the figure's digits and thousands apart.
func (f figure) number(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', f.Digits, 64)
	whole, part, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if part != "" {
		whole += "." + part
	}
	if v < 0 {
		whole = "-" + whole
	}
	return whole
}

// times is how many times as good as the anchor Aerobee is.
func (r *rowResult) times(f figure) (float64, bool) {
	anchor, ours := r.contender(r.Anchor), r.ours()
	if anchor == nil || ours == nil {
		return 0, false
	}
	theirs, own := anchor.values(f.Key), ours.values(f.Key)
	if len(theirs) == 0 || len(own) == 0 || middle(theirs) == 0 || middle(own) == 0 {
		return 0, false
	}
	if f.More {
		return middle(own) / middle(theirs), true
	}
	return middle(theirs) / middle(own), true
}

// bound is what a figure has to be, and whether it is.
func (r *rowResult) bound(f figure) (must, verdict string) {
	musts, verdicts := []string{}, []string{}
	if f.Times > 0 {
		musts = append(musts, fmt.Sprintf("%g times", f.Times))
		times, ok := r.times(f)
		verdicts = append(verdicts, verdictOf(ok, times >= f.Times))
	}
	if len(f.Must) > 0 {
		musts = append(musts, r.list(f, f.Must))
	}
	for _, c := range r.Contenders {
		limit, bounded := f.Must[c.Name]
		if !bounded {
			continue
		}
		values := c.values(f.Key)
		met := len(values) > 0 && (f.More && middle(values) >= limit || !f.More && middle(values) <= limit)
		verdicts = append(verdicts, verdictOf(len(values) > 0, met))
	}
	return strings.Join(musts, ", "), strings.Join(verdicts, ", ")
}

func verdictOf(known, met bool) string {
	switch {
	case !known:
		return "not measured"
	case met:
		return "met"
	}
	return "**missed**"
}

// list is bounds in the order of the contenders, with their names where there are several.
func (r *rowResult) list(f figure, bounds map[string]float64) string {
	sign := "≤ "
	if f.More {
		sign = "≥ "
	}
	var parts []string
	for _, c := range r.Contenders {
		if v, ok := bounds[c.Name]; ok {
			text := sign + f.number(v)
			if len(bounds) > 1 {
				text = c.Title + " " + text
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

// verdicts are a row's lines in the summary: how many musts are met, and whether Aerobee is better than the anchor.
func (r *rowResult) verdicts() (must, beats string) {
	met, missed, worse, better := 0, []string{}, []string{}, 0
	for _, f := range r.Figures {
		_, verdict := r.bound(f)
		if verdict != "" {
			if n := strings.Count(verdict, "missed") + strings.Count(verdict, "not measured"); n > 0 {
				missed = append(missed, f.Title)
			} else {
				met++
			}
		}
		if times, ok := r.times(f); ok && f.Beat {
			if times > 1 {
				better++
			} else {
				worse = append(worse, f.Title)
			}
		}
	}
	must = fmt.Sprintf("%d of %d met", met, met+len(missed))
	if met+len(missed) == 0 {
		must = ""
	}
	if len(missed) > 0 {
		must += "; **missed: " + strings.Join(missed, "; ") + "**"
	}
	switch {
	case len(worse) > 0:
		beats = "**worse: " + strings.Join(worse, "; ") + "**"
	case better > 0:
		beats = "better in all"
	}
	return must, beats
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
