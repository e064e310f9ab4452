package inspect

import (
	"context"
	"log/slog"
)

// findings is a log handler that keeps what is worth a warning.
type findings struct{ lines []string }

// Enabled takes warnings and errors.
func (f *findings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle keeps the record as a line.
func (f *findings) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += ": " + a.Value.String()
		return true
	})
	f.lines = append(f.lines, line)
	return nil
}

// WithAttrs returns f itself: the index adds none.
func (f *findings) WithAttrs([]slog.Attr) slog.Handler { return f }

// WithGroup returns f itself.
func (f *findings) WithGroup(string) slog.Handler { return f }
