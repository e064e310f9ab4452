package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// producer is what the senders use of a [client.Producer].
type producer interface {
	Send(ctx context.Context, m *client.Message, opts ...client.SendOption) (client.SendResult, error)
	SendAsync(ctx context.Context, m *client.Message, done func(client.SendResult, error), opts ...client.SendOption) error
	SendOneWay(ctx context.Context, m *client.Message, opts ...client.SendOption) error
	SendBatch(ctx context.Context, ms []*client.Message, opts ...client.SendOption) ([]client.SendResult, error)
}

// failurePause is how long a sender rests after a failure, so that a server that is gone is not asked in a tight loop.
const failurePause = 10 * time.Millisecond

// sending is what all senders of a run share.
type sending struct {
	run       *run
	load      load
	acked     *tally // nil: nobody asks what was acknowledged
	stamped   bool
	recorders recorders // of the workers
}

// worker sends over one producer and keeps its own record.
type worker struct {
	*sending
	to       producer
	recorder *recorder
	schedule schedule
	keys     [][]string
	turn     int // of the keys
	requests int // how many there have been, for the topics' turn
}

// work sends until the run is over.
func (w *worker) work(ctx context.Context) {
	if w.run.Window > 0 {
		w.pipelining(ctx, w.run.Window)
	} else {
		w.waiting(ctx)
	}
	w.recorder.left(w.schedule.behind(w.run.span.until))
}

// next claims the worker's next messages and waits for their time. n is 0 when the run is over.
func (w *worker) next(ctx context.Context, now time.Duration, want int) (intended time.Duration, n int) {
	intended = w.schedule.next(now, want)
	if n = w.run.take(intended, max(now, intended), want); n == 0 {
		w.schedule.sent -= int64(want)
		return 0, 0
	}
	if intended > now && waitUntil(ctx, w.run.clock, intended) != nil {
		return 0, 0
	}
	return intended, n
}

// nextTopic is the topic of the worker's next request.
func (w *worker) nextTopic() string {
	topics := w.load.topics
	w.requests++
	return topics[(w.requests-1)%len(topics)]
}

// prepare gives a message its topic, its key and its stamp.
func (w *worker) prepare(m *client.Message, topic string, intended time.Duration) {
	m.Topic = topic
	if w.keys != nil {
		m.Keys = w.keys[w.turn%len(w.keys)]
		w.turn++
	}
	if w.stamped {
		putStamp(m.Body, w.run.number, intended)
	}
}

// finish records the end of n messages that were sent together and returns the time.
func (w *worker) finish(intended time.Duration, n int, err error) time.Duration {
	now := w.run.clock.now()
	if err != nil {
		w.recorder.fail(err, n)
		return now
	}
	w.recorder.succeeded(intended, now, n, intended >= w.run.span.from)
	return now
}

// waiting sends one request after the other, each when the answer to the one before is there.
func (w *worker) waiting(ctx context.Context) {
	batch := make([]*client.Message, w.run.Batch)
	for i := range batch {
		m := w.load.message(w.stamped)
		batch[i] = &m
	}
	now := w.run.clock.now()
	for {
		intended, n := w.next(ctx, now, len(batch))
		if n == 0 {
			return
		}
		topic := w.nextTopic()
		for _, m := range batch[:n] {
			w.prepare(m, topic, intended)
		}
		err := w.request(batch[:n])
		now = w.finish(intended, n, err)
		if err != nil {
			w.run.clock.sleep(failurePause)
		}
	}
}

// request sends the messages as the run wants it and waits for the answer, if there is one.
func (w *worker) request(batch []*client.Message) error {
	ctx := context.Background() // the producer's own timeout bounds it
	switch {
	case w.run.OneWay:
		return w.to.SendOneWay(ctx, batch[0])
	case len(batch) > 1 || w.run.Batch > 1:
		results, err := w.to.SendBatch(ctx, batch)
		if w.acked != nil {
			for i := range results {
				w.acked.add(&results[i].Queue, int64(results[i].Offset), 1)
			}
		}
		return err
	default:
		result, err := w.to.Send(ctx, batch[0])
		if err == nil && w.acked != nil {
			w.acked.add(&result.Queue, int64(result.Offset), 1)
		}
		return err
	}
}

// slot is one message in flight of a worker that does not wait.
type slot struct {
	message  client.Message
	intended time.Duration
	failed   bool // the message before, so rest before the next
	done     func(client.SendResult, error)
}

// window keeps a number of messages in flight on one connection. As fast as it goes, the callback of one message sends the
// next, on the goroutine that received the answer: no other has to be woken. At a rate, and after a failure, the
// worker's own goroutine sends.
type window struct {
	*worker
	idle    chan *slot // slots whose next message the worker's goroutine sends
	retired sync.WaitGroup
	mu      sync.Mutex // guards the worker's schedule and keys where callbacks use them
}

// pipelining sends with up to size messages in flight, until the run is over and all are answered.
func (w *worker) pipelining(ctx context.Context, size int) {
	v := &window{worker: w, idle: make(chan *slot, size)}
	v.retired.Add(size)
	for range size {
		s := &slot{message: w.load.message(w.stamped)}
		s.done = func(r client.SendResult, err error) { v.answered(ctx, s, r, err) }
		v.idle <- s
	}
	all := make(chan struct{})
	go func() {
		v.retired.Wait()
		close(all)
	}()
	for {
		select {
		case s := <-v.idle:
			if s.failed {
				w.run.clock.sleep(failurePause)
			}
			v.start(ctx, s, w.run.clock.now())
		case <-all:
			return
		}
	}
}

// start sends the slot's next message, or retires the slot when the run is over.
func (v *window) start(ctx context.Context, s *slot, now time.Duration) {
	v.mu.Lock()
	intended, n := v.next(ctx, now, 1)
	if n > 0 {
		v.prepare(&s.message, v.nextTopic(), intended)
	}
	v.mu.Unlock()
	if n == 0 {
		v.retired.Done()
		return
	}
	s.intended = intended
	if err := v.to.SendAsync(context.Background(), &s.message, s.done); err != nil {
		v.finish(intended, 1, err)
		s.failed = true
		v.idle <- s // never blocks: it has room for all slots
	}
}

// answered is the callback of a slot's message.
func (v *window) answered(ctx context.Context, s *slot, r client.SendResult, err error) {
	if err == nil && v.acked != nil {
		v.acked.add(&r.Queue, int64(r.Offset), 1)
	}
	now := v.finish(s.intended, 1, err)
	s.failed = err != nil
	if s.failed || v.run.Rate > 0 {
		v.idle <- s
		return
	}
	v.start(ctx, s, now)
}

// workers makes the run's senders: producers[i%len(producers)] is the i-th one's.
func (s *sending) workers(producers []producer) []func(context.Context) {
	r := s.run
	n := r.Threads
	if r.Window > 0 {
		n = len(producers)
	}
	all := make([]func(context.Context), n)
	for i := range all {
		w := &worker{sending: s, to: producers[i%len(producers)], recorder: s.recorders.of(i), keys: s.load.ring(i), requests: i,
			schedule: schedule{rate: r.Rate, begin: r.span.begin, worker: int64(i), workers: int64(n)}}
		all[i] = w.work
	}
	return all
}

// parallel is how many things of one kind are prepared, or undone, at once.
const parallel = 16

// each calls fn for 0 to n-1, some at once, and returns the first error, behind which it begins no more.
func each(n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	var first atomic.Pointer[error]
	for range min(n, parallel) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && first.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := fn(i); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// together runs all functions at once and waits for them.
func together(ctx context.Context, all []func(context.Context)) {
	var wg sync.WaitGroup
	for _, fn := range all {
		wg.Go(func() { fn(ctx) })
	}
	wg.Wait()
}

// producers makes one producer for each connection and sends a first message over each to each topic, so that wrong
// addresses and refusals are found out before the run, and the run finds connections and routes ready.
func (r *run) producers(ctx context.Context) ([]producer, error) {
	out, body := make([]producer, r.Connections), newBody(r.Size, r.Random, r.Seed)
	for i := range out {
		p, err := r.clients[i].NewProducer(client.ProducerConfig{Group: r.Group, SendTimeout: r.Timeout, MaxPendingBytes: r.pendingBytes(), CompressOver: r.CompressOver})
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, each(len(out)*len(r.topics), func(i int) error {
		m := &client.Message{Topic: r.topics[i/len(out)], Body: body, Tag: r.Tag}
		if _, err := out[i%len(out)].Send(ctx, m); err != nil {
			return fmt.Errorf("the first message: %w", err)
		}
		return nil
	})
}

// pendingBytes lets everything that the run wants in flight be so: what waits in the client itself would count as the
// server's latency.
func (r *run) pendingBytes() int64 {
	const head = 1024 // of a message beside its body, generously
	requests := max(r.Window, r.Threads)
	return max(64<<20, 2*int64(requests)*int64(r.Batch)*int64(r.Size+head))
}

// send is the mode of that name.
func (r *run) send(ctx context.Context) (*Result, error) {
	producers, err := r.producers(ctx)
	if err != nil {
		return nil, err
	}
	s := &sending{run: r, load: newLoad(&r.Config, r.topics)}
	r.start()
	all := s.workers(producers)
	r.counted = s.recorders
	err = r.observe(ctx, func(ctx context.Context) error {
		together(ctx, all)
		return nil
	})
	if err != nil {
		return nil, err
	}
	sum := merge(s.recorders)
	result := sum.result(r.span.from)
	if !r.OneWay {
		result.Latency = latencyOf(sum.latency)
	}
	return result, nil
}

// result begins a result with what was counted since the beginning of the measured span.
func (s *summary) result(from time.Duration) *Result {
	return &Result{Seconds: max(0, s.last-from).Seconds(), Messages: s.measured, Errors: s.kinds, Failed: s.failed, Unsent: s.unsent}
}
