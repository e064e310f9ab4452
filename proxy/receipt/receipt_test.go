package receipt_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/receipt"
)

const minute = int64(60_000)

func handle(popTime, invisible int64) protocol.PopHandle {
	return protocol.PopHandle{PopTime: popTime, InvisibleTime: invisible, BrokerName: "b", CommitLogOffset: -1}
}

// due is what is due, all begun.
func due(t *testing.T, tab *receipt.Table, now int64, offline bool) []receipt.Work {
	t.Helper()
	all := tab.Due(now, offline)
	for i := range all {
		if !tab.Begin(&all[i], now) {
			t.Errorf("what is due at %d ms does not begin", now)
		}
	}
	return all
}

// TestALongTask follows one message that is consumed for longer than three hours.
func TestALongTask(t *testing.T) {
	var tab receipt.Table
	tab.Put("first", receipt.Receipt{Group: "g", Topic: "t", Handle: handle(0, minute)}, 0)
	if due := tab.Due(minute-10_001, false); len(due) != 0 {
		t.Fatalf("due too early: %v", due)
	}
	now, got := minute-10_000, []time.Duration{}
	for {
		due := due(t, &tab, now, false)
		if len(due) != 1 {
			t.Fatalf("at %d ms %d are due", now, len(due))
		}
		if again := tab.Due(now, false); len(again) != 0 {
			t.Fatal("the same work is given out twice")
		}
		w := due[0]
		got = append(got, w.For)
		tab.Done(w, handle(now, w.For.Milliseconds()), nil, false)
		if w.Last {
			break
		}
		now += w.For.Milliseconds() - 10_000
	}
	want := []time.Duration{time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, time.Hour, time.Hour, 0}
	if len(got) > len(want) || got[0] != want[0] || got[4] != want[4] || got[len(got)-1] != 0 {
		t.Errorf("renewed for %v, want the beginning of %v and 0 at last", got, want)
	}
	if now < receipt.Longest.Milliseconds() || tab.Len() != 0 {
		t.Errorf("given up after %d ms, %d are kept", now, tab.Len())
	}
}

func TestTake(t *testing.T) {
	var tab receipt.Table
	tab.Put("first", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	if _, ok, _ := tab.Take(t.Context(), "other", "first"); ok {
		t.Error("another group's")
	}
	w := due(t, &tab, minute-1, false)[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := tab.Take(ctx, "g", "first"); !errors.Is(err, context.Canceled) {
		t.Errorf("while it is renewed: %v", err)
	}
	tab.Done(w, handle(7, minute), nil, false)
	if h, ok, err := tab.Take(t.Context(), "g", "first"); !ok || err != nil || h.PopTime != 7 {
		t.Errorf("%v %v %v, want the newest handle", h, ok, err)
	}
	if _, _, err := tab.Take(ctx, "g", "first"); !errors.Is(err, context.Canceled) {
		t.Errorf("taken twice at once: %v", err)
	}
	tab.Give("g", "first", true)
	if h, ok, err := tab.Take(t.Context(), "g", "first"); !ok || err != nil || h.PopTime != 7 {
		t.Errorf("%v %v %v, want the newest handle once more", h, ok, err)
	}
	tab.Give("g", "first", false)
	if _, ok, _ := tab.Take(t.Context(), "g", "first"); ok {
		t.Error("it is kept though its keeping ended")
	}
}

// TestTakeWaits has an acknowledgement come while its receipt is renewed: it waits for the new handle.
func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab receipt.Table
		tab.Put("first", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
		w := due(t, &tab, minute-1, false)[0]
		got := make(chan protocol.PopHandle)
		go func() {
			h, _, _ := tab.Take(t.Context(), "g", "first")
			got <- h
		}()
		synctest.Wait()
		tab.Done(w, handle(9, minute), nil, false)
		if h := <-got; h.PopTime != 9 {
			t.Errorf("handle %v, want the new one", h)
		}
	})
}

func TestFailuresAndOffline(t *testing.T) {
	var tab receipt.Table
	tab.Put("a", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	for i := range 3 {
		due := due(t, &tab, minute-1, false)
		if len(due) != 1 {
			t.Fatalf("attempt %d: %d are due", i, len(due))
		}
		tab.Done(due[0], protocol.PopHandle{}, errors.New("refused"), false)
	}
	if tab.Len() != 0 {
		t.Error("still kept after three failures")
	}
	tab.Put("b", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	tab.Done(due(t, &tab, minute-1, false)[0], protocol.PopHandle{}, errors.New("gone"), true)
	if tab.Len() != 0 {
		t.Error("still kept though it is hopeless")
	}
	tab.Put("c", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	if due := due(t, &tab, minute, false); len(due) != 0 || tab.Len() != 0 {
		t.Errorf("too late: %v, %d kept", due, tab.Len())
	}
	tab.Put("d", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	last := due(t, &tab, 1, true)
	if len(last) != 1 || last[0].For != time.Second || !last[0].Last {
		t.Fatalf("offline: %v", last)
	}
	tab.Done(last[0], protocol.PopHandle{}, nil, false)
	if tab.Len() != 0 {
		t.Error("still kept though the client is gone")
	}
	for i := range receipt.Max {
		tab.Put(string(rune(i)), receipt.Receipt{}, 0)
	}
	for i := 0; tab.Len() < receipt.Max; i++ { // surrogates share one text
		tab.Put("more"+string(rune(i)), receipt.Receipt{}, 0)
	}
	if tab.Put("one too many", receipt.Receipt{}, 0) {
		t.Error("there is no limit")
	}
}

// TestWorkThatWaits has an acknowledgement come before a renewal has begun: it does not wait, and the renewal is not done.
func TestWorkThatWaits(t *testing.T) {
	var tab receipt.Table
	tab.Put("a", receipt.Receipt{Group: "g", Handle: handle(0, minute)}, 0)
	w := tab.Due(minute-1, false)[0]
	if _, ok, err := tab.Take(t.Context(), "g", "a"); !ok || err != nil {
		t.Errorf("taken: %v, %v", ok, err)
	}
	if tab.Begin(&w, minute-1) {
		t.Error("it is renewed while it is acknowledged")
	}
	tab.Give("g", "a", true)
	w = tab.Due(minute-1, false)[0]
	tab.Drop(&w)
	w = tab.Due(minute-1, false)[0]
	if tab.Begin(&w, minute) || tab.Len() != 0 {
		t.Error("it is renewed too late")
	}
}
