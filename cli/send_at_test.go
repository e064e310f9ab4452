package cli

import (
	"strings"
	"testing"
	"time"
)

// TestSendAt sends for a time, which is listed among those that wait, and for one that has come.
func TestSendAt(t *testing.T) {
	s := session{startNode(t)}
	if got := s.run(t, "aerobee send T later --at 36h"); !strings.Contains(got, "to be delivered later (36h)") {
		t.Errorf("sent: %s", got)
	}
	if got := s.run(t, "aerobee timer count"); !strings.Contains(got, "1") {
		t.Errorf("waiting: %s", got)
	}
	if got := s.run(t, "aerobee send T json --at 36h --json"); !strings.Contains(got, `"recallHandle":`) {
		t.Errorf("sent: %s", got)
	}
	s.run(t, "aerobee send T now --at 2020-01-31T15:04:05Z")
	if got := s.run(t, "aerobee receive T --body"); got != "now\n" {
		t.Errorf("received: %s", got)
	}
	for command, want := range map[string]string{"aerobee send T x --at soon": "--at \"soon\" is no time", "aerobee send T x --at 1h --delay 1": "--at and --delay both say when"} {
		if got := s.run(t, command); !strings.Contains(got, want) {
			t.Errorf("%s: %s", command, got)
		}
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"90s": now.Add(90 * time.Second), "2026-01-31 15:04": time.Date(2026, 1, 31, 15, 4, 0, 0, time.UTC), "": {}} {
		if got, err := deliverAt(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
