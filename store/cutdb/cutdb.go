// Package cutdb opens the Pebble database that holds the last cut, so that no trouble with it can end or block the process.
//
// The store owns the one [DB]; its keeper alone calls [DB.Commit]. Everything else is safe to call at once.
//
// The database is disposable. Its keys:
//
//	'm'                          what the cut covers: uvarint format version, uvarint applied log offset, uvarint offset
//	                             of the record that ends there
//	's' kind u8, number u32      changes of one kind, as in a state record's body, that rebuild a part of the state
//	'b'                          where the log begins: uvarint log offset
//	'i' …                        the directory of package index
//
// It runs without a write-ahead log. A cut is one batch, and one batch is atomic all the same: Pebble puts a batch whole
// into one memtable (a batch larger than a memtable becomes one of its own), a memtable reaches the disk in one flush,
// and a flush becomes part of the database with one edit of its manifest. So the key 'm' and all that it speaks of are
// there together or not at all; after a crash the database is the one of some earlier, complete cut.
package cutdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// memory is the size in bytes of the block cache and of a memtable.
const memory = 1 << 20

// DB is an open database without a write-ahead log.
type DB struct {
	*pebble.DB
	logger  *logger
	flushed <-chan struct{} // the committer's: a flush that has not ended yet
}

// Open opens the database, or makes it. What it meets later is told to log.
func Open(fs vfs.FS, dir string, log *slog.Logger) (*DB, error) {
	blocks := pebble.NewCache(memory)
	defer blocks.Unref()
	l := &logger{log: log, failed: make(chan error, 1)}
	db, err := pebble.Open(dir, &pebble.Options{
		FS: gate{fs, &l.shut}, Cache: blocks, Logger: l, DisableWAL: true,
		MemTableSize: memory, MemTableStopWritesThreshold: 4, MaxOpenFiles: 64,
		FormatMajorVersion:         pebble.FormatNewest,
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 1 },
		EventListener:              &pebble.EventListener{BackgroundError: l.background},
	})
	if err != nil {
		return nil, fmt.Errorf("open cache %s: %w", dir, err)
	}
	return &DB{DB: db, logger: l}, nil
}

// Err reports that Pebble met what it calls fatal: no further cut may rely on the database.
func (c *DB) Err() error {
	if msg := c.logger.fatal.Load(); msg != nil {
		return fmt.Errorf("the cache has failed: %s", *msg)
	}
	return nil
}

// ErrFlush reports that an earlier batch has not reached the disk yet.
var ErrFlush = errors.New("the cache could not be flushed; it goes on trying")

// Commit makes a batch durable. When Pebble cannot write it, Commit returns and Pebble goes on trying; until it has
// succeeded no further batch is taken, since batches that wait fill its memory and would block at last.
func (c *DB) Commit(ctx context.Context, b *pebble.Batch) error {
	if err := c.ready(); err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	return c.flush(ctx)
}

// ready reports whether the last flush has ended, and forgets older errors.
func (c *DB) ready() error {
	if err := c.Err(); err != nil {
		return err
	}
	if c.flushed != nil {
		select {
		case <-c.flushed:
			c.flushed = nil
		default:
			return ErrFlush
		}
	}
	select {
	case <-c.logger.failed: // of a compaction, or of a flush that has succeeded since
	default:
	}
	return nil
}

// Flush makes durable what was committed without a sync, as Commit does, and as little at the same time as that. Pebble's own Flush does
// not return while it cannot write.
func (c *DB) Flush() error {
	if err := c.ready(); err != nil {
		return err
	}
	return c.flush(context.Background())
}

func (c *DB) flush(ctx context.Context) error {
	flushed, err := c.AsyncFlush()
	if err != nil {
		return err
	}
	c.flushed = flushed
	select {
	case <-flushed:
		c.flushed = nil
		return c.Err()
	case err := <-c.logger.failed:
		return fmt.Errorf("%w: %w", ErrFlush, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// logger hands Pebble's words on. Pebble's own logger ends the process when it meets something fatal, such as a
// full disk under its manifest; this one notes it, and the store makes no further cut until it is opened again.
type logger struct {
	log    *slog.Logger
	fatal  atomic.Pointer[string]
	shut   atomic.Bool // nothing is written any more, see gate
	failed chan error  // the newest error of a flush or compaction
}

// retryPause slows Pebble down, which retries a failed flush or compaction at once and for ever.
const retryPause = 100 * time.Millisecond

// background takes the error of a flush or a compaction, which Pebble will try again.
func (l *logger) background(err error) {
	if !l.shut.Load() {
		l.log.Warn("the cache cannot write to the disk; it tries again", "error", err)
	}
	select {
	case l.failed <- err:
	default:
	}
	time.Sleep(retryPause)
}

// Infof drops what Pebble tells of its daily work.
func (l *logger) Infof(string, ...any) {}

// Errorf logs an error.
func (l *logger) Errorf(format string, args ...any) {
	l.log.Warn("cache", "error", fmt.Sprintf(format, args...))
}

// Fatalf logs an error and marks the cache as failed.
func (l *logger) Fatalf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	l.shut.Store(true)
	if l.fatal.CompareAndSwap(nil, &msg) {
		l.log.Error("the cache has failed; the store goes on without further cuts", "error", msg)
	}
}
