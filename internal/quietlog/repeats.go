package quietlog

import (
	"context"
	"log/slog"
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
	left, dropped, ok := r.admit(text, time.Now())
	if !ok {
		return
	}
	args = append([]any{"remark", text}, args...)
	if left > 0 {
		args = append(args, "repeated", left)
	}
	if dropped > 0 {
		args = append(args, "similarLinesLeftOut", dropped)
	}
	r.logger.Log(context.Background(), level, msg, args...)
}

// admit says whether a text is to be written now. One for which there is no line is not taken for written.
func (r *Repeats) admit(text string, now time.Time) (left, dropped int, ok bool) {
	key := text[:min(len(text), keptLetters)]
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.seen[key]
	if s != nil && now.Sub(s.written) < quietFor {
		s.left++
		return 0, 0, false
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
	key = string(append([]byte{}, key...)) // the text may lie in a whole frame
	r.seen[key] = &repeat{written: now}
	r.old = append(r.old, key)
	return 0, dropped, true
}
