package checkback

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// fake is a store of half messages in memory.
type fake struct {
	table   transaction.Table
	size    int // of each record
	refuse  error
	lost    int
	givenUp int
}

func (f *fake) Half(handle message.LogOffset) (transaction.Entry, message.Record, error) {
	e, ok := f.table.Get(handle)
	if !ok {
		return e, message.Record{}, transaction.ErrGone
	}
	r := message.Record{Size: f.size, Topic: []byte(message.TopicHalf), Properties: message.Properties("PGROUP\x01pg\x02REAL_TOPIC\x01T\x02REAL_QID\x010\x02")}
	if handle == 666 {
		r.Properties = nil
	}
	return e, r, nil
}

func (f *fake) HalvesDue(now int64, n int) []transaction.Entry { return f.table.Due(now, n) }

func (f *fake) HalvesAsked(es []transaction.Entry) error {
	for _, e := range es {
		f.table.Checked(e.Created, e.Checks, e.Due)
	}
	return f.refuse
}

func (f *fake) ShiftHalves(by time.Duration) { f.table.Shift(by.Milliseconds()) }

func (f *fake) EndHalf(handle message.LogOffset, r *message.Record, sink commitlog.Sink, token uint64) error {
	if string(r.Topic) != message.TopicCheckMax || r.PreparedOffset != handle {
		return errors.New("not given up")
	}
	f.table.Complete(handle)
	f.givenUp++
	sink.Committed(token, nil, nil)
	return nil
}

func (f *fake) LoseHalf(_ context.Context, e transaction.Entry, _ error) error {
	f.table.Complete(e.Created)
	f.lost++
	return nil
}

func (f *fake) Kick() {}

// night is a loop over a fake store, with its clock and what it says.
func night(t *testing.T, f *fake, o Options) (*Loop, *time.Time, *bytes.Buffer) {
	t.Helper()
	now, said := time.UnixMilli(1_000_000), &bytes.Buffer{}
	o.Interval, o.Now = time.Minute, func() time.Time { return now }
	o.Ready = func(context.Context) error { return nil }
	o.Logger = slog.New(slog.NewTextHandler(said, nil))
	return New(f, o), &now, said
}

func TestRoundsAreBounded(t *testing.T) {
	g := func(n, size, want int) {
		t.Helper()
		f := &fake{size: size}
		for i := range n {
			f.table.Add(transaction.Entry{Created: message.LogOffset(i + 1000), Due: 1})
		}
		asked := 0
		l, _, said := night(t, f, Options{Max: 3, Ask: func(string, transaction.Entry, *message.Record) bool { asked++; return false }})
		if err := l.Round(context.Background()); err != nil || asked != want {
			t.Errorf("%d messages of %d bytes: asked about %d in a round, want %d; %v", n, size, asked, want, err)
		}
		if lines := strings.Count(said.String(), "\n"); lines != 1 {
			t.Errorf("the log says %d lines:\n%s", lines, said)
		}
	}
	g(10, 100, 10)
	g(5000, 100, roundQuestions)
	g(5000, 1<<20, batch)
}

func TestAsksUntilTheMaximumOrTheAge(t *testing.T) {
	f := &fake{}
	f.table.Add(transaction.Entry{Created: 1, Stored: 999_000, Due: 1_000_000})
	f.table.Add(transaction.Entry{Created: 666, Stored: 999_000, Due: 1_000_000}) // names no place to go to
	var times []int32
	l, now, _ := night(t, f, Options{Max: 3, MaxAge: time.Hour, Ask: func(group string, e transaction.Entry, r *message.Record) bool {
		if group != "pg" || string(r.Topic) != "T" {
			t.Errorf("asked %s about %s", group, r.Topic)
		}
		times = append(times, e.Checks)
		return true
	}})
	round := func() {
		t.Helper()
		if err := l.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		round()
		round() // nothing is due twice
		*now = now.Add(time.Minute)
	}
	if len(times) != 3 || times[0] != 1 || times[2] != 3 || f.givenUp != 1 || f.lost != 1 {
		t.Errorf("asked %v, given up %d, lost %d", times, f.givenUp, f.lost)
	}
	f.table.Add(transaction.Entry{Created: 2, Stored: 1_000_000, Due: now.Add(2 * time.Hour).UnixMilli()}) // immune for longer than kept
	*now = now.Add(2 * time.Hour)
	if round(); len(times) != 3 || f.givenUp != 2 {
		t.Errorf("an old one is asked about: %v, given up %d", times, f.givenUp)
	}
}

func TestClockGoesBack(t *testing.T) {
	f := &fake{}
	l, now, _ := night(t, f, Options{Max: 3, Ask: func(string, transaction.Entry, *message.Record) bool { return true }})
	f.table.Add(transaction.Entry{Created: 1, Stored: 1_000_000, Due: 1_006_000})
	*now = now.Add(-500 * time.Second)
	for range 2 {
		if err := l.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if e, _ := f.table.Get(1); e.Due != 506_000 || e.Stored != 500_000 || e.Checks != 0 {
		t.Errorf("%+v", e)
	}
}

func TestNoQuestionWithoutItsNote(t *testing.T) {
	f := &fake{refuse: errors.New("no disk")}
	f.table.Add(transaction.Entry{Created: 1, Due: 1})
	l, _, _ := night(t, f, Options{Max: 3, Ask: func(string, transaction.Entry, *message.Record) bool {
		t.Error("asked")
		return true
	}})
	if err := l.Round(context.Background()); err == nil {
		t.Error("no error")
	}
}
