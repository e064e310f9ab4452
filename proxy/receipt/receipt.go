// Package receipt is what the proxy knows of the messages that it keeps out of sight for a consumer: when each must be renewed, for how long, and when that
// ends. It is a machine: time comes in, work goes out; package proxy does the work. One [Table] is one client's; all its methods are safe to call at once.
package receipt

import (
	"context"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// The times of renewals. Source: ProxyConfig and RenewStrategyPolicy of RocketMQ 5.
const (
	// Ahead is how long before the end of its time a receipt is renewed.
	Ahead = 10 * time.Second
	// Longest is how long a message is kept out of sight in all.
	Longest = 3 * time.Hour

	maxFailures = 3
)

// Max bounds the receipts of one client: what a consumer may have in its hands unacknowledged.
const Max = 20_000

// interval is for how long the n-th renewal is.
func interval(n int) time.Duration {
	steps := [...]time.Duration{time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}
	return steps[min(n, len(steps)-1)]
}

// Receipt is one message in a consumer's hands.
type Receipt struct {
	Group, Topic string
	Lite         string             // the lite topic under Topic, "" for none
	Handle       protocol.PopHandle // the newest
	Attempt      int32              // how often it was delivered, 1 for the first time

	began    int64 // ms
	renewals int
	failures int
	queued   bool          // it was given out by Due, and has not begun
	busy     chan struct{} // closed when the work that is under way has ended; nil without
}

// Table are the receipts of a client, by group and the text of the first handle, which is what the client knows.
type Table struct {
	mu    sync.Mutex // guards all receipts
	byKey map[key]*Receipt
}

type key struct{ group, text string }

// Put begins to keep a receipt. It returns false if there are too many.
func (t *Table) Put(text string, r Receipt, nowMillis int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.byKey) >= Max {
		return false
	}
	if t.byKey == nil {
		t.byKey = map[key]*Receipt{}
	}
	r.began = nowMillis
	t.byKey[key{r.Group, text}] = &r
	return true
}

// Take returns a receipt's newest handle, false if it is not kept. It waits for a renewal that is under way; until [Table.Give] is called, which the
// caller does if it is kept, nobody else has the receipt.
func (t *Table) Take(ctx context.Context, group, text string) (protocol.PopHandle, bool, error) {
	for {
		t.mu.Lock()
		r := t.byKey[key{group, text}]
		if r == nil {
			t.mu.Unlock()
			return protocol.PopHandle{}, false, nil
		}
		if r.busy == nil {
			r.busy = make(chan struct{})
			h := r.Handle
			t.mu.Unlock()
			return h, true, nil
		}
		busy := r.busy
		t.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return protocol.PopHandle{}, false, ctx.Err()
		}
	}
}

// Give ends what [Table.Take] began: the receipt is kept on, or not.
func (t *Table) Give(group, text string, keep bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byKey[key{group, text}]
	if r == nil || r.busy == nil {
		return
	}
	close(r.busy)
	r.busy = nil
	if !keep {
		delete(t.byKey, key{group, text})
	}
}

// Len is how many are kept.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byKey)
}

// Work is a receipt to be renewed. Whoever has it calls [Table.Begin], and then [Table.Done]; or [Table.Drop].
type Work struct {
	Receipt Receipt
	For     time.Duration
	// Last says that it is the last renewal, since the message was kept for long enough; For is zero then: the group's retry policy says how long.
	Last bool
	key  key
	gone bool // the client is
}

// soon is when messages come into sight again whose client is gone.
const soon = time.Second

// Due returns what is to be renewed now, each once until it is done or dropped. offline says that the client is gone: then all receipts are, for a second, for the last time.
func (t *Table) Due(nowMillis int64, offline bool) []Work {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Work
	for k, r := range t.byKey {
		ends := r.Handle.PopTime + r.Handle.InvisibleTime
		w := Work{For: interval(r.renewals), key: k, gone: offline}
		switch {
		case r.busy != nil, r.queued && !offline:
			continue
		case offline:
			w.For, w.Last = soon, true
		case ends <= nowMillis: // too late: it is in sight already
			delete(t.byKey, k)
			continue
		case ends-nowMillis > Ahead.Milliseconds():
			continue
		case nowMillis-r.began >= Longest.Milliseconds():
			w.For, w.Last = 0, true
		}
		r.queued = true
		w.Receipt = *r
		out = append(out, w)
	}
	return out
}

// Begin begins a renewal, false if it is not wanted any more: then it has neither an end. Acknowledgements wait until it is done.
func (t *Table) Begin(w *Work, nowMillis int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byKey[w.key]
	if r == nil {
		return false
	}
	r.queued = false
	if r.busy != nil {
		return false
	}
	if !w.gone && r.Handle.PopTime+r.Handle.InvisibleTime <= nowMillis { // too late: it is in sight already
		delete(t.byKey, w.key)
		return false
	}
	r.busy = make(chan struct{})
	w.Receipt = *r
	return true
}

// Drop gives a renewal up that has not begun.
func (t *Table) Drop(w *Work) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.byKey[w.key]; r != nil {
		r.queued = false
	}
}

// Done says what became of a renewal: the new handle, or why there is none. hopeless says that another attempt makes no sense.
func (t *Table) Done(w Work, fresh protocol.PopHandle, err error, hopeless bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.byKey[w.key]
	if r == nil || r.busy == nil {
		return
	}
	close(r.busy)
	r.busy = nil
	if err == nil {
		r.Handle, r.failures = fresh, 0
		r.renewals++
	} else {
		r.failures++
	}
	if w.Last || err != nil && (hopeless || r.failures >= maxFailures) {
		delete(t.byKey, w.key)
	}
}
