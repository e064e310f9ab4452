// Package differences reads the one list of what Aerobee does otherwise than Apache RocketMQ 5.5.0 on purpose, differences.txt. The tests that
// compare the two call it, in whatever folder; each allows what its section lists and nothing else, and fails for a line that no longer
// differs. Its functions are pure and safe to call at once.
//
//	# a comment
//	== FOLDER NAME        a section: whose tests read it, and what they compare
//
//	why REASON            an entry is a paragraph; its reason may have several lines
//	LINE                  what differs, in the words of those tests
//	LINE
package differences

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

// File is the list's path in the repository, for what tests say.
const File = "internal/differences/differences.txt"

//go:embed differences.txt
var list string

// Section is what one comparison may find.
type Section struct {
	Name    string // the folder of the tests, a blank, and what they compare
	Entries []Entry
}

// Entry is what differs for one reason. Both are there.
type Entry struct {
	Why   string
	Lines []Line
}

// Line is one line of an entry.
type Line struct {
	Number int // in the file, from 1
	Text   string
}

// Of returns the entries of a section, none if there is no such section. It fails the test if the list cannot be read.
func Of(t testing.TB, section string) []Entry {
	t.Helper()
	all, err := Parse(list)
	if err != nil {
		t.Fatalf("%s:%v", File, err)
	}
	for _, s := range all {
		if s.Name == section {
			return s.Entries
		}
	}
	return nil
}

// Parse takes a list apart. An error begins with the number of its line.
func Parse(text string) ([]Section, error) {
	var all []Section
	names := map[string]bool{}
	open := false // an entry, whose next line may come
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " ")
		name, begins := strings.CutPrefix(line, "== ")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "" || begins:
			if err := whole(all, open); err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			open = false
			if begins && (names[name] || !strings.Contains(name, " ")) {
				return nil, fmt.Errorf("%d: the section %q comes twice, or names no folder and no comparison", i+1, name)
			}
			if begins {
				names[name] = true
				all = append(all, Section{Name: name})
			}
		case len(all) == 0:
			return nil, fmt.Errorf("%d: %q stands before the first section", i+1, line)
		default:
			last := &all[len(all)-1]
			if !open {
				last.Entries, open = append(last.Entries, Entry{}), true
			}
			if err := last.Entries[len(last.Entries)-1].add(i+1, line); err != nil {
				return nil, fmt.Errorf("%d: %w", i+1, err)
			}
		}
	}
	if err := whole(all, open); err != nil {
		return nil, fmt.Errorf("%d: %w", strings.Count(text, "\n")+1, err)
	}
	for _, s := range all {
		if len(s.Entries) == 0 {
			return nil, fmt.Errorf("1: the section %q has no entries", s.Name)
		}
	}
	return all, nil
}

// add takes a line of the entry; within one none comes twice.
func (e *Entry) add(number int, line string) error {
	if reason, ok := strings.CutPrefix(line, "why "); ok {
		e.Why = strings.TrimSpace(e.Why + " " + strings.TrimSpace(reason))
		return nil
	}
	for _, l := range e.Lines {
		if l.Text == line {
			return fmt.Errorf("%q stands in line %d of its entry already", line, l.Number)
		}
	}
	e.Lines = append(e.Lines, Line{Number: number, Text: line})
	return nil
}

// whole says what the entry that ends here lacks.
func whole(all []Section, open bool) error {
	if !open {
		return nil
	}
	entries := all[len(all)-1].Entries
	if last := entries[len(entries)-1]; last.Why == "" || len(last.Lines) == 0 {
		return fmt.Errorf("an entry has the reason %q and %d lines: it needs both", last.Why, len(last.Lines))
	}
	return nil
}
