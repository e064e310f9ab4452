package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/cutdb"
)

// cache is the disposable Pebble database of the last cut. Its keys:
//
//	'm'                          what the cut covers: uvarint format version, uvarint applied log offset, uvarint offset
//	                             of the record that ends there
//	's' kind u8, number u32      changes of one kind, as in a state record's body, that rebuild a part of the state
//	'i' …                        the directory of package index
//
// It runs without a write-ahead log. A cut is one batch, and one batch is atomic all the same: Pebble puts a batch whole
// into one memtable (a batch larger than a memtable becomes one of its own), a memtable reaches the disk in one flush,
// and a flush becomes part of the database with one edit of its manifest. So the key 'm' and all that it speaks of are
// there together or not at all; after a crash the database is the one of some earlier, complete cut.
type cache struct {
	db   *pebble.DB
	disk *cutdb.DB // the same, for commits
}

const (
	cacheCutKey    = 'm'
	cacheStateKey  = 's'
	cacheIndexKey  = 'i'
	cacheChunkSize = 64 << 10
)

func openCache(fs vfs.FS, dir string, logger *slog.Logger) (*cache, error) {
	db, err := cutdb.Open(fs, dir, logger)
	if err != nil {
		return nil, err
	}
	return &cache{db: db.DB, disk: db}, nil
}

func (c *cache) close() error { return c.db.Close() }

// cutMark says what a cut covers.
type cutMark struct {
	applied message.LogOffset
	prev    message.LogOffset // of the record that ends at applied
}

func appendMark(dst []byte, m cutMark) []byte {
	dst = binary.AppendUvarint(dst, formatVersion)
	dst = binary.AppendUvarint(dst, uint64(m.applied))
	return binary.AppendUvarint(dst, uint64(m.prev))
}

func decodeMark(b []byte) (cutMark, error) {
	var v [3]uint64
	rest := b
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(rest); n <= 0 {
			return cutMark{}, fmt.Errorf("cut mark of %d bytes: field %d is cut short", len(b), i)
		}
		rest = rest[n:]
	}
	if v[0] != formatVersion {
		return cutMark{}, fmt.Errorf("cut mark has format %d, this version writes %d", v[0], formatVersion)
	}
	if len(rest) > 0 || v[1] > 1<<62 || v[2] > v[1] {
		return cutMark{}, fmt.Errorf("cut mark is out of range: applied %d, record before %d, %d bytes left over", v[1], v[2], len(rest))
	}
	return cutMark{applied: message.LogOffset(v[1]), prev: message.LogOffset(v[2])}, nil
}

// mark returns what the cache covers, the zero mark if it is empty.
func (c *cache) mark() (cutMark, error) {
	v, closer, err := c.db.Get([]byte{cacheCutKey})
	if errors.Is(err, pebble.ErrNotFound) {
		return cutMark{}, nil
	}
	if err != nil {
		return cutMark{}, fmt.Errorf("read the cut mark: %w", err)
	}
	m, err := decodeMark(v)
	return m, errors.Join(err, closer.Close())
}

// load hands every change of the cache to apply, in the order in which an empty store can take them.
func (c *cache) load(apply func(k changeKind, payload []byte) error) (err error) {
	for _, kind := range stateKinds() {
		lower, upper := stateRange(kind)
		it, err := c.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return fmt.Errorf("read the cached state of kind %v: %w", kind, err)
		}
		for ok := it.First(); ok && err == nil; ok = it.Next() {
			var v []byte
			if v, err = it.ValueAndErr(); err == nil {
				err = eachChange(v, apply)
			}
		}
		if err = errors.Join(err, it.Close()); err != nil {
			return fmt.Errorf("read the cached state of kind %v: %w", kind, err)
		}
	}
	return nil
}

func stateRange(k changeKind) (lower, upper []byte) {
	return []byte{cacheStateKey, byte(k)}, []byte{cacheStateKey, byte(k) + 1}
}

// replace puts the whole state of one kind into a batch.
func replaceState(b *pebble.Batch, k changeKind, chunks [][]byte) error {
	lower, upper := stateRange(k)
	if err := b.DeleteRange(lower, upper, nil); err != nil {
		return err
	}
	for i, chunk := range chunks {
		if err := b.Set(binary.BigEndian.AppendUint32(lower, uint32(i)), chunk, nil); err != nil {
			return err
		}
	}
	return nil
}
