package quietlog

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// quietFor is how long a text is not written again.
	quietFor = time.Minute
	// keptTexts bounds the texts that are remembered, and keptLetters what of each.
	keptTexts   = 512
	keptLetters = 300
	// longest bounds what is written of a text, in bytes.
	longest = 1024
)

// Repeats writes texts of which the same come again and again: each once a minute, with how often it was left out since; and ten lines
// each second at most, however different they are.
type Repeats struct {
	logger *slog.Logger
	lines  Limiter

	mu   sync.Mutex
	seen map[string]*repeat // guarded by mu, as all below
	old  []string           // keys of seen, in the order in which they came
}

type repeat struct {
	written time.Time
	left    int
	said    Said
}

// Said is a text that was written, or left out since it had been: how often, and when last.
type Said struct {
	Msg, Text   string
	Args        []any // of the last time
	First, Last time.Time
	Times       int
}

// NewRepeats returns one before the logger.
func NewRepeats(logger *slog.Logger) *Repeats {
	return &Repeats{logger: logger, seen: map[string]*repeat{}}
}

// Say writes msg with the text as its attribute "remark" and args behind, unless the text was written within the last minute.
func (r *Repeats) Say(level slog.Level, msg, text string, args ...any) {
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	r.say(level, msg, text, args, "remark", text)
}

// Note is Say for lines whose args say all of it: the text, which is not written, tells which of them are the same.
func (r *Repeats) Note(level slog.Level, msg, text string, args ...any) {
	r.say(level, msg, text, args)
}

func (r *Repeats) say(level slog.Level, msg, text string, args []any, first ...any) {
	left, dropped, ok := r.admit(text, time.Now(), msg, args)
	if !ok {
		return
	}
	args = append(first, args...)
	if left > 0 {
		args = append(args, "repeated", left)
	}
	if dropped > 0 {
		args = append(args, "similarLinesLeftOut", dropped)
	}
	r.logger.Log(context.Background(), level, msg, args...)
}

// Texts are those that are remembered, the one that was said last at the end.
func (r *Repeats) Texts() []Said {
	r.mu.Lock()
	out := make([]Said, 0, len(r.seen))
	for _, s := range r.seen {
		out = append(out, s.said)
	}
	r.mu.Unlock()
	slices.SortFunc(out, func(x, y Said) int { return cmp.Or(x.Last.Compare(y.Last), strings.Compare(x.Text, y.Text)) })
	return out
}

// admit says whether a text is to be written now. One for which there is no line is not taken for written.
func (r *Repeats) admit(text string, now time.Time, msg string, args []any) (left, dropped int, ok bool) {
	key := text[:min(len(text), keptLetters)]
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.seen[key]
	if s != nil {
		s.said.Times, s.said.Last, s.said.Args = s.said.Times+1, now, args
		if now.Sub(s.written) < quietFor {
			s.left++
			return 0, 0, false
		}
	}
	if dropped, ok = r.lines.admit(now); !ok {
		return 0, 0, false
	}
	if s != nil {
		left, s.left, s.written = s.left, 0, now
		return left, dropped, true
	}
	if len(r.old) == keptTexts {
		delete(r.seen, r.old[0])
		r.old = append(r.old[:0], r.old[1:]...)
	}
	text = strings.Clone(text) // it may lie in a whole frame
	key = text[:len(key)]
	r.seen[key] = &repeat{written: now, said: Said{Msg: msg, Text: text, Args: args, First: now, Last: now, Times: 1}}
	r.old = append(r.old, key)
	return 0, dropped, true
}
