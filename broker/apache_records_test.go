package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// recordDifference is a line of the list of package differences about records: + and what only ours have, or - and what only RocketMQ's have. That is a
// property, "empty" for any without a value, "prepared" for field 14 of the record, or "flag" for one that is not 0. It counts for all records, or
// where a script's file and a step follow it, for at least one of that step's.
type recordDifference struct {
	differences.Line
	ours    bool
	step    string // the file, a blank and the step's name, "" for all
	find    *regexp.Regexp
	without string // what stays
}

func recordDifferences(t *testing.T) (out []recordDifference) {
	t.Helper()
	for _, e := range differences.Of(t, "broker records") {
		for _, l := range e.Lines {
			out = append(out, parseRecordDifference(l))
		}
	}
	return out
}

func parseRecordDifference(l differences.Line) recordDifference {
	name, step, _ := strings.Cut(l.Text[1:], " ")
	const text = `"(?:[^"\\]|\\.)*"`
	pair := `"` + regexp.QuoteMeta(name) + `":` + text
	if name == "empty" {
		pair = text + `:""`
	}
	find, without := " "+pair+"|"+pair+" ?", ""
	switch name {
	case "prepared":
		find, without = `( again \d+) prepared`, "$1"
	case "flag":
		find, without = `^(record \S+ flag )[1-9]\d*`, "${1}0"
	}
	return recordDifference{Line: l, ours: l.Text[0] == '+', step: step, find: regexp.MustCompile(find), without: without}
}

// withoutListed takes what differs on purpose out of the records of both answers to a step. The errors are lines that do not differ.
func withoutListed(list []recordDifference, step, got, want string) (mine, theirs string, errs []error) {
	gots, wants := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	pairs := pairRecords(gots, wants)
	for _, d := range list {
		if d.step != "" && d.step != step {
			continue
		}
		differ, same := 0, 0
		for _, p := range pairs {
			mine, theirs := &gots[p[0]], &wants[p[1]]
			have, need := d.find.MatchString(*mine), d.find.MatchString(*theirs)
			if !d.ours {
				have, need = need, have
			}
			switch {
			case have && !need:
				differ++
			case need || d.step == "" && d.ours: // all records of ours have it
				same++
			}
			*mine, *theirs = d.find.ReplaceAllString(*mine, d.without), d.find.ReplaceAllString(*theirs, d.without)
		}
		if same > 0 || d.step != "" && differ == 0 {
			errs = append(errs, fmt.Errorf("%s:%d: %q does not differ", differences.File, d.Number, d.Text))
		}
	}
	return strings.Join(gots, ""), strings.Join(wants, ""), errs
}

// pairRecords are the places of the records in the lines of two answers, the first with the first.
func pairRecords(gots, wants []string) (pairs [][2]int) {
	j := -1
	for i := range gots {
		if !strings.HasPrefix(gots[i], "record ") {
			continue
		}
		for j++; j < len(wants) && !strings.HasPrefix(wants[j], "record "); j++ {
		}
		if j >= len(wants) {
			break
		}
		pairs = append(pairs, [2]int{i, j})
	}
	return pairs
}

// TestRecordDifferences finds lines about what no script of RocketMQ's shows.
func TestRecordDifferences(t *testing.T) {
	files, err := filepath.Glob("testdata/apache*.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{} // records by step
	for _, file := range files {
		for name, block := range readBlocks(t, file) {
			for l := range strings.Lines(block) {
				if strings.HasPrefix(l, "record ") {
					shown[filepath.Base(file)+" "+name] = append(shown[filepath.Base(file)+" "+name], l)
				}
			}
		}
	}
	for _, d := range recordDifferences(t) {
		found := false
		for step, records := range shown {
			for _, r := range records {
				found = found || (d.step == "" || d.step == step) && d.find.MatchString(r) != d.ours
			}
		}
		if !found {
			t.Errorf("%s:%d: no record of RocketMQ's shows that %q differs", differences.File, d.Number, d.Text)
		}
	}
}

func TestWithoutListed(t *testing.T) {
	f := func(line, got, want, mine, theirs string, faults int) {
		t.Helper()
		m, th, errs := withoutListed([]recordDifference{parseRecordDifference(differences.Line{Text: line})}, "f.txt step", got, want)
		if m != mine || th != theirs || len(errs) != faults {
			t.Errorf("%s:\n%q\n%q\n%v", line, m, th, errs)
		}
	}
	const answer = "code 0 flag 1 JAVA v513\n"
	rec := func(prepared, props string) string {
		return `record T/0@0 flag 0 sys 0 born 1 again 0` + prepared + ` body " prepared" map[` + props + "]\n"
	}
	plain, summed := rec("", `"A":"\" \"B\":"`), rec("", `"A":"\" \"B\":" "B":"sum"`)
	f("+B", answer+summed, answer+plain, answer+plain, answer+plain, 0)
	f("+B", answer+rec("", `"B":"x" "C":"y"`), answer+rec("", `"C":"y"`), answer+rec("", `"C":"y"`), answer+rec("", `"C":"y"`), 0)
	f("+B", summed+summed, "field x=y\n"+plain+plain, plain+plain, "field x=y\n"+plain+plain, 0)
	f("+B", answer+summed, answer+summed, answer+plain, answer+plain, 1)
	f("+B", answer+plain, answer+plain, answer+plain, answer+plain, 1)
	f("-B", answer+plain, answer+summed, answer+plain, answer+plain, 0)
	f("-B", answer+plain, answer+plain, answer+plain, answer+plain, 0)
	f("-B", answer+summed, answer+summed, answer+plain, answer+plain, 1)
	f("+prepared f.txt step", rec(" prepared", ""), rec("", ""), rec("", ""), rec("", ""), 0)
	f("+prepared f.txt step", rec("", ""), rec("", ""), rec("", ""), rec("", ""), 1)
	f("-B f.txt step", plain, plain, plain, plain, 1)
	f("+flag f.txt step", "record T/0@0 flag 7 sys 8\n", "record T/0@0 flag 0 sys 8\n", "record T/0@0 flag 0 sys 8\n", "record T/0@0 flag 0 sys 8\n", 0)
	f("+empty f.txt step", rec("", `"A":"" "B":"x"`)+plain, rec("", `"B":"x"`)+plain, rec("", `"B":"x"`)+plain, rec("", `"B":"x"`)+plain, 0)
	f("+empty f.txt step", rec("", `"A":"x" "B":""`), rec("", `"A":"x"`), rec("", `"A":"x"`), rec("", `"A":"x"`), 0)
	f("+prepared f.txt other", rec(" prepared", ""), rec("", ""), rec(" prepared", ""), rec("", ""), 0)
	f("+B", answer+summed+summed, answer+plain, answer+plain+summed, answer+plain, 0)
}

// readBlocks reads what a script has answered, by the names of its steps.
func readBlocks(t *testing.T, file string) map[string]string {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, block := range strings.Split(string(b), "== ")[1:] {
		name, text, _ := strings.Cut(block, "\n")
		out[name] = text
	}
	return out
}
