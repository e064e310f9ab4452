package history_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// moment is n milliseconds into a short history.
func moment(n int) history.Time { return history.Time(n) * 1000 }

// story is a short history whose events stand at the milliseconds that they are given.
type story struct{ events []history.Event }

func (s *story) at(ms int, e history.Event) *story {
	e.At = moment(ms)
	s.events = append(s.events, e)
	return s
}

// sent is the one message of these stories: sent at 1, acknowledged at 2, in the log at offset 0 since stored, read at the end.
func sent(stored int, before ...history.Event) *story {
	s := &story{}
	for _, e := range before {
		e.Key = only
		s.at(0, e)
	}
	s.at(1, history.Event{Kind: history.SendBegun, Key: only, Place: place(0, -1)})
	s.at(2, history.Event{Kind: history.SendAcked, Key: only, Place: place(0, -1)})
	if stored > 0 {
		s.stored(stored, 0)
	}
	return s
}

var only = history.Key{Producer: "p"}

func (s *story) stored(ms, offset int) *story {
	return s.at(90_000, history.Event{Kind: history.Stored, Key: only, Place: place(0, offset), From: moment(ms)})
}

func (s *story) got(ms int) *story {
	return s.at(ms, history.Event{Kind: history.Delivered, Group: "g", Key: only, Place: place(0, 0)})
}

func (s *story) decided(ms int, commit bool) *story {
	return s.at(ms, history.Event{Kind: history.Decided, Key: only, Commit: commit})
}

// popped is a pop with an invisible time of 1 s.
func (s *story) popped(ms, retry int) *story {
	return s.at(ms, history.Event{Kind: history.Popped, Group: "g", Key: only, Retry: retry, Place: place(0, 0), From: moment(ms), Until: moment(ms + 1000)})
}

func (s *story) killed(ms int) *story {
	return s.at(ms, history.Event{Kind: history.Killed}).at(ms+1000, history.Event{Kind: history.Ready})
}

func (s *story) told(ms int, kind history.Kind, until int) *story {
	return s.at(ms, history.Event{Kind: kind, Group: "g", Key: only, Until: moment(until)})
}

func (s *story) worked(member string, from, to, offset int) *story {
	s.at(from, history.Event{Kind: history.Began, Group: "g", Member: member, Key: only, Place: place(0, offset)})
	if to > 0 {
		s.at(to, history.Event{Kind: history.Ended, Group: "g", Member: member, Place: place(0, offset)})
	}
	return s
}

// judged compares the faults of a story with those that it must have.
func judged(t *testing.T, name, want string, s *story) {
	t.Helper()
	rules := history.Rules{Groups: map[string][]string{"g": {topic}}, Orderly: map[string]bool{"g": true},
		Late: 500 * time.Millisecond, Settle: 200 * time.Millisecond, Durable: time.Second}
	report := history.Check(s.events, rules)
	var words []string
	for _, finding := range report.Findings {
		words = append(words, string(finding.Fault))
	}
	if have := strings.Join(words, " "); have != want {
		t.Errorf("%s: %q, want %q\n%s", name, have, want, text(report))
	}
}

// TestTimedWords holds what is judged of messages for a time, here 5 s.
func TestTimedWords(t *testing.T) {
	timed := history.Event{Kind: history.Timed, Until: moment(5000)}
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	f("on time", "", sent(5000, timed).got(5001))
	f("a little late", "", sent(5499, timed).got(5500))
	f("too late", "late", sent(5501, timed).got(5502))
	f("due while the server was away", "", sent(6599, timed).killed(4900).got(6600))
	f("long after the server was back", "late", sent(6601, timed).killed(4900).got(6602))
	f("early", "early", sent(4999, timed).got(5001))
	f("early for a consumer", "early", sent(5000, timed).got(4999))
	f("twice", "duplicated", sent(5000, timed).stored(5001, 1).got(5001))
	f("never", "lost lost", sent(0, timed))
}

// TestTransactionWords holds what is judged of transactions.
func TestTransactionWords(t *testing.T) {
	half := history.Event{Kind: history.Half}
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	f("committed", "", sent(11, half).decided(10, true).got(12))
	f("committed, and said again", "", sent(11, half).decided(10, true).decided(20, true).got(12))
	f("rolled back", "", sent(0, half).decided(10, false))
	f("never ended", "", sent(0, half))
	f("committed and lost", "lost lost", sent(0, half).decided(10, true))
	f("committed and not delivered", "lost", sent(11, half).decided(10, true))
	f("rolled back and seen", "phantom phantom", sent(11, half).decided(10, false).got(12))
	f("never ended and stored", "phantom", sent(11, half))
	f("seen before its commit", "phantom phantom", sent(11, half).decided(20, true).got(12))
	f("committed twice", "duplicated", sent(11, half).decided(10, true).stored(12, 1).got(12))
}

// TestPopWords holds what is judged of pops.
func TestPopWords(t *testing.T) {
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	f("acknowledged", "", sent(2).popped(10, 0).told(20, history.PopAcked, 0))
	f("again after its time", "", sent(2).popped(10, 0).popped(1010, 1))
	f("again before its time", "early", sent(2).popped(10, 0).popped(1009, 1))
	f("a kill is no excuse", "early", sent(2).popped(10, 0).killed(20).popped(1009, 1))
	f("again after a longer time", "", sent(2).popped(10, 0).told(900, history.PopRenewed, 2000).popped(2000, 1))
	f("again before a longer time", "early", sent(2).popped(10, 0).told(900, history.PopRenewed, 2000).popped(1999, 1))
	f("again after a shorter time", "", sent(2).popped(10, 0).told(100, history.PopRenewed, 500).popped(500, 1))
	f("again after an acknowledgement", "duplicated", sent(2).popped(10, 0).told(20, history.PopAcked, 0).popped(1010, 1))
	f("again, acknowledged too late", "", sent(2).popped(10, 0).told(1010, history.PopAcked, 0).popped(1020, 1))
	f("never", "lost", sent(2))
	f("from where it is not", "reordered", sent(2).at(10, history.Event{Kind: history.Popped, Group: "g", Key: only, Place: place(0, 3)}))
}

// TestOwnerWords holds what is judged of members of an orderly group. The message is known by what each has to do with it first.
func TestOwnerWords(t *testing.T) {
	f := func(name, want string, s *story) { t.Helper(); judged(t, name, want, s) }
	join := history.Event{Kind: history.Joined}
	gone := history.Event{Kind: history.Gone, Member: "a"}
	f("one after the other", "", sent(2).worked("a", 10, 20, 0).at(25, join).worked("b", 30, 40, 0))
	f("at once", "shared", sent(2).worked("a", 10, 40, 0).at(25, join).worked("b", 30, 50, 0))
	f("one was killed", "", sent(2).worked("a", 10, 0, 0).at(25, gone).worked("b", 30, 50, 0))
	f("one left out", "reordered reordered", sent(2).worked("a", 10, 20, 0).worked("a", 30, 40, 2))
}
