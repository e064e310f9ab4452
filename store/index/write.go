package index

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// blockID names a block: what it covers and how often it was made again after damage.
type blockID struct {
	Span
	seq uint32
}

func (id blockID) fileName() string {
	return fmt.Sprintf("%020d-%020d-%d%s", id.From, id.UpTo, id.seq, blockSuffix)
}

const (
	blockSuffix = ".idx"
	tempSuffix  = ".tmp"
)

// blockWriter writes a block file front to back: runs in order, then keys in order, then [blockWriter.finish]. The first
// error stays and finish returns it. It keeps in memory one page, the page table of one run, the slots, the bloom lines
// (10 bits a key) and the run table (about 25 bytes a run).
type blockWriter struct {
	fs   vfs.FS
	path string // of the temporary file
	file vfs.File
	out  *bufio.Writer
	at   int64
	crc  uint32
	err  error
	foot footer

	run    run
	coder  entryCoder
	page   []byte
	inPage int
	rows   []byte // page table

	runPart []byte
	parts   [][]byte // of the run table

	keys    keyCoder
	bucket  uint32
	keyPage []byte
	slots   []byte
	bloom   []byte
}

// newBlockWriter begins the temporary file of a block. keys is the number of key records to come or more.
func newBlockWriter(fs vfs.FS, dir string, id blockID, keys int64) (*blockWriter, error) {
	path := fs.PathJoin(dir, id.fileName()+tempSuffix)
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create index block %s: %w", path, err)
	}
	w := &blockWriter{fs: fs, path: path, file: f, out: bufio.NewWriterSize(f, 128<<10)}
	w.foot = footer{span: id.Span, seq: id.seq, minTime: math.MaxInt64, maxTime: math.MinInt64}
	if keys > 0 {
		w.foot.buckets = uint32((keys + keysPerBucket - 1) / keysPerBucket)
		w.foot.lines = uint32((keys*bitsPerKey + lineBits - 1) / lineBits)
	}
	w.keys.begin = id.From
	w.bloom = make([]byte, int64(w.foot.lines)*lineSize)
	w.write([]byte(fileMagic))
	return w, nil
}

func (w *blockWriter) write(b []byte) {
	if w.err != nil {
		return
	}
	w.crc = crc32.Update(w.crc, castagnoli(), b)
	w.at += int64(len(b))
	_, w.err = w.out.Write(b) // last: a file system may change the bytes that it is given
}

func (w *blockWriter) beginRun(q Queue) {
	w.run = run{q: q, pos: w.at}
	w.rows = w.rows[:0]
}

// add appends an entry to the run; one that is not above the last is passed over, as in the head.
func (w *blockWriter) add(e *Entry) {
	if w.run.entries > 0 && e.QueueOffset <= w.run.last {
		return
	}
	if w.run.entries == 0 {
		w.run.first, w.run.firstLog, w.run.firstTime = e.QueueOffset, e.LogOffset, e.StoreTime
	}
	if w.inPage == pageEntries {
		w.endPage()
	}
	if w.inPage == 0 {
		w.coder = newEntryCoder()
		w.addRow(e.QueueOffset, e.LogOffset, e.StoreTime)
	}
	w.page = w.coder.append(w.page, e)
	w.inPage++
	w.run.entries++
	w.run.last, w.run.lastLog, w.run.lastTime = e.QueueOffset, max(e.LogOffset, w.run.lastLog), e.StoreTime
	w.time(e.StoreTime)
}

func (w *blockWriter) time(t message.StoreTime) {
	w.foot.minTime, w.foot.maxTime = min(w.foot.minTime, t), max(w.foot.maxTime, t)
}

func (w *blockWriter) endPage() {
	w.page = binary.BigEndian.AppendUint32(w.page, sumQueue(w.run.q, w.page))
	w.write(w.page)
	w.page, w.inPage = w.page[:0], 0
}

// addPage appends a page of another block's run, with its CRC. All its entries are above the last one.
func (w *blockWriter) addPage(first pageRow, raw []byte) {
	if w.inPage > 0 {
		w.endPage()
	}
	if w.run.entries == 0 && len(w.rows) == 0 {
		w.run.first, w.run.firstLog, w.run.firstTime = first.offset, first.log, first.time
	}
	w.addRow(first.offset, first.log, first.time)
	w.write(raw)
}

// addedPages says whose pages were appended last: all of r's.
func (w *blockWriter) addedPages(r *run) {
	w.run.entries += r.entries
	w.run.last, w.run.lastLog, w.run.lastTime = r.last, max(r.lastLog, w.run.lastLog), r.lastTime
}

// addRow notes in the page table that a page begins here.
func (w *blockWriter) addRow(offset message.QueueOffset, log message.LogOffset, t message.StoreTime) {
	be := binary.BigEndian
	w.rows = be.AppendUint64(w.rows, uint64(offset))
	w.rows = be.AppendUint64(w.rows, uint64(log))
	w.rows = be.AppendUint64(w.rows, uint64(t))
	w.rows = be.AppendUint64(w.rows, uint64(w.at))
}

// endRun returns what the directory needs of the run; ok is false if it has no entries.
func (w *blockWriter) endRun() (r run, ok bool) {
	if w.run.entries == 0 {
		return r, false
	}
	if w.inPage > 0 {
		w.endPage()
	}
	if len(w.rows) > pageRowSize {
		w.rows = binary.BigEndian.AppendUint32(w.rows, sumQueue(w.run.q, w.rows))
		w.write(w.rows)
		w.run.table = int64(len(w.rows))
	}
	w.run.size = w.at - w.run.pos
	w.foot.runs++
	w.foot.entries += w.run.entries
	w.runPart = binary.AppendUvarint(w.runPart, uint64(w.run.q.Topic))
	w.runPart = binary.AppendVarint(w.runPart, int64(w.run.q.ID))
	w.runPart = appendRun(w.runPart, &w.run)
	if len(w.runPart) >= runPartSize {
		w.endRunPart()
	}
	return w.run, true
}

func (w *blockWriter) endRunPart() {
	be := binary.BigEndian
	part := be.AppendUint32(make([]byte, 0, len(w.runPart)+4+crcSize), uint32(len(w.runPart)))
	part = append(part, w.runPart...)
	part = be.AppendUint32(part, sumNumbered(uint32(len(w.parts)), w.runPart))
	w.parts = append(w.parts, part)
	w.runPart = w.runPart[:0]
}

// key appends a key record; they come sorted by hash, equal hashes newest first.
func (w *blockWriter) key(k keyRecord) {
	if w.foot.keys == 0 {
		w.foot.keysAt = w.at
	} else if k.hash == w.keys.last.hash && k.log == w.keys.last.log {
		return
	}
	for b := share(k.hash, w.foot.buckets); w.bucket < b; {
		w.endBucket()
	}
	w.keyPage = w.keys.append(w.keyPage, k)
	w.foot.keys++
	w.time(k.time)
	line := w.bloom[int64(share(k.hash, w.foot.lines))*lineSize:]
	bloomBits(k.hash, func(bit uint32) bool {
		line[bit/8] |= 1 << (bit % 8)
		return true
	})
}

func (w *blockWriter) endBucket() {
	at := w.at - w.foot.keysAt
	if at+int64(len(w.keyPage)) > math.MaxUint32 && w.err == nil {
		w.err = fmt.Errorf("key pages exceed 4 GiB at key %d", w.foot.keys)
	}
	be := binary.BigEndian
	w.slots = be.AppendUint32(w.slots, uint32(at))
	w.slots = be.AppendUint32(w.slots, uint32(len(w.keyPage)))
	w.slots = be.AppendUint32(w.slots, sumNumbered(w.bucket, w.keyPage))
	w.write(w.keyPage)
	w.keyPage = w.keyPage[:0]
	w.keys.last, w.keys.any = keyRecord{}, false
	w.bucket++
}

// finish writes what follows the keys, syncs the file and gives it its name for good. Of a block that could not be
// written nothing is left.
func (w *blockWriter) finish() error {
	if w.foot.keys == 0 {
		w.foot.keysAt = w.at
	}
	for w.bucket < w.foot.buckets {
		w.endBucket()
	}
	w.foot.slotsAt = w.at
	w.write(w.slots)
	w.foot.bloomAt = w.at
	for i := range w.foot.lines {
		line := w.bloom[int64(i)*lineSize:][:lineSize]
		binary.BigEndian.PutUint32(line[lineSize-crcSize:], sumNumbered(i, line[:lineSize-crcSize]))
	}
	w.write(w.bloom)
	w.foot.runsAt = w.at
	if len(w.runPart) > 0 {
		w.endRunPart()
	}
	w.endRunPart()
	for _, p := range w.parts {
		w.write(p)
	}
	w.foot.fileCRC = w.crc
	w.write(appendFooter(nil, &w.foot))
	return w.install()
}

// install makes the file durable: flush, sync, rename, directory sync.
func (w *blockWriter) install() error {
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if w.err != nil {
		return w.abort()
	}
	file := w.file
	w.file = nil
	if w.err = file.Close(); w.err != nil {
		return w.abort()
	}
	if w.err = w.fs.Rename(w.path, w.path[:len(w.path)-len(tempSuffix)]); w.err != nil {
		return w.abort()
	}
	if err := syncDir(w.fs, w.fs.PathDir(w.path)); err != nil {
		return fmt.Errorf("write index block %s: %w", w.path, err)
	}
	return nil
}

// abort closes and removes the temporary file and returns the error that led here.
func (w *blockWriter) abort() error {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
	_ = w.fs.Remove(w.path)
	return fmt.Errorf("write index block %s: %w", w.path, w.err)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return err
	}
	return d.Close()
}
