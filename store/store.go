package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/lock"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/projection/transaction"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
	"github.com/aerobee-mq/aerobee/store/traffic"
	"github.com/aerobee-mq/aerobee/store/trouble"
)

// Store is an open store directory.
type Store struct {
	opt      Options
	times    timer.Times // never changes
	fs       vfs.FS
	unlock   io.Closer
	imported Import
	adopted  *adoption             // what is known of Apache in this directory; nil if it is none of our business
	passOver map[message.Queue]int // how many records of a queue to pass over in the replay
	opened   time.Time             // the real time, see passed
	troubles trouble.Counts
	traffic  traffic.Counts
	homeless bool // the cache is in memory, since the disk was full

	log    *commitlog.Log
	ix     *index.Index
	cache  *cutdb.DB
	state  *queueState // the queue of the state records
	rePuts *rePuts

	// turn is held by who writes a durable change, across its wait: one at a time.
	turn chan struct{}

	mu       sync.RWMutex // guards the machines and the names of the queues, down to dirty
	names    name.Table
	topics   topic.Table
	groups   group.Table
	offsets  offset.Table
	pending  offset.Pending
	locks    lock.Table
	timers   timer.Table
	halves   transaction.Table
	pops     pop.Table
	users    user.Table
	byName   map[string]*topicState
	queues   []*queueState          // all of them, in the order in which they were made
	reserved map[nameKey]uint32     // ids on their way to the log
	promised map[string]*topicState // light queues whose names are on their way to the log, see light.go
	// promisedID is the highest id that one of them was given; lights counts those that have theirs and something in them.
	promisedID uint32
	lights     int
	dirty      [state.Limit]bool // what has changed since the last cut

	// What only the committing goroutine touches, and Open before there is one.
	applied, prev message.LogOffset // behind the last applied record, and where that one begins
	cutWanted     message.LogOffset // the last time that wantCut asked
	newest        message.StoreTime // of the last message of the group that is being applied
	serving       bool
	topicsChanged bool
	queuesDirty   bool
	applyErr      error
	uncut         bool // messages are refused because too much waits for a cut
	checkpointing bool // a segment's checkpoint is being applied
	orphans       int  // replayed messages of topics that the log does not name
	arrivals      []Arrival
	keys          []uint64

	reserves     reserves // the keeper's, as the next two
	clock        trouble.Clock
	unfinished   *cut           // a cut that failed half way
	spare        []state.Bounds // memory for the next cut, which begins when the keeper has finished the last one
	cutAt        atomic.Int64   // LogOffset of the last cut that is on the disk
	lastTime     atomic.Int64   // StoreTime of the newest message
	full         atomic.Pointer[FullError]
	topicChanges atomic.Uint64 // see TopicChanges
	asked        atomic.Bool
	rules        atomic.Pointer[Retention] // as SetRetention has left them, see keeps
	closed       atomic.Bool
	scans        sync.Pool // of *scan

	cutDue, retainDue, timerWake, popWake chan struct{}
	exporting                             bool // no loop runs any more, see exportPops
	damaged                               chan index.DamageError
	cutAsked                              chan chan error
	stop                                  context.CancelFunc
	loops                                 sync.WaitGroup
}

// Open opens a store directory, or makes it. Errors name the directory or the file, and the rule that refuses it.
func Open(o Options) (*Store, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	unlock, err := directory.Lock(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	s, err := openLocked(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), unlock.Close())
	}
	s.unlock = unlock
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{
		opt: o, times: timer.Times{Levels: o.DelayLevels, Precision: o.TimerPrecision.Milliseconds()}, fs: o.FS, opened: time.Now(),
		turn: make(chan struct{}, 1), byName: make(map[string]*topicState), reserved: make(map[nameKey]uint32),
		cutAsked: make(chan chan error), damaged: make(chan index.DamageError, 1),
		cutDue: make(chan struct{}, 1), retainDue: make(chan struct{}, 1), timerWake: make(chan struct{}, 1), popWake: make(chan struct{}, 1),
	}
	s.state = newQueueState(&topicState{name: message.TopicState}, 0, 0)
	s.rePuts = &rePuts{s}
	return s
}

// start begins to serve: every goroutine of the store.
func (s *Store) start() error {
	if err := s.noteTime(); err != nil {
		return err
	}
	err := s.log.Barrier(func(message.LogOffset) {
		s.serving, s.checkpointing = true, false
		s.traffic.Reset() // what was replayed counted when it was new
		s.wantCut()
	})
	if err != nil {
		return err
	}
	if err := s.nameWheel(); err != nil {
		return err
	}
	s.mu.Lock()
	s.locks.Restore(s.steadyMillis())
	s.pops.Recovered(s.nowMillis())
	if s.lastTime.Load() > s.nowMillis()+clockSlack { // the clock went back while the store was closed
		s.halves.Rewind(s.nowMillis(), s.opt.HalfImmunity.Milliseconds())
	}
	s.mu.Unlock()
	s.noteRest()
	s.lookAtDisk()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.loops.Go(func() { s.keeperLoop(ctx) })
	s.loops.Go(func() { s.offsetLoop(ctx) })
	s.loops.Go(func() { s.timerLoop(ctx) })
	s.loops.Go(func() { s.popLoop(ctx) })
	return nil
}

// noteTime notes when the log's last record was stored, which replay has not seen if the last cut covers it.
func (s *Store) noteTime() error {
	return s.log.Scan(s.prev, s.applied, func(rec []byte) error {
		r, err := message.ParseRecord(rec)
		s.lastTime.Store(max(s.lastTime.Load(), int64(r.StoreTime)))
		return err
	})
}

// Close writes what is pending, makes a last cut and lets the directory go. After an error the next Open recovers as
// from a crash. A second Close returns nil.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.stop()
	s.loops.Wait()
	s.flushOffsets()
	err := s.lastCut()
	tables, tablesErr := s.tables()
	err = errors.Join(err, tablesErr, s.log.Close())
	end := s.log.Published()
	failed := s.cache.Err()
	err = errors.Join(err, s.closeDerived())
	if failed != nil {
		err = errors.Join(err, failed, s.fs.RemoveAll(s.path(directory.CacheDir)))
	}
	if err == nil && s.adopted != nil {
		err = s.adopted.closed(s, tables, end)
	}
	if err == nil {
		err = directory.MarkClean(s.fs, s.opt.Dir, end)
	}
	if err = errors.Join(err, s.unlock.Close()); err != nil {
		return fmt.Errorf("close store %s: %w", s.opt.Dir, err)
	}
	return nil
}

// lastCut spares the next start its replay. A disk that is too full for it does not make the stop an unclean one.
func (s *Store) lastCut() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opt.SyncTimeout)
	defer cancel()
	err := s.makeCut(ctx)
	var full *FullError
	if errors.As(err, &full) || errors.Is(err, cutdb.ErrFlush) {
		s.opt.Logger.Warn("the last cut is left out; the next start replays the log instead", "error", err)
		return nil
	}
	return err
}

func (s *Store) closeDerived() error { return errors.Join(s.ix.Close(), s.cache.Close()) }

func (s *Store) path(name string) string { return s.fs.PathJoin(s.opt.Dir, name) }

func (s *Store) nowMillis() int64 { return s.opt.Now().UnixMilli() }
