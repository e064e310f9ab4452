package history_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// lit is the message of these stories as it was read from a light queue.
func (s *story) lit(queue string, offset int64) *story {
	return s.at(90_000, history.Event{Kind: history.Stored, Key: only, Place: history.Place{Topic: queue, Offset: offset}})
}

// TestLightWords holds what is judged of messages in light queues.
func TestLightWords(t *testing.T) {
	light := func(queue string) history.Event {
		return history.Event{Kind: history.Light, Place: history.Place{Topic: queue}}
	}
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	f("in both", "", sent(3, light("a"), light("b")).lit("a", 7).lit("b", 0).got(4))
	f("not in one of them", "lost", sent(3, light("a"), light("b")).lit("a", 7).got(4))
	f("twice in one of them", "duplicated", sent(3, light("a")).lit("a", 7).lit("a", 8).got(4))
	f("in one where it is not to be", "phantom", sent(3, light("a")).lit("a", 7).lit("c", 0).got(4))
	f("there alone", "lost lost duplicated", sent(0, light("a")).lit("a", 7))

	other := history.Key{Producer: "p", Sequence: 1}
	two := func(first, second int64) *story {
		s := &story{}
		for i, key := range []history.Key{only, other} {
			s.at(10*i, history.Event{Kind: history.Light, Key: key, Place: history.Place{Topic: "a"}})
			s.at(10*i+1, history.Event{Kind: history.SendBegun, Key: key, Place: place(0, -1)})
			s.at(10*i+2, history.Event{Kind: history.SendAcked, Key: key, Place: place(0, i)})
			s.at(10*i+3, history.Event{Kind: history.Delivered, Group: "g", Key: key, Place: place(0, i)})
			s.at(90_000, history.Event{Kind: history.Stored, Key: key, Place: place(0, i)})
		}
		s.at(90_001, history.Event{Kind: history.Stored, Key: only, Place: history.Place{Topic: "a", Offset: first}})
		return s.at(90_001, history.Event{Kind: history.Stored, Key: other, Place: history.Place{Topic: "a", Offset: second}})
	}
	f("in order", "", two(3, 4))
	f("in another order", "reordered", two(4, 3))

	strays := func(name, want string, answer history.Kind, rules history.Rules) {
		t.Helper()
		s := two(4, 3)
		for i := range s.events {
			if e := &s.events[i]; e.Kind == history.SendAcked && e.Key == only {
				e.Kind = answer
			}
		}
		if got := faultsOf(history.Check(s.events, rules)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	strays("the first had no answer", "reordered", history.SendLost, history.Rules{})
	strays("the first had no answer and may stray", "", history.SendLost, history.Rules{Strays: true})
	strays("it had one", "reordered", history.SendAcked, history.Rules{Strays: true})
}

// faultsOf are the faults of a report.
func faultsOf(r history.Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, string(f.Fault))
	}
	return strings.Join(all, " ")
}

// TestKindWords holds what is judged of messages of kinds that topics take or do not take.
func TestKindWords(t *testing.T) {
	misfit := history.Event{Kind: history.Misfit}
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	begun := func() *story {
		return (&story{}).at(0, history.Event{Kind: history.Misfit, Key: only}).at(1, history.Event{Kind: history.SendBegun, Key: only, Place: place(0, -1)})
	}
	f("turned away", "", begun().at(2, history.Event{Kind: history.TurnedAway, Key: only}))
	f("no answer", "", begun().at(2, history.Event{Kind: history.SendLost, Key: only}))
	f("no answer, and taken", "unfit", begun().at(2, history.Event{Kind: history.SendLost, Key: only}).stored(2, 0))
	f("taken", "unfit", sent(3, misfit))
	f("turned away for nothing", "unfit", (&story{}).at(1, history.Event{Kind: history.SendBegun, Key: only, Place: place(0, -1)}).
		at(2, history.Event{Kind: history.TurnedAway, Key: only}))
}

// TestQuotaWords holds what is judged of a topic that may have ten messages a second.
func TestQuotaWords(t *testing.T) {
	f := func(name string, over bool, kill int, moments ...int) {
		t.Helper()
		s := &story{}
		if kill > 0 {
			s.killed(kill)
		}
		for i, at := range moments {
			key := history.Key{Producer: "p", Sequence: i}
			s.at(at, history.Event{Kind: history.SendBegun, Key: key, Place: place(0, -1)})
			s.at(90_000, history.Event{Kind: history.Stored, Key: key, Place: place(0, i), From: moment(at)})
		}
		report := history.Check(s.events, history.Rules{Quotas: map[string]int{topic: 10}, Settle: time.Second})
		if got := report.Count(history.Over) > 0; got != over || len(report.Findings) != report.Count(history.Over) {
			t.Errorf("%s: over %v, want %v\n%s", name, got, over, text(report))
		}
	}
	every := func(step, n int) (all []int) {
		for i := range n {
			all = append(all, 1000+i*step)
		}
		return all
	}
	f("as many as it may have", false, 0, every(100, 100)...)
	f("what was held up comes at once", false, 0, append(every(100, 30), repeated(11, 5000)...)...)
	f("twice as many", true, 0, every(50, 100)...)
	f("a burst", true, 0, repeated(30, 1000)...)
	f("a little more after a kill", false, 5000, append(every(100, 30), repeated(13, 6500)...)...)
	f("the same without a kill", true, 0, append(every(100, 30), repeated(15, 4000)...)...)
}

// repeated is the same moment n times.
func repeated(n, at int) (all []int) {
	for range n {
		all = append(all, at)
	}
	return all
}

// TestKindsInTheReport: what a run has not had is not spoken of.
func TestKindsInTheReport(t *testing.T) {
	report := history.Check(sent(2).got(3).events, history.Rules{})
	if out := text(report); strings.Contains(out, "unfit") || strings.Contains(out, "light") || strings.Contains(out, "over ") {
		t.Errorf("%s", out)
	}
}
