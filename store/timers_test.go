package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

func putTimed(t testing.TB, s *Store, text, unique string, at time.Time) Appended {
	t.Helper()
	w := newWaiter()
	if err := s.PutTimed(record("T", 0, text, message.PropUniqueKey, unique), at.UnixMilli(), w, 0); err != nil {
		t.Fatal(err)
	}
	s.Kick()
	a, err := w.wait(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func withdraw(s *Store, unique string, at time.Time) error {
	_, err := s.Withdraw(context.Background(), record("T", 0, "0", message.PropTimerDelete, unique), at.UnixMilli())
	return err
}

// inTimers runs a test in a bubble, with a store that has the topic T.
func inTimers(t *testing.T, change func(*Options), test func(t *testing.T, s *Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		change(&o)
		s := openTest(t, o)
		defer closeTest(t, s)
		mustTopic(t, s, "T", 1)
		test(t, s)
	})
}

func usual(*Options) {}

var queueT = message.Queue{Topic: "T"}

func TestTimerToTheMillisecond(t *testing.T) {
	for _, step := range []time.Duration{time.Millisecond, 100 * time.Millisecond, time.Second} {
		inTimers(t, func(o *Options) { o.TimerPrecision = step }, func(t *testing.T, s *Store) {
			for i := range 50 {
				at := time.Now().Add(time.Duration(1+i*37) * time.Millisecond)
				if got := s.Times().HandleMillis(at.UnixMilli()); got > at.UnixMilli() || got <= at.Add(-step).UnixMilli() {
					t.Errorf("the handle of %d names %d", at.UnixMilli(), got)
				}
				putTimed(t, s, strconv.FormatInt(at.UnixMilli(), 10), fmt.Sprint(i), at)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			count := 0
			readEach(s, queueT, 0, t.Errorf, func(r *message.Record) {
				count++
				at, _ := strconv.ParseInt(string(r.Body), 10, 64)
				if late := int64(r.StoreTime) - at; late < 0 || late >= step.Milliseconds()+2 {
					t.Errorf("precision %v: delivered %d ms late", step, late)
				}
				out, _ := strconv.ParseInt(r.Properties.GetString(message.PropTimerOut), 10, 64)
				if out%step.Milliseconds() != 0 || out >= at {
					t.Errorf("precision %v: TIMER_OUT_MS is %d for %d", step, out, at)
				}
			})
			if count != 50 {
				t.Errorf("%d of 50 were delivered", count)
			}
		})
	}
}

// TestWithdraw takes back two copies of a message, over a restart, and leaves another one and one for another time alone.
func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(vfs.NewMem())
		s := openTest(t, o)
		mustTopic(t, s, "T", 1)
		at := time.Now().Add(time.Hour)
		for _, m := range [][2]string{{"once", "k"}, {"twice", "k"}, {"other", "k2"}} {
			putTimed(t, s, m[0], m[1], at)
		}
		putTimed(t, s, "later", "k", at.Add(time.Minute))
		closeTest(t, s)
		s = openTest(t, o)
		if err := withdraw(s, "k", at); err != nil {
			t.Fatal(err)
		}
		if err := withdraw(s, "T+k2", at.Add(time.Hour)); err != nil { // nothing is there
			t.Fatal(err)
		}
		closeTest(t, s)
		s = openTest(t, o)
		defer closeTest(t, s)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := bodies(t, s, queueT, 0); got != "other later" {
			t.Errorf("delivered: %q", got)
		}
	})
}

// TestWithdrawOrDeliver: whoever claims a message first has it.
func TestWithdrawOrDeliver(t *testing.T) {
	inTimers(t, usual, func(t *testing.T, s *Store) {
		at := time.Now().Add(time.Minute)
		created := putTimed(t, s, "x", "k", at).LogOffset
		claim := func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.timers.Claim(created) {
				t.Fatal("somebody else has it")
			}
		}
		claim() // as if it were being carried forward
		done := make(chan error, 1)
		go func() { done <- withdraw(s, "k", at) }()
		time.Sleep(time.Second)
		select {
		case err := <-done:
			t.Fatalf("withdrawn while somebody else had it: %v", err)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := s.CancelTimer(ctx, created); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancel while somebody else has it: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := <-done; !errors.Is(err, ErrTooLate) {
			t.Errorf("withdrawn at its time: %v", err)
		}
		if _, err := s.CancelTimer(context.Background(), created); !errors.Is(err, ErrTooLate) {
			t.Errorf("cancelled at its time: %v", err)
		}
		s.unclaim(s.Timers("", 0, 0, 1))
		s.wakeTimers()
		synctest.Wait()
		if got := bodies(t, s, queueT, 0); got != "x" {
			t.Errorf("delivered: %q", got)
		}
	})
}

func TestListCountCancel(t *testing.T) {
	inTimers(t, usual, func(t *testing.T, s *Store) {
		mustTopic(t, s, "U", 1)
		for i := range 9 {
			putTimed(t, s, fmt.Sprint(i), fmt.Sprint(i), time.Now().Add(time.Duration(9-i)*time.Minute))
		}
		putDelayed(t, s, record("U", 0, "by level"), 18)
		var got []string
		var due int64
		var after message.LogOffset
		for page := s.Timers("T", 0, 0, 4); len(page) > 0; page = s.Timers("T", due, after, 4) {
			for _, e := range page {
				due, after = e.Due, e.Created
				b, err := s.View(nil, e.At)
				if err != nil {
					t.Fatal(err)
				}
				r, err := message.ParseRecord(b)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(r.Body))
			}
		}
		if fmt.Sprint(got) != "[8 7 6 5 4 3 2 1 0]" {
			t.Errorf("listed %v", got)
		}
		counts := s.TimerCounts()
		if len(counts) != 2 || counts[0].Topic != "T" || counts[0].Pending != 9 || counts[1].Topic != "U" || counts[1].Pending != 1 {
			t.Errorf("counted %+v", counts)
		}
		if all := s.Timers("none", 0, 0, 9); len(all) != 0 {
			t.Errorf("a topic without messages has %v", all)
		}
		for _, topic := range []string{"T", "U"} {
			if _, err := s.CancelTimer(context.Background(), s.Timers(topic, 0, 0, 1)[0].Created); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.CancelTimer(context.Background(), 77); !errors.Is(err, ErrNotPending) {
			t.Errorf("cancel of nothing: %v", err)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := bodies(t, s, queueT, 0); got != "7 6 5 4 3 2 1 0" {
			t.Errorf("delivered: %q", got)
		}
		if n := s.MaxOffset(message.Queue{Topic: "U"}); n != 0 {
			t.Errorf("%d cancelled messages were delivered", n)
		}
	})
}
