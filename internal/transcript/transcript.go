// Package transcript reads recordings of a terminal, commands with what they print, so that tests can run the commands and
// compare: the README's first minutes, and the scripts that the command line has to play with every server. Its functions are
// pure and safe to call at once.
//
//	$ aerobee topic create Orders --queues 2
//	created topic Orders on broker-a: 2 queues, rw
//	$ printf 'one\ntwo\n' | aerobee send Orders
//	…
//
// A line that begins with "$ " is a command; one that ends with a backslash goes on in the next. What follows up to the next
// command is what it prints, standard error included; "[exit N]" at the end says that it fails with code N. Lines before the
// first command are a comment.
package transcript

import (
	"fmt"
	"regexp"
	"strings"
)

// Step is one command with its output.
type Step struct {
	Line    int // of the command, from 1
	Command string
	Want    string // ends with a newline unless it is empty
}

// Parse takes a recording apart.
func Parse(text string) []Step {
	var steps []Step
	open := false // the command goes on
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		last := len(steps) - 1
		switch {
		case open:
			steps[last].Command += "\n" + line
			open = strings.HasSuffix(line, "\\")
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, Step{Line: i + 1, Command: line[2:]})
			open = strings.HasSuffix(line, "\\")
		case last >= 0:
			steps[last].Want += line + "\n"
		}
	}
	return steps
}

// Output joins what a command printed with its exit code, in the form of [Step.Want].
func Output(printed string, code int) string {
	if printed != "" && !strings.HasSuffix(printed, "\n") {
		printed += "\n"
	}
	if code != 0 {
		printed += fmt.Sprintf("[exit %d]\n", code)
	}
	return printed
}

// Normalize takes out of a command's output what differs from run to run: times, ids, addresses, process ids, and the widths of
// columns that follow from them. Blank lines at the end go.
func Normalize(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`, "<time>"},
		{`[0-9A-Fa-f.:]+@\d+#\d+`, "<client>"},
		{`\b([0-9A-F]{32}|[0-9A-F]{56})\b`, "<id>"},
		{`\b(\d{1,3}\.){3}\d{1,3}:\d+\b`, "<address>"},
		{`\bpid \d+`, "pid <pid>"},
		{`\b\d+(\.\d+)?(ns|µs|ms)\b`, "<duration>"},
		{` {2,}`, "  "},
		{` +\n`, "\n"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return strings.TrimRight(text, "\n") + "\n"
}

// Last is the message id that a command printed first, "" if it printed none. Players put it where the next commands say $LAST.
func Last(printed string) string {
	return regexp.MustCompile(`\b[0-9A-F]{32}\b`).FindString(printed)
}

// Words takes a command apart as a shell would, as far as recordings need it: words, quotes, backslashes, and one printf in
// front of a pipe, whose text is the standard input.
func Words(command string) (words []string, stdin string, err error) {
	stages := [][]string{nil}
	word, inWord, quote := "", false, rune(0)
	end := func() {
		if inWord {
			stages[len(stages)-1] = append(stages[len(stages)-1], word)
		}
		word, inWord = "", false
	}
	escaped := false
	for _, r := range command {
		switch {
		case escaped:
			escaped = false
			if r != '\n' { // a joined line
				word, inWord = word+string(r), true
			}
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\n':
			end()
		case r == '|':
			end()
			stages = append(stages, nil)
		default:
			word, inWord = word+string(r), true
		}
	}
	end()
	switch {
	case quote != 0 || escaped:
		return nil, "", fmt.Errorf("transcript: %q ends inside of a quote", command)
	case len(stages) == 1:
		return stages[0], "", nil
	case len(stages) == 2 && len(stages[0]) == 2 && stages[0][0] == "printf":
		return stages[1], strings.ReplaceAll(stages[0][1], `\n`, "\n"), nil
	}
	return nil, "", fmt.Errorf("transcript: %q is more than a command behind a printf", command)
}
