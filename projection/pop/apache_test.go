package pop

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestOrderIsApaches plays what RocketMQ's own class was asked, and expects its answers: what is handed out with which counts, what
// blocks, where the group's offset stands after each acknowledgement.
func TestOrderIsApaches(t *testing.T) {
	f, err := os.Open("testdata/order.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var s *stage
	asked, line := 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line++
		field := strings.Split(lines.Text(), "\t")
		number := func(i int) int64 {
			n, err := strconv.ParseInt(field[i], 10, 64)
			if err != nil {
				t.Fatalf("line %d: %v", line, err)
			}
			return n
		}
		want, got := field[len(field)-1], ""
		switch field[0] {
		case "S":
			s = newStage(t)
			continue
		case "P":
			got = s.popLikeApache(field[1], number(2), number(3))
		case "A":
			got = s.ackLikeApache(message.QueueOffset(number(1)), number(2))
		case "V": // the change of 1 ms after the beginning of time that makes the message visible at what the line says
			off, popTime, visible := message.QueueOffset(number(1)), number(2), number(3)
			if change, _, invisible, known := s.tab.Renew(nil, s.key, off, popTime, 0, false, visible); known {
				s.apply(change)
				if invisible != visible-popTime {
					t.Fatalf("line %d: the new handle says %d ms", line, invisible)
				}
			}
			continue
		default:
			continue
		}
		asked++
		if got != want {
			t.Fatalf("line %d: %s\ngot  %s\nwant %s", line, lines.Text(), got, want)
		}
	}
	if asked < 3000 {
		t.Errorf("only %d questions were asked", asked)
	}
}

// popLikeApache pops four messages in order, at the time 0.
func (s *stage) popLikeApache(attempt string, popTime, invisible int64) string {
	if attempt == "-" {
		attempt = ""
	}
	l, err := s.tab.Begin(s.key, Request{Ordered: true, Attempt: attempt, Max: 4})
	var refused *Refusal
	if errors.As(err, &refused) && refused.Reason == Blocked {
		return "blocked"
	}
	taken := Taken{Lease: l, Next: l.From + message.QueueOffset(l.Room)}
	var out []string
	for _, again := range l.Again {
		taken.Again = append(taken.Again, again.Offset)
		out = append(out, fmt.Sprintf("%d:%d", again.Offset, again.Count))
	}
	for off := l.From; off < taken.Next; off++ {
		taken.Fresh = append(taken.Fresh, off)
		out = append(out, fmt.Sprintf("%d:0", off))
	}
	s.apply(AppendPop(nil, popTime, invisible, taken))
	s.latest = popTime
	return strings.Join(out, " ")
}

// ackLikeApache acknowledges and says where the group stands then, or why it does not count.
func (s *stage) ackLikeApache(off message.QueueOffset, popTime int64) string {
	base, _ := s.tab.Base(s.key)
	if off < base {
		return "skip"
	}
	known := s.ack(popTime, off)
	switch {
	case known == 0 && popTime != s.latest:
		return "-2"
	case known == 0 && s.tab.State(s.key, off, 0) != Acknowledged:
		return "-1"
	}
	base, _ = s.tab.Base(s.key)
	return strconv.Itoa(int(base))
}
