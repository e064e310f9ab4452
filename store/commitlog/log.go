package commitlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/internal/directio"
	"github.com/aerobee-mq/aerobee/message"
)

// Log is an open commit log. See the package comment for who may call what.
type Log struct {
	opts Options

	mu         sync.Mutex
	open       *group   // gathers
	free       []*group // for reuse
	enc        encoder
	room       sync.Cond // mu's: pending has fallen
	pending    int64     // bytes that count against MaxPendingBytes, appended and not yet answered
	committing bool      // somebody owns the commit path
	closed     bool
	readonly   error // from SetWritable
	failed     error // set once, wraps ErrFailed

	// Owned by whoever holds committing.
	active     *segment
	at         message.LogOffset // where the next record goes
	lastTime   message.StoreTime
	checkpoint int64    // bytes of the newest segment's checkpoint
	dirty      extent   // bytes that a failed write may have left: zeroed before the next write; chunk unused
	aside      *group   // encodes checkpoints
	light      encoder  // of records with light queues, see number
	syncing    struct { // what the watchdog answers
		g          *group
		first, end int
	}

	blocks   blocks
	noDirect atomic.Bool // there is no direct I/O

	published atomic.Int64
	synced    atomic.Int64
	refused   atomic.Pointer[refusal]
	refusals  atomic.Int64

	zeros []byte // only read

	segs  segments
	tail  tail
	cold  cold
	pool  pool
	win   window
	watch watchdog

	noReserve, noFill bool // the background's: told once, tried again at each tick

	prep chan struct{} // held by whoever makes or drops a reserve segment
	wake chan struct{} // hands the commit path to the committer
	stop chan struct{}
	done sync.WaitGroup

	sideAsked chan chan struct{} // who wants a sync beside the commit path gives a channel to close when it has ended
}

// Open finds the log's end, lets the follower apply every record from ReplayFrom on, makes durable what is kept, zeroes
// what is behind it and returns a log that is ready to append. Errors name the file and the offset; those of damaged
// files wrap [ErrCorrupt], those of an unreachable ReplayFrom [ErrAhead].
func Open(opts Options) (*Log, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	l := newLog(opts)
	if err := l.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open commit log: %w", err), l.closeFiles())
	}
	l.start()
	return l, nil
}

func newLog(opts Options) *Log {
	l := &Log{opts: opts, zeros: directio.Buffer(fillStep), prep: make(chan struct{}, 1), wake: make(chan struct{}, 1), stop: make(chan struct{}), sideAsked: make(chan chan struct{})}
	l.room.L, l.enc.pool, l.light.pool = &l.mu, &l.pool, &l.pool
	l.blocks = blocks{log: l, plain: opts.Flush == AsyncFlush}
	l.tail = tail{limit: opts.TailBytes, pool: &l.pool}
	l.cold = cold{log: l, limit: opts.ColdBytes, blocks: make(map[message.LogOffset]*coldBlock)}
	l.open, l.aside = &group{}, &group{}
	l.win.init(opts.FillWindow)
	l.watch.init(opts.SyncTimeout, l.answerLate)
	return l
}

func (l *Log) start() {
	l.done.Go(l.runCommitter)
	l.done.Go(func() { l.watch.run(l.stop) })
	l.done.Go(l.runBackground)
}

// Close commits and syncs what was appended, stops the log's goroutines and closes its files. The error is that of the
// last sync, or the one that failed the log before. A second Close returns nil.
func (l *Log) Close() error {
	done, err := l.enqueue(func(message.LogOffset) error { return errors.Join(l.clean(), l.syncActive()) }, true)
	if errors.Is(err, ErrClosed) {
		return nil
	}
	err = <-done
	l.cold.close()
	close(l.stop)
	l.done.Wait()
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, s := range l.segs.close() {
		errs = append(errs, s.release())
	}
	return errors.Join(errs...)
}

// Start returns the offset of the oldest record kept.
func (l *Log) Start() message.LogOffset {
	l.segs.mu.RLock()
	defer l.segs.mu.RUnlock()
	return l.segs.list[0].base
}

// Published returns the offset behind the last record that readers may see.
func (l *Log) Published() message.LogOffset { return message.LogOffset(l.published.Load()) }

// Synced returns the offset behind the last record known to be durable. Under SyncFlush it is Published.
func (l *Log) Synced() message.LogOffset { return message.LogOffset(l.synced.Load()) }

// Err returns the error that failed the log, which wraps [ErrFailed], or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// SetWritable makes Append refuse with the reason, which an ErrFull wraps, until it is called with nil. AppendInternal passes.
func (l *Log) SetWritable(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readonly = reason
}

// Barrier runs fn on the committing goroutine between two groups, after everything appended before the call, and waits
// for it. applied is the offset behind everything published and applied.
func (l *Log) Barrier(fn func(applied message.LogOffset)) error {
	done, err := l.enqueue(func(at message.LogOffset) error { fn(at); return nil }, false)
	if err != nil {
		return err
	}
	return <-done
}

// Sync makes everything appended before the call durable. It returns early with the context's error. Under AsyncFlush
// commits go on meanwhile.
func (l *Log) Sync(ctx context.Context) error {
	var to message.LogOffset
	done, err := l.enqueue(func(applied message.LogOffset) error { to = applied; return nil }, false)
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err != nil || l.Synced() >= to {
		return err
	}
	asked := make(chan struct{})
	select {
	case l.sideAsked <- asked:
	case <-l.stop:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-asked:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := l.Err(); err != nil || l.Synced() >= to {
		return err
	}
	return fmt.Errorf("BUG: commit log is synced up to %d, asked was for %d", l.Synced(), to)
}

// enqueue puts fn behind the open group; the last call, from Close, closes the log in the same moment.
func (l *Log) enqueue(fn func(message.LogOffset) error, last bool) (<-chan error, error) {
	b := barrier{fn: fn, done: make(chan error, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.closed = last
	l.open.barriers = append(l.open.barriers, b)
	l.handOverLocked()
	return b.done, nil
}

// fail refuses everything from now on. The first cause stays.
func (l *Log) fail(what string, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: %s: %w; nothing is written until it is opened again", ErrFailed, what, cause)
		l.opts.Logger.Error("commit log stops: a sync failed", "what", what, "err", cause)
	}
	return l.failed
}
