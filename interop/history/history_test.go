package history_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/interop/history"
	"pgregory.net/rapid"
)

func text(r history.Report) string {
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		return err.Error()
	}
	return out.String()
}

// TestPlantedBugs holds that each bug is found as what it is, whatever else happened in the run.
func TestPlantedBugs(t *testing.T) {
	for plant, want := range found() {
		t.Run(string(plant), func(t *testing.T) {
			for seed := range uint64(200) {
				report := history.Check(simulate(seed, 400, plant), rules())
				if report.Count(want) == 0 {
					t.Fatalf("seed %d: not found as %s:\n%s", seed, want, text(report))
				}
			}
		})
	}
}

// TestCleanRunsPass holds that kills, lost answers, retries and redeliveries alone are no fault.
func TestCleanRunsPass(t *testing.T) {
	kills, again, lost := 0, 0, 0
	property.Check(t, func(t *rapid.T) {
		seed, steps := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 1500).Draw(t, "steps")
		report := history.Check(simulate(seed, steps, none), rules())
		if !report.Passed() {
			t.Fatalf("a clean run failed:\n%s", text(report))
		}
		kills, again, lost = kills+report.Kills, again+report.Redelivered, lost+report.Unanswered
	})
	if kills == 0 || again == 0 || lost == 0 {
		t.Errorf("%d kills, %d redeliveries, %d lost answers: the runs were too tame to show anything", kills, again, lost)
	}
}

// TestPlantedBugsInAnyRun is TestPlantedBugs with lengths and seeds from rapid.
func TestPlantedBugsInAnyRun(t *testing.T) {
	bugs := []bug{answerBeforeSync, drop, swap, early}
	property.Check(t, func(t *rapid.T) {
		plant := rapid.SampledFrom(bugs).Draw(t, "bug")
		seed, steps := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(20, 1500).Draw(t, "steps")
		report := history.Check(simulate(seed, steps, plant), rules())
		if report.Count(found()[plant]) == 0 {
			t.Fatalf("%s was not found", plant)
		}
	})
}

// TestWords holds the meaning of each word by the shortest history that shows it.
func TestWords(t *testing.T) {
	at := history.Time(0)
	a, b := history.Key{Producer: "p", Sequence: 1}, history.Key{Producer: "p", Sequence: 2}
	begun := func(k history.Key) history.Event {
		return history.Event{Kind: history.SendBegun, Key: k, Place: place(0, -1)}
	}
	acked := func(k history.Key, offset int) history.Event {
		return history.Event{Kind: history.SendAcked, Key: k, Place: place(0, offset)}
	}
	stored := func(k history.Key, offset int) history.Event {
		return history.Event{Kind: history.Stored, Key: k, Place: place(0, offset)}
	}
	got := func(k history.Key, offset int) history.Event {
		return history.Event{Kind: history.Delivered, Group: "g", Key: k, Place: place(0, offset)}
	}
	killed, ready := history.Event{Kind: history.Killed}, history.Event{Kind: history.Ready}
	f := func(name, want string, events ...history.Event) {
		t.Helper()
		for i := range events {
			at += 10_000
			events[i].At = at
		}
		report := history.Check(events, history.Rules{Groups: map[string][]string{"g": {topic}}})
		var words []string
		for _, finding := range report.Findings {
			words = append(words, string(finding.Fault))
		}
		if have := strings.Join(words, " "); have != want {
			t.Errorf("%s: %q, want %q\n%s", name, have, want, text(report))
		}
	}
	f("clean", "", begun(a), acked(a, 0), got(a, 0), stored(a, 0))
	f("no answer, not there", "", begun(a), history.Event{Kind: history.SendLost, Key: a})
	f("no answer, but there", "", begun(a), history.Event{Kind: history.SendLost, Key: a}, got(a, 0), stored(a, 0))
	f("retried, there twice", "", begun(a), begun(a), acked(a, 1), got(a, 0), got(a, 1), stored(a, 0), stored(a, 1))
	f("not retried, there twice", "duplicated", begun(a), acked(a, 0), got(a, 0), stored(a, 0), stored(a, 1))
	f("not in the log, not delivered", "lost lost", begun(a), acked(a, 0))
	f("delivered, then gone", "lost early", begun(a), acked(a, 0), got(a, 0), killed, ready)
	f("not acknowledged, delivered, then gone", "early", begun(a), got(a, 0), killed, ready)
	f("not delivered", "lost", begun(a), acked(a, 0), stored(a, 0))
	f("again after a kill", "", begun(a), acked(a, 0), got(a, 0), killed, ready, got(a, 0), stored(a, 0))
	f("again without a kill", "duplicated", begun(a), acked(a, 0), got(a, 0), got(a, 0), stored(a, 0))
	f("sent later, stands before", "reordered", begun(a), acked(a, 1), begun(b), acked(b, 0), got(b, 0), got(a, 1), stored(b, 0), stored(a, 1))
	f("sent at once, stands before", "", begun(a), begun(b), acked(a, 1), acked(b, 0), got(b, 0), got(a, 1), stored(b, 0), stored(a, 1))
	f("nobody's", "phantom phantom", got(a, 0), stored(a, 0))
}
