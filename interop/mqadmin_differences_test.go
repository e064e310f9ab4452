package interop

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// permits are what may be printed differently about Apache's server and ours, by the list of package differences. Its entries have
//
//	steps  the commands that it is about, with * for anything; each further line of this kind adds some
//	target the server that it is about, if it is not about all
//	may    why it is left to chance whether anything of it differs
//	drop   a regular expression: what it matches is not compared
//	-      a line that only Apache's has, with * for anything
//	+      a line that only ours has
//
// Each drop, - and + of an entry without may has to make a difference in a run. Nil permits allow nothing.
type permits struct {
	entries []difference
}

type difference struct {
	target  string
	may     bool
	steps   []*regexp.Regexp
	drops   []*permit
	missing []*permit // lines of Apache's
	added   []*permit // lines of ours
}

// permit is one pattern; it counts what it has let pass.
type permit struct {
	line    int
	text    string
	pattern *regexp.Regexp
	used    int
}

func readPermits(t *testing.T, entries []differences.Entry, target string) *permits {
	t.Helper()
	d, err := newPermits(entries, target)
	if err != nil {
		t.Fatalf("%s:%v", differences.File, err)
	}
	return d
}

// newPermits reads the lines of entries, and leaves out those about other targets. An error begins with the number of its line.
func newPermits(entries []differences.Entry, target string) (*permits, error) {
	d := &permits{}
	for _, e := range entries {
		var read difference
		for _, l := range e.Lines {
			kind, rest, _ := strings.Cut(l.Text, " ")
			if err := read.add(l.Number, kind, strings.TrimSpace(rest)); err != nil {
				return nil, fmt.Errorf("%d: %w", l.Number, err)
			}
		}
		if len(read.steps) == 0 || len(read.drops)+len(read.missing)+len(read.added) == 0 {
			return nil, fmt.Errorf("%d: the entry has no steps or nothing that differs", e.Lines[0].Number)
		}
		if read.target == "" || read.target == target {
			d.entries = append(d.entries, read)
		}
	}
	return d, nil
}

func (e *difference) add(line int, kind, text string) error {
	p := &permit{line: line, text: kind + " " + text}
	var err error
	switch kind {
	case "steps":
		e.steps = append(e.steps, glob(text))
	case "target":
		e.target = text
	case "may":
		e.may = true
	case "drop":
		p.pattern, err = regexp.Compile(text)
		e.drops = append(e.drops, p)
	case "-":
		p.pattern = glob(text)
		e.missing = append(e.missing, p)
	case "+":
		p.pattern = glob(text)
		e.added = append(e.added, p)
	default:
		return fmt.Errorf("%q is none of steps, target, may, drop, - and +", kind)
	}
	return err
}

// glob matches whole lines, with * for anything.
func glob(text string) *regexp.Regexp {
	return regexp.MustCompile(`^` + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`) + `$`)
}

// leave takes out of Apache's output of a step and out of ours what may differ.
func (d *permits) leave(step, apache, ours string) (restOfApache, restOfOurs string) {
	if d == nil {
		return apache, ours
	}
	var about []difference
	for _, e := range d.entries {
		if slices.ContainsFunc(e.steps, func(r *regexp.Regexp) bool { return r.MatchString(step) }) {
			about = append(about, e)
		}
	}
	for _, e := range about {
		for _, p := range e.drops {
			if !slices.Equal(p.pattern.FindAllString(apache, -1), p.pattern.FindAllString(ours, -1)) {
				p.used++
			}
			apache, ours = p.pattern.ReplaceAllString(apache, ""), p.pattern.ReplaceAllString(ours, "")
		}
	}
	var keptA, keptO []string
	for _, edit := range compareLines(strings.SplitAfter(apache, "\n"), strings.SplitAfter(ours, "\n")) {
		line := strings.TrimSuffix(edit.line, "\n")
		if !edit.theirs && permitted(about, line, func(e difference) []*permit { return e.added }) ||
			!edit.ours && permitted(about, line, func(e difference) []*permit { return e.missing }) {
			continue
		}
		if edit.theirs {
			keptA = append(keptA, edit.line)
		}
		if edit.ours {
			keptO = append(keptO, edit.line)
		}
	}
	return strings.Join(keptA, ""), strings.Join(keptO, "")
}

func permitted(about []difference, line string, of func(difference) []*permit) bool {
	for _, e := range about {
		for _, p := range of(e) {
			if p.pattern.MatchString(line) {
				p.used++
				return true
			}
		}
	}
	return false
}

// lineEdit is a line of a comparison and who has it.
type lineEdit struct {
	line         string
	theirs, ours bool
}

// compareLines finds the longest common subsequence, by the textbook's table: outputs have a thousand lines at most.
func compareLines(a, b []string) []lineEdit {
	best := make([][]int, len(a)+1)
	for i := range best {
		best[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				best[i][j] = best[i+1][j+1] + 1
			} else {
				best[i][j] = max(best[i+1][j], best[i][j+1])
			}
		}
	}
	var edits []lineEdit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, lineEdit{a[i], true, true})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && best[i+1][j] >= best[i][j+1]:
			edits = append(edits, lineEdit{a[i], true, false})
			i++
		default:
			edits = append(edits, lineEdit{b[j], false, true})
			j++
		}
	}
	return edits
}

// checkUsed fails the test for everything that no longer differs.
func (d *permits) checkUsed(t *testing.T) {
	t.Helper()
	if d == nil {
		return
	}
	for _, e := range d.entries {
		for _, p := range slices.Concat(e.drops, e.missing, e.added) {
			if p.used == 0 && !e.may {
				t.Errorf("%s:%d: %q no longer differs", differences.File, p.line, p.text)
			}
		}
	}
}

func TestPermits(t *testing.T) {
	parse := func(text string) (*permits, error) {
		sections, err := differences.Parse("== interop x\nwhy so\n" + text)
		if err != nil {
			return nil, err
		}
		return newPermits(sections[0].Entries, "here")
	}
	d, err := parse("steps mqadmin a *\ndrop , x=\\d+\n-    only * theirs\n+    only ours\n")
	if err != nil {
		t.Fatal(err)
	}
	f := func(step, apache, ours, wantApache, wantOurs string) {
		t.Helper()
		a, o := d.leave(step, apache, ours)
		if diff := cmp.Diff([]string{wantApache, wantOurs}, []string{a, o}); diff != "" {
			t.Error(diff)
		}
	}
	f("mqadmin a -b", "p\nonly 1 theirs\nq\n", "p, x=1\nq\n", "p\nq\n", "p\nq\n")
	f("mqadmin a -b", "p\nonly theirs\n", "p\n", "p\nonly theirs\n", "p\n")
	f("mqadmin b", "p\n", "p, x=1\n", "p\n", "p, x=1\n")
	var unused []string
	for _, p := range slices.Concat(d.entries[0].drops, d.entries[0].missing, d.entries[0].added) {
		if p.used == 0 {
			unused = append(unused, p.text)
		}
	}
	if diff := cmp.Diff([]string{"+ only ours"}, unused); diff != "" {
		t.Errorf("not used: %s", diff)
	}
	if d, err := parse("target there\nsteps a\n- b\n"); err != nil || len(d.entries) != 0 {
		t.Errorf("an entry about another target: %v, %v", d, err)
	}
	if d, err := parse("target here\nsteps a\n- b\n"); err != nil || len(d.entries) != 1 {
		t.Errorf("an entry about the target: %v, %v", d, err)
	}
	for _, bad := range []string{"- b", "steps a", "nothing a", "steps a\ndrop (", "steps a\n- b\n- b"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
