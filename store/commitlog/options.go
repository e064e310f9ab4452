package commitlog

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// FlushMode says when a record is published.
type FlushMode int

const (
	// SyncFlush publishes and answers after the sync.
	SyncFlush FlushMode = iota
	// AsyncFlush publishes and answers when written, and syncs every AsyncInterval.
	AsyncFlush
)

// Options configures a log. FS and Dir are required; a zero elsewhere takes the default.
type Options struct {
	FS  vfs.FS
	Dir string // holds nothing but segments; made if missing

	SegmentSize int64 // bytes of a new segment file, default 1 GiB; existing segments keep their own
	Flush       FlushMode
	SyncTimeout time.Duration // a slower sync answers ErrFlushTimeout, default 5 s

	AsyncInterval   time.Duration // time between two syncs under AsyncFlush, default 500 ms
	MaxPendingBytes int64         // record bytes that may wait for the disk, default 32 MiB
	FillWindow      int64         // bytes zero-filled ahead of the writer, default 64 MiB (none under AsyncFlush), negative for none
	TailBytes       int64         // recent bytes kept in memory for reads, default 16 MiB, negative for none
	ColdBytes       int64         // memory for reads far behind the log's end, used while they last; default 32 MiB, negative for none

	// Buffered makes SyncFlush write through the page cache, and cold reads come from it, where the file system could do
	// without: what consumers read from the last minutes then lies in memory that the system has to spare.
	Buffered bool

	// ReplayFrom is the first record to replay: the offset up to which the follower's state is already persisted and
	// therefore synced. An offset before the first segment, such as 0, means the first segment's beginning.
	ReplayFrom message.LogOffset
	// ReplayPrev, if not 0, is the offset of the record that ends at ReplayFrom; Open checks it, see ErrAhead.
	ReplayPrev message.LogOffset
	// CleanEnd, if not 0, is Published() after a Close that returned nil. A log that now ends before it is corrupt. A
	// log that ends elsewhere, or whose end is not known, was stopped uncleanly: the bytes that may be in the page cache
	// alone are written and synced again, and everything behind the end is zeroed.
	CleanEnd message.LogOffset
	// Foreign marks a log that another broker wrote: gaps in queue offsets and records without property CRC are allowed.
	Foreign bool

	StoreHost netip.AddrPort // for records without a store host
	Now       func() time.Time
	Logger    *slog.Logger
	Follower  Follower // may be nil: then nothing is applied and no queue is checked
}

const (
	defaultSegmentSize = 1 << 30
	minSegmentSize     = 1024
)

func orDefault[T int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

func (o Options) withDefaults() Options {
	o.SegmentSize = orDefault(o.SegmentSize, defaultSegmentSize)
	o.SyncTimeout = orDefault(o.SyncTimeout, 5*time.Second)
	o.AsyncInterval = orDefault(o.AsyncInterval, 500*time.Millisecond)
	o.MaxPendingBytes = orDefault(o.MaxPendingBytes, 32<<20)
	if o.Flush == SyncFlush { // it makes syncs cheaper, but each byte is written twice
		o.FillWindow = orDefault(o.FillWindow, 64<<20)
	}
	o.FillWindow = int64(roundUp(int(max(0, o.FillWindow))))
	o.TailBytes = max(0, orDefault(o.TailBytes, 16<<20))
	o.ColdBytes = max(0, orDefault(o.ColdBytes, 32<<20))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.FS == nil:
		return fmt.Errorf("commit log: no file system given")
	case o.Dir == "":
		return fmt.Errorf("commit log: no directory given")
	case o.SegmentSize < minSegmentSize:
		return fmt.Errorf("commit log: segment size is %d bytes, the smallest is %d", o.SegmentSize, minSegmentSize)
	case o.SegmentSize > 1<<31-1:
		return fmt.Errorf("commit log: segment size is %d bytes, the format's largest is %d", o.SegmentSize, 1<<31-1)
	case o.SyncTimeout < 0 || o.AsyncInterval < 0:
		return fmt.Errorf("commit log: sync timeout %v and interval %v must not be negative", o.SyncTimeout, o.AsyncInterval)
	}
	return nil
}
