package member_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/internal/property"
)

// TestAgreementModel lets members come, change their minds and go at random: a group disagrees when, and only when, two of
// its members that subscribe to anything say different things, each turn is told once, and nobody is told twice of the same.
func TestAgreementModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		table := member.New[string](1000)
		said := map[string]map[string]string{}
		disagree := func() bool {
			var first map[string]string
			for _, s := range said {
				switch {
				case len(s) == 0:
				case first == nil:
					first = s
				case !maps.Equal(first, s):
					return true
				}
			}
			return false
		}
		was := false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			client := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "client")
			if rapid.IntRange(0, 3).Draw(t, "leaves") == 0 {
				delete(said, client)
				table.LeaveConsumer(client, "g")
			} else {
				subs, words := map[string]string{}, []string{}
				for _, topic := range []string{"t", "u"} {
					if e := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, topic); e != "" {
						subs[topic] = e
						words = append(words, topic, e)
					}
				}
				said[client] = subs
				table.Consumer(1, member.Client[string]{Conn: client, ID: client}, says("CLUSTERING", words...))
			}
			now, turns := disagree(), table.Turns()
			if got := slices.Contains(table.Disagreeing(), "g"); got != now {
				t.Fatalf("disagreeing: %v, want %v of %v", got, now, said)
			}
			want := 0
			if now != was {
				want = 1
			}
			if len(turns) != want || want == 1 && len(turns[0].Disagreements) > 0 != now {
				t.Fatalf("turns %v after %s", turns, fmt.Sprint(said))
			}
			was = now
		}
	})
}
