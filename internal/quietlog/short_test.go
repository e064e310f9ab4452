package quietlog

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLongTextsAreCut(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: Short}))
	long := strings.Repeat("x", 1<<20)
	log.Info(long, "name", long, "error", errors.New(long), slog.Group("g", "name", long))
	if n := out.Len(); n < 4*longestText || n > 4*longestText+200 {
		t.Errorf("four long texts make a line of %d bytes", n)
	}
	out.Reset()
	log.Info("short", "name", "n", "error", errors.New("e"), "number", 7, "none", nil)
	if got := out.String(); !strings.Contains(got, "msg=short name=n error=e number=7 none=<nil>") {
		t.Errorf("short texts: %s", got)
	}
}
