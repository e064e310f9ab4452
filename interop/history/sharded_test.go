package history_test

import (
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// keyed is a story of messages with one sharding key, whose producer does not say in which queues they are to stand. Message n is sent at 10n
// and acknowledged at 10n+5.
type keyed struct{ story }

func (s *keyed) key(n int) history.Key { return history.Key{Producer: "p", Sequence: n} }

// send has messages 0, 1, … stand in these queues, each behind those before it.
func (s *keyed) send(in ...int) *keyed {
	offsets := map[int]int{}
	for n, queue := range in {
		s.at(10*n, history.Event{Kind: history.Sharded, Key: s.key(n), ShardingKey: "k"})
		s.at(10*n, history.Event{Kind: history.SendBegun, Key: s.key(n), Place: place(-1, -1)})
		s.at(10*n+5, history.Event{Kind: history.SendAcked, Key: s.key(n), Place: place(queue, offsets[queue])})
		s.at(90_000, history.Event{Kind: history.Stored, Key: s.key(n), Place: place(queue, offsets[queue])})
		offsets[queue]++
	}
	return s
}

// works has a member work on a message for 5 ms.
func (s *keyed) works(ms int, member string, n, queue, offset int) *keyed {
	s.at(ms, history.Event{Kind: history.Began, Group: "g", Member: member, Key: s.key(n), Place: place(queue, offset)})
	s.at(ms+5, history.Event{Kind: history.Ended, Group: "g", Member: member, Place: place(queue, offset)})
	return s
}

// TestShardingWords holds what is judged of messages by their sharding keys. What a queue's own order shows as well is found twice.
func TestShardingWords(t *testing.T) {
	f := func(name, want string, s *keyed) { t.Helper(); judged(t, name, want, &s.story) }
	three := func() *keyed { return (&keyed{}).send(0, 0, 0) }
	apart := func() *keyed { return (&keyed{}).send(0, 1, 0) }
	join := history.Event{Kind: history.Joined}
	f("one member, one queue", "", three().works(100, "a", 0, 0, 0).works(110, "a", 1, 0, 1).works(120, "a", 2, 0, 2))
	f("another member goes on", "", three().works(100, "a", 0, 0, 0).works(110, "b", 1, 0, 1).works(120, "b", 2, 0, 2))
	f("two queues, in order", "", apart().works(100, "a", 0, 0, 0).works(110, "b", 1, 1, 0).works(120, "a", 2, 0, 1))
	f("two queues, one ahead", "reordered", apart().works(100, "a", 0, 0, 0).works(110, "a", 2, 0, 1).works(120, "b", 1, 1, 0))
	f("two queues at once", "shared", apart().works(100, "a", 0, 0, 0).works(103, "b", 1, 1, 0).works(110, "a", 2, 0, 1))
	f("two queues of one member at once", "shared", apart().works(100, "a", 0, 0, 0).works(103, "a", 1, 1, 0).works(110, "a", 2, 0, 1))
	f("another member begins again", "", func() *keyed {
		s := three().works(100, "a", 0, 0, 0).works(110, "a", 1, 0, 1).works(120, "a", 2, 0, 2)
		s.at(125, join)
		return s.works(130, "b", 0, 0, 0).works(140, "b", 1, 0, 1).works(150, "b", 2, 0, 2)
	}())
	f("another member begins again and leaves one out, in two queues", "reordered", func() *keyed {
		s := apart().works(100, "a", 0, 0, 0).works(110, "a", 1, 1, 0).works(120, "a", 2, 0, 1)
		s.at(125, join)
		return s.works(130, "b", 0, 0, 0).works(140, "b", 2, 0, 1)
	}())
	f("another member goes on too far", "reordered reordered reordered", func() *keyed {
		s := three().works(100, "a", 0, 0, 0)
		s.at(105, join)
		return s.works(110, "b", 2, 0, 2).works(120, "b", 1, 0, 1)
	}())
	f("a killed member's message", "", func() *keyed {
		s := three()
		s.at(100, history.Event{Kind: history.Began, Group: "g", Member: "a", Key: s.key(0), Place: place(0, 0)})
		s.at(102, history.Event{Kind: history.Gone, Member: "a"})
		return s.works(103, "b", 0, 0, 0).works(110, "b", 1, 0, 1).works(120, "b", 2, 0, 2)
	}())
	f("one never comes", "lost reordered reordered", three().works(100, "a", 0, 0, 0).works(110, "a", 2, 0, 2))
}

// TestSendsAtOnceHaveNoOrder holds that only what a producer knew counts: a message that was sent before another was acknowledged may overtake it.
func TestSendsAtOnceHaveNoOrder(t *testing.T) {
	f := func(second int, want bool) {
		t.Helper()
		s := &keyed{}
		for n, at := range []int{0, second} {
			s.at(at, history.Event{Kind: history.Sharded, Key: s.key(n), ShardingKey: "k"})
			s.at(at, history.Event{Kind: history.SendBegun, Key: s.key(n), Place: place(-1, -1)})
			s.at(at+5, history.Event{Kind: history.SendAcked, Key: s.key(n), Place: place(n, 0)})
			s.at(90_000, history.Event{Kind: history.Stored, Key: s.key(n), Place: place(n, 0)})
		}
		s.works(100, "a", 1, 1, 0).works(110, "a", 0, 0, 0)
		report := history.Check(s.events, history.Rules{Groups: map[string][]string{"g": {topic}}, Orderly: map[string]bool{"g": true}, Settle: time.Second})
		if report.Passed() != want {
			t.Errorf("the second sent at %d ms:\n%s", second, text(report))
		}
	}
	f(4, true)
	f(5, true)
	f(6, false)
}
