package index

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// Queue names a queue by the store's short id of its topic and the queue's number.
type Queue struct {
	Topic uint32
	ID    int32
}

// Entry says where one message of a queue lies in the commit log, and what a consumer's filter needs of it.
type Entry struct {
	QueueOffset message.QueueOffset
	LogOffset   message.LogOffset
	Size        int32 // of the record, in bytes
	TagsCode    int64
	StoreTime   message.StoreTime
}

// Span is a range of the commit log: From is the first byte in it, UpTo the first behind it.
type Span struct {
	From, UpTo message.LogOffset
}

// Options says where the index lies and how it is cut.
type Options struct {
	FS     vfs.FS
	Dir    string       // of the block files; made if missing
	DB     *pebble.DB   // holds the directory; the caller opens and closes it
	Prefix []byte       // of the directory's keys in DB
	Flush  func() error // makes what was committed to DB durable, or says why not; nil: DB.Flush, which waits while a disk is full
	Logger *slog.Logger // nil: none
	// LogStart is where the log begins: what lies below it is gone. 0: with the oldest block.
	LogStart message.LogOffset
	// SegmentSize is the commit log's, in bytes: blocks are merged until there is about one per segment. 0: 1 GiB.
	SegmentSize int64
	// CacheBytes bounds the memory for parts of blocks that were read lately. 0: 4 MiB.
	CacheBytes int
}

func (o Options) withDefaults() Options {
	if o.SegmentSize <= 0 {
		o.SegmentSize = 1 << 30
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 4 << 20
	}
	if o.Flush == nil {
		o.Flush = o.DB.Flush
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Index is the queue index and key index of one commit log.
type Index struct {
	o   Options
	dir directory

	head    *head             // the committing goroutine's own sight of cur.head
	covered message.LogOffset // entries below it were in blocks at Open; Add passes over them

	mu  sync.Mutex // guards cur; held for no I/O
	cur *view

	queues  queueStates
	floor   atomic.Int64 // LogOffset: entries below it are gone
	applied atomic.Int64 // LogOffset: the blocks' end
	cache   pageCache
	runs    runCache
}

// Frozen is a head that takes no more entries and waits to be written as a block. It stays readable until
// [Index.Release].
type Frozen struct {
	h     *head
	block *block // once written
}

// Entries returns how many entries the frozen head holds.
func (f *Frozen) Entries() int {
	n, _, _ := f.h.entries()
	return n
}

// Add puts an entry into the head, with the hashes of its keys (see [KeyHash]). Entries come in log order. Two kinds
// are passed over: one whose log offset a block covers already (replay), and one whose queue offset is not above its
// queue's last in the head (an imported log may number twice; the first one stays, as in Apache's queues).
func (ix *Index) Add(q Queue, e Entry, keys []uint64) {
	if e.LogOffset < ix.covered {
		return
	}
	ix.head.add(q, e, keys)
}

// Freeze makes the head immutable and begins a new one. It does no I/O; the caller calls it between two groups, on the
// goroutine that calls Add.
func (ix *Index) Freeze() *Frozen {
	f := &Frozen{h: ix.head}
	ix.head = newHead()
	ix.change(func(v *view) {
		v.frozen = append(v.frozen[:len(v.frozen):len(v.frozen)], f)
		v.head = ix.head
	})
	return f
}

// A head is sparse if it has manyQueues, and fewer entries than longEnough in each.
const (
	manyQueues = 1024
	longEnough = 8
	// usualKeys is how many keys a message has at most, usually: those of more count as entries.
	usualKeys = 4
)

// HeadEntries returns how many entries the head holds, or a fourth of its keys if that is more, and whether it is sparse: a cut costs
// a change of the directory for each queue in it, so it is better left to grow. With 100,000 queues, 64 MiB of log have one message or two
// for half of them.
func (ix *Index) HeadEntries() (entries int, sparse bool) {
	v := ix.acquire()
	defer v.release()
	n, queues, keys := v.head.entries()
	n = max(n, keys/usualKeys)
	return n, queues >= manyQueues && n < longEnough*queues
}

// AppliedTo returns the log offset up to which blocks hold the index: replay begins there.
func (ix *Index) AppliedTo() message.LogOffset { return message.LogOffset(ix.applied.Load()) }

// Spans returns the log ranges that the blocks cover, oldest first and without gaps between them.
func (ix *Index) Spans() []Span {
	v := ix.acquire()
	defer v.release()
	spans := make([]Span, len(v.live))
	for i, b := range v.live {
		spans[i] = b.Span
	}
	return spans
}

// String names the queue by its numbers.
func (q Queue) String() string { return fmt.Sprintf("topic %d queue %d", q.Topic, q.ID) }

// String is the half-open range.
func (s Span) String() string { return fmt.Sprintf("[%d, %d)", s.From, s.UpTo) }
