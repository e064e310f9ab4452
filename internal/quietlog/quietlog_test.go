package quietlog

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTenLinesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		for range 100 {
			l.Warn("x")
		}
		time.Sleep(time.Second)
		l.Warn("x")
		if got := text.String(); strings.Count(got, "\n") != 11 || !strings.Contains(got, "similarLinesLeftOut=90") {
			t.Errorf("log:\n%s", got)
		}
	})
}
