package commitlog

import (
	"sync/atomic"
	"time"
)

// watchdog answers the records of a sync that takes too long. It sleeps while nothing is synced, and arming it costs
// the committer one atomic store: a timer that is set and stopped for each sync would wake the poller each time.
type watchdog struct {
	timeout time.Duration
	epoch   time.Time
	began   atomic.Int64 // when the running sync began, ns since epoch; 0 none; -1 taken by the watchdog
	armed   atomic.Bool
	arm     chan struct{}
	late    func()        // answers the running sync's records; fixed at init
	done    chan struct{} // late has returned
}

func (w *watchdog) init(timeout time.Duration, late func()) {
	w.timeout, w.epoch, w.late = timeout, time.Now(), late
	w.arm, w.done = make(chan struct{}, 1), make(chan struct{}, 1)
}

func (w *watchdog) now() int64 { return int64(time.Since(w.epoch)) + 1 }

// begin starts the watch over one sync. late runs at most once, on the watchdog's goroutine, before end returns.
func (w *watchdog) begin() {
	w.began.Store(w.now())
	if !w.armed.Load() && w.armed.CompareAndSwap(false, true) {
		w.arm <- struct{}{}
	}
}

// end stops the watch and reports whether late has run.
func (w *watchdog) end() (late bool) {
	if began := w.began.Load(); began > 0 && w.began.CompareAndSwap(began, 0) {
		return false
	}
	<-w.done
	w.began.Store(0)
	return true
}

func (w *watchdog) run(stop <-chan struct{}) {
	timer := time.NewTimer(w.timeout)
	timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-w.arm:
		}
		for wait := w.timeout; wait > 0; wait = w.check() {
			timer.Reset(wait)
			select {
			case <-stop:
				timer.Stop()
				return
			case <-timer.C:
			}
		}
	}
}

// check answers an overdue sync and returns when to look again, 0 for when armed again.
func (w *watchdog) check() time.Duration {
	began := w.began.Load()
	if began > 0 {
		if rest := w.timeout - time.Duration(w.now()-began); rest > 0 {
			return rest
		}
		if w.began.CompareAndSwap(began, -1) {
			w.late()
			w.done <- struct{}{}
		}
		return w.timeout
	}
	w.armed.Store(false)
	if w.began.Load() > 0 && w.armed.CompareAndSwap(false, true) {
		return w.timeout
	}
	return 0
}
