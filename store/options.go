package store

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/memfs"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/retention"
)

// Options says where a store lies and how it behaves. The zero value of every field but FS and Dir means its default.
type Options struct {
	// FS is the file system; nil means the real disk, or a new memory file system when Memory is set.
	FS vfs.FS
	// Dir is the store's directory; it is made if missing.
	Dir string
	// CommitLogDir is where the log's segments lie, as an absolute path; "" for commitlog in Dir. It is settled when the
	// store is made.
	CommitLogDir string
	// Memory keeps everything in memory: small segments, no sync.
	Memory bool
	// SegmentSize is the size of a commit log segment in bytes: 1 GiB, in memory 16 MiB.
	SegmentSize int64
	// Flush says whether a message is on disk before it is acknowledged; the zero value is commitlog.SyncFlush.
	Flush commitlog.FlushMode
	// SyncTimeout is how long an acknowledgement waits for the disk: 5 s.
	SyncTimeout time.Duration
	// Buffered lets the log's writes and cold reads under commitlog.SyncFlush go through the page cache.
	Buffered bool
	// StoreHost is the advertised address that is written into every record and message id.
	StoreHost netip.AddrPort
	// MaxPendingBytes bounds the bytes of records that wait for the disk; beyond it a Put is refused as busy. 64 MiB.
	MaxPendingBytes int64
	// MemoryLimit is the store's memory budget in bytes; half of it, at most 64 MiB, keeps recent records for reads, and a
	// quarter, at most 32 MiB, serves who reads far behind the log's end, while somebody does.
	MemoryLimit int64
	// Retention says when old segments go.
	Retention Retention
	// HalfImmunity is how long after its storing nobody is asked about a half message that does not say so itself: 6 s.
	HalfImmunity time.Duration
	// DelayLevels are the delays of the levels 1, 2, …; Apache's 18 levels from 1 s to 2 h.
	DelayLevels []time.Duration
	// TimerPrecision is the step to which the times of timer messages are rounded, see timer.Times: 1 ms.
	TimerPrecision time.Duration
	// CutBytes and CutEntries bound what a restart has to replay: after so many bytes of log (64 MiB; 8 times as many while many queues
	// hold little each) or index entries (500,000) the index head is written as a block and the projections are snapshotted.
	CutBytes   int64
	CutEntries int
	// RetryTopicV2 names the topics of popped messages that come again %RETRY%group+topic instead of %RETRY%group_topic.
	RetryTopicV2 bool
	// MaxLights bounds the light queues: 200,000. NoLights lets messages stand in their own queue alone, whatever light queues they name.
	MaxLights int
	NoLights  bool
	// NoKeyIndex leaves keys out of the index: Query finds nothing that was stored while it is set.
	NoKeyIndex bool
	// OffsetInterval is how long a consumer offset may not be durable: 1 s, which is also the maximum. Under ASYNC_FLUSH
	// offsets are gathered for half of it, and the log is synced twice in it.
	OffsetInterval time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
	// OnArrive is told of every message that has become visible, once per commit group, on the committing goroutine. It
	// must not block; the slice and the records in it are valid until it returns.
	OnArrive func([]Arrival)
	// TellWaiting has OnArrive be told, too, of messages that wait for their time or for their transaction's end.
	TellWaiting bool
	// OnTopics is called on the committing goroutine after a change of topics has been applied. It must not block and
	// must not call back into the store.
	OnTopics func()
	// Import, if set, is asked once at Open whether the directory's log was written by somebody else, before anything
	// is replayed. See [Import]. By default Open looks for itself, and takes over what Apache RocketMQ has left.
	Import func(fs vfs.FS, dir string) (Import, error)
}

// Import is what is known of a log that another broker wrote, in whole or in its beginning. The zero value means an
// Aerobee log. As long as such records are in the log, every Open needs to be told.
type Import struct {
	// Foreign says that there are records of another broker: they need no property CRC, queue offsets may have gaps,
	// topics begin with their first message, and whole segments have no checkpoint.
	Foreign bool
	// Delivered reports whether a delayed message of SCHEDULE_TOPIC_XXXX that another broker wrote had been delivered
	// already, by its queue (level - 1) and queue offset; nil means that none had.
	Delivered func(message.QueueID, message.QueueOffset) bool
	// After, if not nil, is called with the replayed store before its loops start: to put what stood in files.
	After func(*Store) error

	until       message.LogOffset // the other broker's records lie before
	prepare     func(s *Store, from message.LogOffset) error
	segmentSize int64 // of the other broker's log, which goes on
}

// Retention says when old segments of the log are deleted.
type Retention = retention.Rules

// FullError refuses a Put because the disk is too full. Reads go on; the store takes messages again once there is room.
type FullError = retention.FullError

// ErrNoTopic reports a message, or a question, for a topic that does not exist.
var ErrNoTopic = errors.New("topic does not exist")

const (
	defaultSegmentSize = 1 << 30
	memorySegmentSize  = 16 << 20
	memoryRetention    = 256 << 20
	maxTailBytes       = 64 << 20
	maxColdBytes       = 32 << 20
)

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
		if o.Memory {
			o.FS = memfs.New()
		}
	}
	if o.Memory {
		o.Flush = commitlog.AsyncFlush
		o.SegmentSize = orDefault(o.SegmentSize, memorySegmentSize)
		o.Retention.Size = orDefault(o.Retention.Size, memoryRetention)
		o.Dir = orDefault(o.Dir, "aerobee-memory")
	}
	o.SegmentSize = orDefault(o.SegmentSize, defaultSegmentSize)
	o.SyncTimeout = orDefault(o.SyncTimeout, 5*time.Second)
	o.MaxPendingBytes = orDefault(o.MaxPendingBytes, 64<<20)
	o.MemoryLimit = orDefault(o.MemoryLimit, 64<<20)
	o.CutBytes = orDefault(o.CutBytes, 64<<20)
	o.CutEntries = orDefault(o.CutEntries, 500_000)
	o.OffsetInterval = orDefault(o.OffsetInterval, time.Second)
	o.MaxLights = orDefault(o.MaxLights, 200_000)
	o.HalfImmunity = orDefault(o.HalfImmunity, 6*time.Second)
	if o.DelayLevels == nil {
		o.DelayLevels = defaultDelayLevels()
	}
	o.TimerPrecision = orDefault(o.TimerPrecision, time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Retention = o.Retention.WithDefaults()
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return errors.New("store options: Dir is empty")
	case o.SegmentSize < minSegmentSize:
		return fmt.Errorf("store options: SegmentSize is %d bytes, the smallest is %d", o.SegmentSize, minSegmentSize)
	case o.OffsetInterval > time.Second || o.OffsetInterval < 0:
		return fmt.Errorf("store options: OffsetInterval is %s, the limit is 1s", o.OffsetInterval)
	case len(o.DelayLevels) == 0 || len(o.DelayLevels) > maxDelayLevels:
		return fmt.Errorf("store options: %d delay levels, there must be 1 to %d", len(o.DelayLevels), maxDelayLevels)
	case o.TimerPrecision < time.Millisecond || o.TimerPrecision%time.Millisecond != 0:
		return fmt.Errorf("store options: TimerPrecision is %s, it must be whole milliseconds", o.TimerPrecision)
	}
	if err := o.Retention.Validate(); err != nil {
		return fmt.Errorf("store options: %w", err)
	}
	return nil
}

const (
	// minSegmentSize leaves room for a checkpoint record of full size and one more record.
	minSegmentSize = 64 << 10
	maxDelayLevels = 128
)

func defaultDelayLevels() []time.Duration {
	return []time.Duration{
		1 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		1 * time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 6 * time.Minute,
		7 * time.Minute, 8 * time.Minute, 9 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		1 * time.Hour, 2 * time.Hour,
	}
}

func (o *Options) offsetEvery() time.Duration {
	if o.Flush == commitlog.AsyncFlush {
		return o.OffsetInterval / 2
	}
	return o.OffsetInterval * 4 / 5 // the rest is for the disk
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
