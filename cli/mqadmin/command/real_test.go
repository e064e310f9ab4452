package command

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/commonscli"
	"github.com/aerobee-mq/aerobee/internal/javatext"
)

// TestOptionsAreMqadmins compares the table with what RocketMQ's own mqadmin 5.5.0 registers (testdata/MqadminOptions.java).
func TestOptionsAreMqadmins(t *testing.T) {
	text, err := os.ReadFile("testdata/options.txt")
	if err != nil {
		t.Fatal(err)
	}
	real, name := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if option, ok := strings.CutPrefix(line, "  "); ok {
			real[name] = append(real[name], option)
			continue
		}
		name, _, _ = strings.Cut(line, " ")
		real[name] = []string{}
	}
	if len(real) < 80 {
		t.Fatalf("%d commands only", len(real))
	}
	for _, name := range slices.Sorted(maps.Keys(real)) {
		cmd, err := find(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		want := slices.DeleteFunc(real[name], func(option string) bool {
			return strings.HasPrefix(option, "n name") // every command has it
		})
		slices.Sort(want)
		if diff := cmp.Diff(want, optionLines(cmd)); diff != "" {
			t.Errorf("%s (-mqadmin +ours):\n%s", name, diff)
		}
	}
}

// optionLines are the options of a command as testdata/options.txt has them.
func optionLines(cmd *command) []string {
	out := []string{}
	for i := range cmd.options {
		o := &cmd.options[i]
		short := o.Short
		if short == "" {
			short = "null"
		}
		line := short + " " + strings.ReplaceAll(o.Long, " ", "_")
		if o.Value != "" {
			line += " value"
		}
		switch {
		case slices.ContainsFunc(cmd.choices, func(names []string) bool { return slices.Contains(names, o.Long) }):
			line += " choice"
		case o.Needed:
			line += " required"
		}
		if o.Long != "cplus" { // hidden behind the other -c
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

// TestLinesAreReadAsMqadminReadsThem compares the parser with mqadmin's (testdata/MqadminOptions.java).
func TestLinesAreReadAsMqadminReadsThem(t *testing.T) {
	text, err := os.ReadFile("testdata/parsed.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) < 50 {
		t.Fatalf("%d lines only", len(lines))
	}
	for _, line := range lines {
		asked, want, _ := strings.Cut(line, " => ")
		all := words(asked)
		cmd, err := find(all[0])
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		got, stray, err := commonscli.Parse(append(commonOptions(), cmd.options...), ownOptions(), all[1:])
		if err == nil {
			err = commonscli.Check(cmd.options, cmd.choices, got)
		}
		said := javatext.Map(got) + " " + fmt.Sprintf("[%s]", strings.Join(stray, ", "))
		if err != nil {
			said = "! " + err.Error()
		}
		if head, _, isChoice := strings.Cut(want, ": [-"); isChoice { // the options' descriptions are mqadmin's there
			said, _, _ = strings.Cut(said, ": [-")
			want = head
		}
		if said != want {
			t.Errorf("%s\nis  %s\nnot %s", asked, said, want)
		}
	}
}
