package index

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/aerobee-mq/aerobee/message"
)

// TestScripts runs testdata/*: small stories to read. Log offsets follow from the sizes, store times from the commands.
//
//	add queue=N [at=OFFSET] [n=COUNT] [time=MS] [step=MS] [key=WORD]    records of 100 bytes
//	cut | freeze | write | merge | reopen | forget (the Pebble directory) | drop before=LOG | restore queue=N least=O next=O
//	scan queue=N [from=OFFSET] | bounds queue=N | time queue=N at=MS | keys key=WORD [from=MS to=MS] | blocks
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{m: newModel(t)}
		defer s.m.close(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			return s.run()
		})
	})
}

type script struct {
	t *testing.T
	d *datadriven.TestData
	m *model
}

func (s *script) number(name string, value int64) int64 {
	s.d.MaybeScanArgs(s.t, name, &value)
	return value
}

func (s *script) hash() uint64 {
	var key string
	s.d.ScanArgs(s.t, "key", &key)
	return KeyHash([]byte("topic"), []byte(key))
}

func (s *script) run() string {
	m, q := s.m, Queue{Topic: 1, ID: int32(s.number("queue", 0))}
	switch s.d.Cmd {
	case "add":
		return s.add(q)
	case "freeze":
		m.frozen = append(m.frozen, pendingCut{m.ix.Freeze(), m.end})
	case "write":
		m.writeFrozen(s.t, 1)
	case "cut":
		mustCut(s.t, m.ix, m.db, m.end)
	case "merge":
		did, err := m.ix.Merge()
		return fmt.Sprintf("did %v, err %v\n", did, err)
	case "replace":
		m.replace(s.t, m.ix.Spans()[s.number("block", 0)])
	case "drop":
		m.floor = message.LogOffset(s.number("before", 0))
		return errText(m.ix.DropBefore(m.floor))
	case "restore":
		m.ix.Restore(q, message.QueueOffset(s.number("least", 0)), message.QueueOffset(s.number("next", 0)))
	case "reopen", "forget":
		m.close(s.t)
		if s.d.Cmd == "forget" {
			if err := m.fs.RemoveAll("db"); err != nil {
				s.t.Fatal(err)
			}
		}
		m.db = openDB(s.t, m.fs)
		m.ix = openIndex(s.t, m.fs, m.db, m.floor)
		return fmt.Sprintf("applied to %d\n", m.ix.AppliedTo())
	default:
		return s.ask(q)
	}
	return ""
}

func (s *script) ask(q Queue) string {
	var out strings.Builder
	ix := s.m.ix
	switch s.d.Cmd {
	case "scan":
		for _, e := range collect(s.t, ix, q, message.QueueOffset(s.number("from", 0))) {
			fmt.Fprintf(&out, "%d: log %d, time %d\n", e.QueueOffset, e.LogOffset, e.StoreTime)
		}
	case "bounds":
		least, next := ix.Bounds(q)
		fmt.Fprintf(&out, "[%d, %d)\n", least, next)
	case "time":
		at := message.StoreTime(s.number("at", 0))
		lower, err1 := ix.ByTime(q, at, false)
		upper, err2 := ix.ByTime(q, at, true)
		fmt.Fprintf(&out, "lower %d, upper %d%s%s\n", lower, upper, errText(err1), errText(err2))
	case "keys":
		err := ix.Keys(s.hash(), message.StoreTime(s.number("from", 0)), message.StoreTime(s.number("to", math.MaxInt64)), func(at message.LogOffset) bool {
			fmt.Fprintf(&out, "log %d\n", at)
			return true
		})
		out.WriteString(errText(err))
	case "blocks":
		for _, b := range ix.cur.live {
			fmt.Fprintf(&out, "%v: %d entries in %d runs, %d keys, time %d to %d\n", b.Span, b.foot.entries, b.foot.runs, b.foot.keys, b.foot.minTime, b.foot.maxTime)
		}
		entries, _ := ix.HeadEntries()
		fmt.Fprintf(&out, "head: %d entries\n", entries)
	default:
		s.t.Fatalf("%s: unknown command %s", s.d.Pos, s.d.Cmd)
	}
	return out.String()
}

func (s *script) add(q Queue) string {
	m := s.m
	gap := s.number("at", int64(m.next[q])) - int64(m.next[q])
	var keys []uint64
	if s.d.HasArg("key") {
		keys = []uint64{s.hash()}
	}
	step := s.number("step", 0)
	if t := message.StoreTime(s.number("time", int64(m.time))); t != m.time {
		m.time = t - message.StoreTime(step)
	}
	first := m.end
	for range s.number("n", 1) {
		m.add(q, gap, 100, step, keys)
		gap = 0
	}
	return fmt.Sprintf("log %d to %d, next %d\n", first, m.end, m.next[q])
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + "\n"
}
