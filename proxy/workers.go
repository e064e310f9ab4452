package proxy

import "sync"

const (
	// maxWorkers bounds what is done at once for receipts, maxPerBroker what of it one broker is asked: one that is gone holds up nobody else's.
	maxWorkers   = 32
	maxPerBroker = 4
)

// workers do what is due for receipts. A worker ends when there is nothing for it to do.
type workers struct {
	mu      sync.Mutex          // guards what follows
	waiting map[string][]func() // by broker
	running map[string]int      // by broker
	n       int
	wg      sync.WaitGroup
}

// add has something done that asks a broker, in the order in which it is added.
func (w *workers) add(broker string, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting, w.running = map[string][]func(){}, map[string]int{}
	}
	w.waiting[broker] = append(w.waiting[broker], do)
	if w.n < maxWorkers && w.running[broker] < maxPerBroker {
		w.n++
		w.wg.Go(w.work)
	}
}

func (w *workers) work() {
	for {
		broker, do := w.next()
		if do == nil {
			return
		}
		do()
		w.mu.Lock()
		if w.running[broker]--; w.running[broker] == 0 {
			delete(w.running, broker)
		}
		w.mu.Unlock()
	}
}

// next is something to do for a broker that is not asked too much, nil if there is none; then the worker ends.
func (w *workers) next() (string, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for broker, all := range w.waiting { // at random, so each has its turn
		if w.running[broker] >= maxPerBroker {
			continue
		}
		w.running[broker]++
		if len(all) == 1 {
			delete(w.waiting, broker)
		} else {
			w.waiting[broker] = all[1:]
		}
		return broker, all[0]
	}
	w.n--
	return "", nil
}
