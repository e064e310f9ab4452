package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/aerobee-mq/aerobee/message"
)

// directory says in Pebble which block holds a queue's offset, and where. Under the prefix:
//
//	'b' from u64, up to u64, rebuilt u32            → file CRC u32: all runs of this block are in the directory
//	'r' topic u32, queue id u32 ^ 1<<31, first u64  → block: uvarint from, up to - from, rebuilt; then the run descriptor
//
// (fixed integers big endian, so the keys of a queue lie together and in the order of its offsets; the run descriptor is
// that of the block format). A block's 'b' key is put last and deleted first: what a crash leaves of a block without it
// is put or deleted again at the next [Open].
type directory struct {
	db     *pebble.DB
	flush  func() error
	log    *slog.Logger
	prefix []byte

	gate   sync.RWMutex // held for reading by readers of db; guards closed
	closed bool         // db may be closed too, and it panics then
}

// errClosed refuses a read after Close.
var errClosed = errors.New("the index is closed")

// close waits for the readers and refuses all further ones.
func (d *directory) close() {
	d.gate.Lock()
	defer d.gate.Unlock()
	d.closed = true
}

// iter returns an iterator over a queue's runs; the gate is held for reading.
func (d *directory) iter(q Queue) (*pebble.Iterator, error) {
	if d.closed {
		return nil, errClosed
	}
	var lo, hi [128]byte
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: d.queueKey(lo[:0], q), UpperBound: d.runKey(hi[:0], q, -1)})
	if err != nil {
		return nil, fmt.Errorf("index directory: %w", err)
	}
	return it, nil
}

const (
	kindBlock = 'b'
	kindRun   = 'r'

	runKeySize   = 1 + 4 + 4 + 8
	blockKeySize = 1 + 8 + 8 + 4
	maxPrefix    = 64

	// commitBytes bounds the batches of changes that need not be atomic.
	commitBytes = 1 << 20
)

func (d *directory) queueKey(b []byte, q Queue) []byte {
	b = append(append(b, d.prefix...), kindRun)
	b = binary.BigEndian.AppendUint32(b, q.Topic)
	return binary.BigEndian.AppendUint32(b, uint32(q.ID)^1<<31)
}

func (d *directory) runKey(b []byte, q Queue, first message.QueueOffset) []byte {
	return binary.BigEndian.AppendUint64(d.queueKey(b, q), uint64(first))
}

func (d *directory) blockKey(id blockID) []byte {
	b := append(append([]byte(nil), d.prefix...), kindBlock)
	b = binary.BigEndian.AppendUint64(b, uint64(id.From))
	b = binary.BigEndian.AppendUint64(b, uint64(id.UpTo))
	return binary.BigEndian.AppendUint32(b, id.seq)
}

// kind returns the bounds of all keys of a kind.
func (d *directory) kind(k byte) (lower, upper []byte) {
	lower = append(append([]byte(nil), d.prefix...), k)
	upper = append(append([]byte(nil), d.prefix...), k+1)
	return lower, upper
}

func (d *directory) putRun(b *pebble.Batch, id blockID, r *run) error {
	var k, v [128]byte
	val := binary.AppendUvarint(v[:0], uint64(id.From))
	val = binary.AppendUvarint(val, uint64(id.UpTo-id.From))
	val = binary.AppendUvarint(val, uint64(id.seq))
	return b.Set(d.runKey(k[:0], r.q, r.first), appendRun(val, r), nil)
}

func (d *directory) deleteRun(b *pebble.Batch, r *run) error {
	var k [128]byte
	return b.Delete(d.runKey(k[:0], r.q, r.first), nil)
}

func (d *directory) putBlock(b *pebble.Batch, blk *block) error {
	return b.Set(d.blockKey(blk.blockID), binary.BigEndian.AppendUint32(nil, blk.foot.fileCRC), nil)
}

func (d *directory) deleteBlock(b *pebble.Batch, id blockID) error {
	return b.Delete(d.blockKey(id), nil)
}

func (d *directory) decode(key, value []byte) (id blockID, r run, err error) {
	key = key[len(d.prefix):]
	v := varints{b: value}
	id.From = message.LogOffset(v.size())
	id.UpTo = id.From + message.LogOffset(v.size())
	id.seq = uint32(v.size())
	if err := decodeRun(&v, &r); err != nil || len(v.b) != 0 || len(key) != runKeySize {
		return id, r, fmt.Errorf("index directory key %x: value %x is no run descriptor", key, value)
	}
	be := binary.BigEndian
	r.q = Queue{Topic: be.Uint32(key[1:]), ID: int32(be.Uint32(key[5:]) ^ 1<<31)}
	return id, r, nil
}

// find returns the queue's run that holds the offset or, if none does, the first one behind it.
func (d *directory) find(q Queue, at message.QueueOffset) (id blockID, r run, ok bool, err error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	it, err := d.iter(q)
	if err != nil {
		return id, r, false, err
	}
	defer func() { err = closeIter(it, err) }()
	var from [128]byte
	for valid := it.SeekLT(d.runKey(from[:0], q, at+1)) || it.First(); valid; valid = it.Next() {
		if id, r, err = d.decode(it.Key(), it.Value()); err != nil {
			return id, r, false, err
		}
		if r.last >= at {
			return id, r, true, nil
		}
	}
	return id, r, false, nil
}

// lastRun returns the queue's last run.
func (d *directory) lastRun(q Queue) (r run, ok bool, err error) {
	d.gate.RLock()
	defer d.gate.RUnlock()
	it, err := d.iter(q)
	if err != nil {
		return r, false, err
	}
	defer func() { err = closeIter(it, err) }()
	if !it.Last() {
		return r, false, nil
	}
	_, r, err = d.decode(it.Key(), it.Value())
	return r, err == nil, err
}

func closeIter(it *pebble.Iterator, err error) error {
	if cerr := it.Close(); err == nil && cerr != nil {
		return fmt.Errorf("index directory: %w", cerr)
	}
	return err
}

// blocks returns the blocks whose runs are all in the directory, with their files' CRCs.
func (d *directory) blocks() (known map[blockID]uint32, err error) {
	lower, upper := d.kind(kindBlock)
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("index directory: %w", err)
	}
	defer func() { err = closeIter(it, err) }()
	known = make(map[blockID]uint32)
	be := binary.BigEndian
	for valid := it.First(); valid; valid = it.Next() {
		k := bytes.TrimPrefix(it.Key(), d.prefix)
		if len(k) != blockKeySize || len(it.Value()) != 4 {
			return nil, fmt.Errorf("index directory key %x: value %x is no block", k, it.Value())
		}
		span := Span{message.LogOffset(be.Uint64(k[1:])), message.LogOffset(be.Uint64(k[9:]))}
		known[blockID{span, be.Uint32(k[17:])}] = be.Uint32(it.Value())
	}
	return known, nil
}

// changes is a batch that commits itself in pieces, unless it is the caller's.
type changes struct {
	d     *directory
	b     *pebble.Batch
	whole bool
}

func (d *directory) change() changes { return changes{d: d, b: d.db.NewBatch()} }

// piece commits what has gathered if it is much; the caller calls it where a crash may fall.
func (c *changes) piece() error {
	if c.whole || c.b.Len() < commitBytes {
		return nil
	}
	if err := c.b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("index directory: %w", err)
	}
	c.b.Reset()
	return nil
}

// end commits the rest. With flush it also makes everything durable before the files of blocks that are no longer named
// go: otherwise the next Open has to read the whole directory to clear them from it. That is all that a flush which fails costs;
// on a full disk, those files are in the way of it.
func (c *changes) end(flush bool) error {
	if err := c.b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("index directory: %w", err)
	}
	if !flush {
		return nil
	}
	if err := c.d.flush(); err != nil {
		c.d.log.Warn("index directory is not on the disk yet; a start before it is reads all of it", "error", err)
	}
	return nil
}

// addBlock puts all runs of a block.
func (d *directory) addBlock(c *changes, b *block) error {
	cur := newRunCursor(b)
	for {
		ok, err := cur.next()
		if err != nil {
			return err
		}
		if !ok {
			return d.putBlock(c.b, b)
		}
		if err := d.putRun(c.b, b.blockID, &cur.run); err != nil {
			return err
		}
		if err := c.piece(); err != nil {
			return err
		}
	}
}

// dropBlock deletes all runs of a block and tells the caller of each.
func (d *directory) dropBlock(c *changes, b *block, deleted func(*run)) error {
	if err := d.deleteBlock(c.b, b.blockID); err != nil {
		return err
	}
	cur := newRunCursor(b)
	for {
		ok, err := cur.next()
		if err != nil || !ok {
			return err
		}
		deleted(&cur.run)
		if err := d.deleteRun(c.b, &cur.run); err != nil {
			return err
		}
		if err := c.piece(); err != nil {
			return err
		}
	}
}

// sweep deletes every run whose block is not kept and tells the caller of each that can be read; it reads the whole directory.
func (d *directory) sweep(c *changes, keep func(blockID) bool, deleted func(*run)) (err error) {
	lower, upper := d.kind(kindRun)
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("index directory: %w", err)
	}
	defer func() { err = closeIter(it, err) }()
	for valid := it.First(); valid; valid = it.Next() {
		id, r, err := d.decode(it.Key(), it.Value())
		if err == nil {
			if keep(id) {
				continue
			}
			deleted(&r)
		}
		if err := c.b.Delete(it.Key(), nil); err != nil {
			return err
		}
		if err := c.piece(); err != nil {
			return err
		}
	}
	return nil
}
