package faultfs

import (
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// operations are the words for what can fail.
func operations() []string {
	return []string{"open", "create", "read", "write", "sync", "rename", "remove", "mkdir", "list", "usage"}
}

// errFlip is an effect that is no failure.
var errFlip = errors.New("flip")

// usedPercent is what a disk says of itself, no failure either.
type usedPercent uint64

func (u usedPercent) Error() string { return fmt.Sprintf("%d %% used", uint64(u)) }

// rule is one line of a script. Its counters are guarded by [Faults].mu.
type rule struct {
	text    string
	ops     []string // empty: all
	pattern string
	err     error // what the operation ends with, nil for a delay
	delay   time.Duration
	nth     int
	times   int
	chance  float64

	seen, hit int
}

// script is what a text says.
type script struct {
	rules []*rule
	clock time.Duration
	seed  uint64
}

// parse reads a script.
func parse(text string) (script, error) {
	s := script{seed: 1}
	for n, line := range strings.Split(strings.ReplaceAll(text, ";", "\n"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := s.add(words); err != nil {
			return s, fmt.Errorf("faults, rule %d, %q: %w", n+1, strings.TrimSpace(line), err)
		}
	}
	return s, nil
}

func (s *script) add(words []string) (err error) {
	switch {
	case words[0] == "clock" && len(words) == 2:
		s.clock, err = time.ParseDuration(words[1])
		return err
	case words[0] == "seed" && len(words) == 2:
		s.seed, err = strconv.ParseUint(words[1], 10, 64)
		return err
	case len(words) < 3:
		return errors.New("a rule is OPS PATTERN EFFECT, \"clock OFFSET\" or \"seed N\"")
	}
	r := &rule{text: strings.Join(words, " "), pattern: words[1], nth: 1, chance: 1}
	if words[0] != "*" {
		r.ops = strings.Split(words[0], ",")
	}
	for _, op := range r.ops {
		if !slices.Contains(operations(), op) {
			return fmt.Errorf("there is no operation %q; there are %s", op, strings.Join(operations(), ", "))
		}
	}
	if _, err := path.Match(r.pattern, ""); err != nil {
		return fmt.Errorf("pattern %s: %w", r.pattern, err)
	}
	if err := r.effect(words[2]); err != nil {
		return err
	}
	if _, ok := r.err.(usedPercent); ok && !slices.Equal(r.ops, []string{"usage"}) {
		return fmt.Errorf("%s is an effect on usage alone", words[2])
	}
	for _, w := range words[3:] {
		if err := r.when(w); err != nil {
			return err
		}
	}
	s.rules = append(s.rules, r)
	return nil
}

func (r *rule) effect(word string) error {
	text, timed := strings.CutPrefix(word, "delay=")
	percent, used := strings.CutPrefix(word, "used=")
	switch {
	case used:
		n, err := strconv.ParseUint(percent, 10, 64)
		if err != nil || n > 100 {
			return fmt.Errorf("%s: a disk is used by 0 to 100 percent", word)
		}
		r.err = usedPercent(n)
	case timed:
		d, err := time.ParseDuration(text)
		r.delay = d
		return err
	case word == "eio":
		r.err = syscall.EIO
	case word == "enospc":
		r.err = syscall.ENOSPC
	case word == "erofs":
		r.err = syscall.EROFS
	case word == "short":
		r.err = io.ErrShortWrite
	case word == "flip":
		r.err = errFlip
	default:
		return fmt.Errorf("there is no effect %q; there are eio, enospc, erofs, short, flip, delay=DURATION, used=PERCENT", word)
	}
	return nil
}

func (r *rule) when(word string) (err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "nth":
		r.nth, err = strconv.Atoi(value)
	case "times":
		r.times, err = strconv.Atoi(value)
	case "chance":
		r.chance, err = strconv.ParseFloat(value, 64)
	default:
		err = fmt.Errorf("there is no condition %q; there are nth=N, times=N, chance=P", word)
	}
	return err
}

// names reports whether the rule speaks of an operation on a file.
func (r *rule) names(op, file string) bool {
	if len(r.ops) > 0 && !slices.Contains(r.ops, op) {
		return false
	}
	elements := strings.Split(filepath.ToSlash(file), "/")
	n := strings.Count(r.pattern, "/") + 1
	if n > len(elements) {
		return false
	}
	ok, _ := path.Match(r.pattern, strings.Join(elements[len(elements)-n:], "/")) // add has checked the pattern
	return ok
}
