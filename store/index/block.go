package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"sort"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// DamageError says that a part of a block file is not what was written. The log range that the block covers can be
// indexed again with [Index.Replace].
type DamageError struct {
	File string
	At   int64 // of the part in the file
	Span Span  // of the log that the block covers
	What string
}

// Error names the file, the place, the log range and what is wrong.
func (e *DamageError) Error() string {
	return fmt.Sprintf("index block %s is damaged at byte %d: %s; it covers the log from %d to %d", e.File, e.At, e.What, e.Span.From, e.Span.UpTo)
}

// block is one open block file. Views hold references; with the last one the file is closed, and removed if doomed.
type block struct {
	blockID
	fs     vfs.FS
	path   string
	file   vfs.File
	size   int64
	foot   footer
	log    *slog.Logger
	refs   atomic.Int32
	doomed atomic.Bool
}

// openBlock opens a block file and checks its footer. The block has no references yet.
func openBlock(fs vfs.FS, dir string, id blockID, log *slog.Logger) (*block, error) {
	path := fs.PathJoin(dir, id.fileName())
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open index block %s: %w", path, err)
	}
	b := &block{blockID: id, fs: fs, path: path, file: f, log: log}
	if err := b.readFooter(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return b, nil
}

func (b *block) readFooter() error {
	info, err := b.file.Stat()
	if err != nil {
		return fmt.Errorf("open index block %s: %w", b.path, err)
	}
	b.size = info.Size()
	at := b.size - footerSize
	if at < int64(len(fileMagic)) {
		return b.damaged(0, fmt.Sprintf("the file has %d bytes, the smallest block has %d", b.size, footerSize+len(fileMagic)))
	}
	raw, err := b.pread(at, footerSize)
	if err != nil {
		return err
	}
	b.foot, err = decodeFooter(raw, b.size)
	if errors.Is(err, errVersion) {
		return fmt.Errorf("open index block %s: %w", b.path, err)
	}
	if err != nil {
		return b.damaged(at, err.Error())
	}
	if b.foot.span != b.Span || b.foot.seq != b.seq {
		return b.damaged(at, fmt.Sprintf("the footer says log range %v, rebuilt %d times", b.foot.span, b.foot.seq))
	}
	return nil
}

func (b *block) damaged(at int64, what string) error {
	return &DamageError{File: b.path, At: at, Span: b.Span, What: what}
}

func (b *block) ref() { b.refs.Add(1) }

func (b *block) unref() {
	if b.refs.Add(-1) > 0 {
		return
	}
	if err := b.file.Close(); err != nil {
		b.log.Warn("close index block", "file", b.path, "err", err)
	}
	if !b.doomed.Load() {
		return
	}
	if err := b.fs.Remove(b.path); err != nil {
		b.log.Warn("remove index block", "file", b.path, "err", err)
	}
}

// inside checks a part's place, which came from the file: one that reaches beyond it is damage.
func (b *block) inside(at, size int64) error {
	if at < 0 || size < 0 || size > b.size-at {
		return b.damaged(at, fmt.Sprintf("a part of %d bytes, the file has %d", size, b.size))
	}
	return nil
}

// pread reads a part of the file.
func (b *block) pread(at, size int64) ([]byte, error) {
	if err := b.inside(at, size); err != nil {
		return nil, err
	}
	buf := make([]byte, size)
	return buf, b.readAt(buf, at)
}

func (b *block) readAt(buf []byte, at int64) error {
	n, err := b.file.ReadAt(buf, at)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return b.damaged(at, fmt.Sprintf("%d bytes of %d", n, len(buf)))
	}
	return fmt.Errorf("read index block %s at %d: %w", b.path, at, err)
}

// queuePart checks a page or page table of a run and returns it without its CRC.
func (b *block) queuePart(q Queue, at int64, raw []byte) ([]byte, error) {
	n := len(raw) - crcSize
	if n < 0 {
		return nil, b.damaged(at, "a part of a run is shorter than its CRC")
	}
	if got, want := sumQueue(q, raw[:n]), binary.BigEndian.Uint32(raw[n:]); got != want {
		return nil, b.damaged(at, fmt.Sprintf("a part of %v has CRC %08x, its bytes have %08x", q, want, got))
	}
	return raw[:n], nil
}

// pageTable finds pages of one run.
type pageTable struct {
	rows []byte // of the format's page table; nil: one page
	one  pageRow
	end  int64 // behind the last page
}

type pageRow struct {
	offset message.QueueOffset
	log    message.LogOffset
	time   message.StoreTime
	pos    int64
}

func onePage(r *run) pageTable {
	return pageTable{one: pageRow{r.first, r.firstLog, r.firstTime, r.pos}, end: r.pos + r.size}
}

func (t *pageTable) len() int {
	if t.rows == nil {
		return 1
	}
	return len(t.rows) / pageRowSize
}

func (t *pageTable) row(i int) pageRow {
	if t.rows == nil {
		return t.one
	}
	be, b := binary.BigEndian, t.rows[i*pageRowSize:]
	return pageRow{
		message.QueueOffset(be.Uint64(b)), message.LogOffset(be.Uint64(b[8:])),
		message.StoreTime(be.Uint64(b[16:])), int64(be.Uint64(b[24:])),
	}
}

// place returns where the i-th page lies.
func (t *pageTable) place(i int) (at, size int64) {
	at = t.row(i).pos
	if i+1 < t.len() {
		return at, t.row(i+1).pos - at
	}
	return at, t.end - at
}

// lastPage returns the last page for whose first entry starts holds, 0 if for none.
func (t *pageTable) lastPage(starts func(pageRow) bool) int {
	return max(sort.Search(t.len(), func(i int) bool { return !starts(t.row(i)) })-1, 0)
}

// check verifies the CRC over all that lies before the footer.
func (b *block) check() error {
	sum, buf, end := uint32(0), make([]byte, 256<<10), b.size-footerSize
	for at := int64(0); at < end; {
		n, err := b.file.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n == 0 {
			return fmt.Errorf("read index block %s at %d: %w", b.path, at, err)
		}
		sum = crc32.Update(sum, castagnoli(), buf[:n])
		at += int64(n)
	}
	if sum != b.foot.fileCRC {
		return b.damaged(0, fmt.Sprintf("the file's CRC is %08x, its bytes have %08x", b.foot.fileCRC, sum))
	}
	return nil
}
