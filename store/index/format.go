package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"

	"github.com/aerobee-mq/aerobee/message"
)

// A block file holds the index of one range of the log. All fixed integers are big endian; uvarint is the usual base-128
// number, zigzag a signed one; every CRC is CRC-32C. Nothing in it is read without its CRC being checked, and each CRC
// also covers who the part belongs to, so that a part read at a wrong place fails as well.
//
//	part        size       content
//	head        8          "AEROIDX1"
//	runs        …          one after the other, sorted by topic and queue id: pages, then the page table
//	  page      n + 4      entries (≤ 128); CRC of (topic u32, queue id u32, entries)
//	  table     32·p + 4   only of a run with p > 1 pages; CRC of (topic, queue id, table)
//	key pages   …          one per bucket: records, sorted by hash, equal hashes newest first
//	slots       12·b       one per bucket: offset u32 in the key pages, size u32, CRC u32 of (bucket u32, page)
//	bloom       256·l      lines: 252 bytes = 2,016 bits, CRC u32 of (line u32, bits)
//	run table   …          parts: size u32, run descriptors, CRC u32 of (part u32, descriptors); a part of size 0 ends it
//	footer      128        see below
//
//	entry (differences to the entry before, in a page's first one to zero, and to -1 for the queue offset)
//	  uvarint   queue offset - last - 1
//	  zigzag    log offset - last - last size
//	  zigzag    size - last
//	  zigzag    tags code - last (wrapping)
//	  zigzag    store time - last
//
//	page table row
//	  0   8   queue offset of the page's first entry
//	  8   8   its log offset
//	 16   8   its store time
//	 24   8   the page's place in the file
//
//	key record
//	  uvarint   hash - last
//	  uvarint   a new hash: log offset - the block's beginning; the same hash: last log offset - log offset
//	  zigzag    store time - last
//
//	run descriptor (in the run table; in the directory without topic and queue id)
//	  uvarint   topic; zigzag queue id
//	  uvarint   first queue offset, last - first, first log offset, last - first
//	  zigzag    first store time, last - first
//	  uvarint   place in the file, size, size of the page table (0: a single page), entries
//
//	footer
//	  0   8   "AEROIDXF"
//	  8   8   first log offset that the block covers
//	 16   8   first log offset behind it
//	 24   8   least store time (of no entries: the greatest int64)
//	 32   8   greatest store time (of no entries: the least int64)
//	 40   8   entries
//	 48   8   keys
//	 56   8   runs
//	 64   8   place of the key pages
//	 72   8   place of the slots
//	 80   8   place of the bloom lines
//	 88   8   place of the run table
//	 96   4   buckets b
//	100   4   bloom lines l
//	104   4   how often the block was rebuilt
//	108   8   zero
//	116   4   format version, 1
//	120   4   CRC of all before the footer
//	124   4   CRC of the footer before this field
//
// A key's bucket and bloom line are the high part of hash × b and hash × l, so both come in the order of the hashes; its
// 7 bits in the line come from the low part, see [bloomBits].
const (
	fileMagic   = "AEROIDX1"
	footerMagic = "AEROIDXF"

	formatVersion  = 1
	footerSize     = 128
	crcSize        = 4
	pageEntries    = 128
	pageRowSize    = 32
	slotSize       = 12
	lineSize       = 256
	lineBits       = (lineSize - crcSize) * 8
	bloomProbes    = 7
	bitsPerKey     = 10
	keysPerBucket  = 128
	runPartSize    = 32 << 10
	maxRunPartSize = runPartSize + 256
)

var (
	errFormat  = errors.New("the bytes are no index part")
	errVersion = errors.New("index block of another format version")
)

// castagnoli returns the table of CRC-32C; the standard library keeps one for all callers.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sumQueue is the CRC of a part that belongs to a queue.
func sumQueue(q Queue, b []byte) uint32 {
	var id [8]byte
	binary.BigEndian.PutUint32(id[:], q.Topic)
	binary.BigEndian.PutUint32(id[4:], uint32(q.ID))
	return crc32.Update(crc32.Checksum(id[:], castagnoli()), castagnoli(), b)
}

// sumNumbered is the CRC of the n-th part of its kind.
func sumNumbered(n uint32, b []byte) uint32 {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], n)
	return crc32.Update(crc32.Checksum(id[:], castagnoli()), castagnoli(), b)
}

// run describes the entries of one queue in one block.
type run struct {
	q                   Queue
	first, last         message.QueueOffset
	firstLog, lastLog   message.LogOffset
	firstTime, lastTime message.StoreTime
	pos                 int64 // in the file
	size                int64 // pages and table
	table               int64 // size of the table, 0 for a single page
	entries             int64
}

func appendRun(b []byte, r *run) []byte {
	b = binary.AppendUvarint(b, uint64(r.first))
	b = binary.AppendUvarint(b, uint64(r.last-r.first))
	b = binary.AppendUvarint(b, uint64(r.firstLog))
	b = binary.AppendUvarint(b, uint64(r.lastLog-r.firstLog))
	b = binary.AppendVarint(b, int64(r.firstTime))
	b = binary.AppendVarint(b, int64(r.lastTime-r.firstTime))
	b = binary.AppendUvarint(b, uint64(r.pos))
	b = binary.AppendUvarint(b, uint64(r.size))
	b = binary.AppendUvarint(b, uint64(r.table))
	return binary.AppendUvarint(b, uint64(r.entries))
}

// decodeRun decodes what [appendRun] made, and leaves r.q alone.
func decodeRun(v *varints, r *run) error {
	r.first = message.QueueOffset(v.size())
	r.last = r.first + message.QueueOffset(v.size())
	r.firstLog = message.LogOffset(v.size())
	r.lastLog = r.firstLog + message.LogOffset(v.size())
	r.firstTime = message.StoreTime(v.signed())
	r.lastTime = r.firstTime + message.StoreTime(v.signed())
	r.pos, r.size, r.table, r.entries = v.size(), v.size(), v.size(), v.size()
	table := r.table == 0 || r.table <= r.size && (r.table-crcSize)%pageRowSize == 0 && r.table >= crcSize+2*pageRowSize
	if v.bad || r.last < r.first || r.lastLog < r.firstLog || r.size <= crcSize || r.pos+r.size < r.pos || !table {
		return fmt.Errorf("%w: a run descriptor is cut short or contradicts itself", errFormat)
	}
	return nil
}

// varints reads numbers one after the other and remembers whether one was cut short or out of range.
type varints struct {
	b   []byte
	bad bool
}

func (v *varints) unsigned() uint64 {
	if len(v.b) > 0 && v.b[0] < 0x80 {
		x := v.b[0]
		v.b = v.b[1:]
		return uint64(x)
	}
	x, n := binary.Uvarint(v.b)
	if n <= 0 {
		v.bad, v.b = true, nil
		return 0
	}
	v.b = v.b[n:]
	return x
}

func (v *varints) signed() int64 {
	x := v.unsigned()
	return int64(x>>1) ^ -int64(x&1)
}

// size is an unsigned number that fits an int64.
func (v *varints) size() int64 {
	x := v.unsigned()
	if x > math.MaxInt64 {
		v.bad = true
		return 0
	}
	return int64(x)
}

// entryCoder holds the entry before; the zero value is not ready, see [newEntryCoder].
type entryCoder struct{ last Entry }

func newEntryCoder() entryCoder { return entryCoder{Entry{QueueOffset: -1}} }

func (c *entryCoder) append(b []byte, e *Entry) []byte {
	l := &c.last
	b = binary.AppendUvarint(b, uint64(e.QueueOffset-l.QueueOffset-1))
	b = binary.AppendVarint(b, int64(e.LogOffset-l.LogOffset)-int64(l.Size))
	b = binary.AppendVarint(b, int64(e.Size)-int64(l.Size))
	b = binary.AppendVarint(b, e.TagsCode-l.TagsCode)
	b = binary.AppendVarint(b, int64(e.StoreTime-l.StoreTime))
	*l = *e
	return b
}

// next decodes the next entry into c.last; ok is false at the end of the page.
func (c *entryCoder) next(v *varints) (ok bool, err error) {
	if len(v.b) == 0 {
		return false, nil
	}
	l := &c.last
	gap, from, size := v.size(), l.QueueOffset, int64(l.Size)
	l.QueueOffset += message.QueueOffset(gap) + 1
	l.LogOffset += message.LogOffset(v.signed() + size)
	size += v.signed()
	l.TagsCode += v.signed()
	l.StoreTime += message.StoreTime(v.signed())
	l.Size = int32(size)
	if v.bad || l.QueueOffset <= from || int64(l.Size) != size || l.LogOffset < 0 {
		return false, fmt.Errorf("%w: the entry behind queue offset %d is cut short or out of range", errFormat, from)
	}
	return true, nil
}

// keyCoder holds the key record before.
type keyCoder struct {
	begin message.LogOffset // of the block
	last  keyRecord
	any   bool
}

func (c *keyCoder) append(b []byte, k keyRecord) []byte {
	b = binary.AppendUvarint(b, k.hash-c.last.hash)
	if c.any && k.hash == c.last.hash {
		b = binary.AppendUvarint(b, uint64(c.last.log-k.log))
	} else {
		b = binary.AppendUvarint(b, uint64(k.log-c.begin))
	}
	b = binary.AppendVarint(b, int64(k.time-c.last.time))
	c.last, c.any = k, true
	return b
}

func (c *keyCoder) next(v *varints) (ok bool, err error) {
	if len(v.b) == 0 {
		return false, nil
	}
	before := c.last
	c.last.hash += v.unsigned()
	log := message.LogOffset(v.size())
	if c.any && c.last.hash == before.hash {
		c.last.log -= log
	} else {
		c.last.log = c.begin + log
	}
	c.last.time += message.StoreTime(v.signed())
	if v.bad || c.last.hash < before.hash || c.last.log < c.begin {
		return false, fmt.Errorf("%w: the key record behind hash %016x is cut short or out of range", errFormat, before.hash)
	}
	c.any = true
	return true, nil
}

// share maps a hash to one of n parts, in the order of the hashes.
func share(hash uint64, n uint32) uint32 {
	hi, _ := bits.Mul64(hash, uint64(n))
	return uint32(hi)
}

// bloomBits calls visit with the bits of a hash in its bloom line, until it returns false; it reports whether it never did.
func bloomBits(hash uint64, visit func(bit uint32) bool) bool {
	h := hash * 0x9E3779B97F4A7C15
	a, step := uint32(h>>32), uint32(h)|1
	for range bloomProbes {
		if !visit(uint32(uint64(a) * lineBits >> 32)) {
			return false
		}
		a += step
	}
	return true
}

// footer is a block's last 128 bytes.
type footer struct {
	span                     Span
	minTime, maxTime         message.StoreTime
	entries, keys, runs      int64
	keysAt, slotsAt, bloomAt int64
	runsAt                   int64
	buckets, lines, seq      uint32
	fileCRC                  uint32
}

func appendFooter(b []byte, f *footer) []byte {
	start, be := len(b), binary.BigEndian
	b = append(b, footerMagic...)
	for _, n := range []int64{
		int64(f.span.From), int64(f.span.UpTo), int64(f.minTime), int64(f.maxTime), f.entries, f.keys, f.runs,
		f.keysAt, f.slotsAt, f.bloomAt, f.runsAt,
	} {
		b = be.AppendUint64(b, uint64(n))
	}
	b = be.AppendUint32(b, f.buckets)
	b = be.AppendUint32(b, f.lines)
	b = be.AppendUint32(b, f.seq)
	b = be.AppendUint64(b, 0)
	b = be.AppendUint32(b, formatVersion)
	b = be.AppendUint32(b, f.fileCRC)
	return be.AppendUint32(b, crc32.Checksum(b[start:], castagnoli()))
}

// decodeFooter decodes the footer of a file of the given size.
func decodeFooter(b []byte, fileSize int64) (footer, error) {
	var f footer
	be := binary.BigEndian
	if len(b) != footerSize || string(b[:8]) != footerMagic {
		return f, fmt.Errorf("%w: the footer's magic is missing", errFormat)
	}
	if got, want := crc32.Checksum(b[:124], castagnoli()), be.Uint32(b[124:]); got != want {
		return f, fmt.Errorf("%w: the footer's CRC is %08x, its bytes have %08x", errFormat, want, got)
	}
	if v := be.Uint32(b[116:]); v != formatVersion {
		return f, fmt.Errorf("%w: %d, this program reads %d", errVersion, v, formatVersion)
	}
	n := func(at int) int64 { return int64(be.Uint64(b[at:])) }
	f = footer{
		span:    Span{message.LogOffset(n(8)), message.LogOffset(n(16))},
		minTime: message.StoreTime(n(24)), maxTime: message.StoreTime(n(32)),
		entries: n(40), keys: n(48), runs: n(56), keysAt: n(64), slotsAt: n(72), bloomAt: n(80), runsAt: n(88),
		buckets: be.Uint32(b[96:]), lines: be.Uint32(b[100:]), seq: be.Uint32(b[104:]), fileCRC: be.Uint32(b[120:]),
	}
	ordered := 8 <= f.keysAt && f.keysAt <= f.slotsAt && f.slotsAt <= f.bloomAt && f.bloomAt <= f.runsAt && f.runsAt <= fileSize-footerSize
	if !ordered || f.bloomAt-f.slotsAt != int64(f.buckets)*slotSize || f.runsAt-f.bloomAt != int64(f.lines)*lineSize || f.span.UpTo < f.span.From {
		return f, fmt.Errorf("%w: the footer's places contradict each other", errFormat)
	}
	return f, nil
}
