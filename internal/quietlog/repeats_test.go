package quietlog

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// TestRepeats says the same text often, and many different ones.
func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		r := NewRepeats(slog.New(slog.NewTextHandler(&text, nil)))
		for range 100 {
			r.Say(slog.LevelWarn, "refused", "no such topic", "code", 17)
		}
		if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg=refused remark="no such topic" code=17`) {
			t.Errorf("log:\n%s", got)
		}
		time.Sleep(quietFor)
		text.Reset()
		r.Say(slog.LevelWarn, "refused", "no such topic")
		if got := text.String(); !strings.Contains(got, "repeated=99") {
			t.Errorf("log:\n%s", got)
		}
		if all := r.Texts(); len(all) != 1 || all[0].Msg != "refused" || all[0].Text != "no such topic" || all[0].Times != 101 || all[0].Last.Sub(all[0].First) != quietFor || len(all[0].Args) != 0 {
			t.Errorf("remembered: %+v", all)
		}
		time.Sleep(time.Second)
		text.Reset()
		for i := range 2 * keptTexts {
			r.Say(slog.LevelWarn, "refused", fmt.Sprint("text ", i))
		}
		if n := strings.Count(text.String(), "\n"); n != linesPerSecond || len(r.seen) != linesPerSecond+1 {
			t.Errorf("%d lines, %d texts taken for written", n, len(r.seen))
		}
		time.Sleep(time.Second)
		r.Say(slog.LevelWarn, "refused", fmt.Sprint("text ", keptTexts))
		if got := text.String(); !strings.Contains(got, fmt.Sprint("text ", keptTexts)) {
			t.Error("a text for which there was no line is not written later")
		}
		for i := range 2 * keptTexts {
			r.Say(slog.LevelWarn, "refused", fmt.Sprint("more ", i))
			time.Sleep(time.Second / linesPerSecond)
		}
		if len(r.seen) != keptTexts || len(r.old) != keptTexts {
			t.Errorf("%d and %d texts kept", len(r.seen), len(r.old))
		}
		if all := r.Texts(); len(all) != keptTexts || all[keptTexts-1].Text != fmt.Sprint("more ", 2*keptTexts-1) {
			t.Errorf("%d texts are remembered, the last is %+v", len(all), all[len(all)-1])
		}
		text.Reset()
		time.Sleep(time.Second)
		if r.Say(slog.LevelWarn, "refused", strings.Repeat("é", 1000)); len(text.String()) > 1200 || !utf8.ValidString(text.String()) {
			t.Errorf("%d bytes are written of a long text", len(text.String()))
		}
	})
}
