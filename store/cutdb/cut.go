package cutdb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
)

const (
	markKey  = 'm'
	startKey = 'b'
	stateKey = 's'
	// IndexKey is the first byte of all keys of package index.
	IndexKey = 'i'
	// ChunkSize is the size in bytes at which a value of state is closed and another one begun.
	ChunkSize = 64 << 10
	// oldestFormat is the first store format whose cuts are as those of this version: format 3 only has one more kind of state, which
	// they hold none of. A log without its cut is read from its beginning.
	oldestFormat = 2
)

// Mark says what a cut covers: the log up to Applied. Prev is where the record begins that ends there.
type Mark struct {
	Applied, Prev message.LogOffset
}

func appendMark(dst []byte, m Mark) []byte {
	dst = binary.AppendUvarint(dst, directory.FormatVersion)
	dst = binary.AppendUvarint(dst, uint64(m.Applied))
	return binary.AppendUvarint(dst, uint64(m.Prev))
}

func decodeMark(b []byte) (Mark, error) {
	var v [3]uint64
	rest := b
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(rest); n <= 0 {
			return Mark{}, fmt.Errorf("cut mark of %d bytes: field %d is cut short", len(b), i)
		}
		rest = rest[n:]
	}
	if v[0] < oldestFormat || v[0] > directory.FormatVersion {
		return Mark{}, fmt.Errorf("cut mark has format %d, this version knows %d to %d", v[0], oldestFormat, directory.FormatVersion)
	}
	if len(rest) > 0 || v[1] > 1<<62 || v[2] > v[1] {
		return Mark{}, fmt.Errorf("cut mark is out of range: applied %d, record before %d, %d bytes left over", v[1], v[2], len(rest))
	}
	return Mark{Applied: message.LogOffset(v[1]), Prev: message.LogOffset(v[2])}, nil
}

// Mark returns what the cache covers, the zero mark if it is empty.
func (c *DB) Mark() (Mark, error) {
	v, closer, err := c.Get([]byte{markKey})
	if errors.Is(err, pebble.ErrNotFound) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, fmt.Errorf("read the cut mark: %w", err)
	}
	m, err := decodeMark(v)
	return m, errors.Join(err, closer.Close())
}

// LogStart returns where the log begins, as it was last noted; false if it never was.
func (c *DB) LogStart() (message.LogOffset, bool) {
	v, closer, err := c.Get([]byte{startKey})
	if err != nil {
		return 0, false
	}
	at, n := binary.Uvarint(v)
	return message.LogOffset(at), closer.Close() == nil && n == len(v)
}

// SetLogStart notes, before segments go, where the log will begin: whatever else is missing then was not deleted by the store.
func SetLogStart(b *pebble.Batch, at message.LogOffset) error {
	return b.Set([]byte{startKey}, binary.AppendUvarint(nil, uint64(at)), nil)
}

// Load hands every change of the cache to apply, in the order in which an empty store can take them.
func (c *DB) Load(apply func(k state.Kind, payload []byte) error) (err error) {
	for _, kind := range state.Kinds() {
		lower, upper := stateRange(kind)
		it, err := c.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return fmt.Errorf("read the cached state of kind %v: %w", kind, err)
		}
		for ok := it.First(); ok && err == nil; ok = it.Next() {
			var v []byte
			if v, err = it.ValueAndErr(); err == nil {
				err = state.Each(v, apply)
			}
		}
		if err = errors.Join(err, it.Close()); err != nil {
			return fmt.Errorf("read the cached state of kind %v: %w", kind, err)
		}
	}
	return nil
}

func stateRange(k state.Kind) (lower, upper []byte) {
	return []byte{stateKey, byte(k)}, []byte{stateKey, byte(k) + 1}
}

// Replace puts the whole state of one kind into a batch.
func Replace(b *pebble.Batch, k state.Kind, chunks [][]byte) error {
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

// SetMark puts the mark into a batch.
func SetMark(b *pebble.Batch, m Mark) error { return b.Set([]byte{markKey}, appendMark(nil, m), nil) }
