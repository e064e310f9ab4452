package index

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// window reads a block front to back in large pieces.
type window struct {
	b   *block
	at  int64
	buf []byte
}

const windowSize = 64 << 10

// get returns bytes that stay valid until the next call.
func (w *window) get(at, size int64) ([]byte, error) {
	if at < w.at || at+size > w.at+int64(len(w.buf)) {
		if err := w.b.inside(at, size); err != nil {
			return nil, err
		}
		n := max(size, min(windowSize, w.b.size-at))
		if int64(cap(w.buf)) < n {
			w.buf = make([]byte, n)
		}
		w.at, w.buf = at, w.buf[:n]
		if err := w.b.readAt(w.buf, at); err != nil {
			w.buf = w.buf[:0]
			return nil, err
		}
	}
	return w.buf[at-w.at:][:size], nil
}

// runCursor walks a block's run table.
type runCursor struct {
	w    window
	at   int64
	part uint32
	rest varints
	run  run
}

func newRunCursor(b *block) *runCursor { return &runCursor{w: window{b: b}, at: b.foot.runsAt} }

// next reads the next run descriptor into c.run; ok is false behind the last.
func (c *runCursor) next() (ok bool, err error) {
	if len(c.rest.b) == 0 {
		if ok, err := c.nextPart(); !ok {
			return false, err
		}
	}
	topic := c.rest.size()
	id := c.rest.signed()
	c.run = run{q: Queue{Topic: uint32(topic), ID: int32(id)}}
	if err := decodeRun(&c.rest, &c.run); err != nil {
		return false, c.w.b.damaged(c.at, err.Error())
	}
	return true, nil
}

func (c *runCursor) nextPart() (ok bool, err error) {
	be := binary.BigEndian
	head, err := c.w.get(c.at, 4)
	if err != nil {
		return false, err
	}
	size := int64(be.Uint32(head))
	if size > maxRunPartSize {
		return false, c.w.b.damaged(c.at, fmt.Sprintf("a run table part of %d bytes, the limit is %d", size, maxRunPartSize))
	}
	raw, err := c.w.get(c.at, 4+size+crcSize)
	if err != nil {
		return false, err
	}
	payload := raw[4 : 4+size]
	if got, want := sumNumbered(c.part, payload), be.Uint32(raw[4+size:]); got != want {
		return false, c.w.b.damaged(c.at, fmt.Sprintf("run table part %d has CRC %08x, its bytes have %08x", c.part, want, got))
	}
	if size == 0 {
		return false, nil
	}
	c.at += int64(len(raw))
	c.part++
	c.rest.b = append([]byte(nil), payload...)
	return true, nil
}

// runTable reads the page table of a run that has been located.
func runTable(w *window, r *run) (pageTable, error) {
	if r.table == 0 {
		return onePage(r), nil
	}
	at := r.pos + r.size - r.table
	raw, err := w.b.pread(at, r.table)
	if err != nil {
		return pageTable{}, err
	}
	rows, err := w.b.queuePart(r.q, at, raw)
	return pageTable{rows: rows, end: at}, err
}

// scanRun visits the entries of a run that has been located, all of them, in order. It reads through w.
func scanRun(w *window, r *run, visit func(*Entry)) error {
	t, err := runTable(w, r)
	if err != nil {
		return err
	}
	for i := range t.len() {
		at, size := t.place(i)
		raw, err := w.get(at, size)
		if err != nil {
			return err
		}
		page, err := w.b.queuePart(r.q, at, raw)
		if err != nil {
			return err
		}
		coder, v := newEntryCoder(), varints{b: page}
		for {
			ok, err := coder.next(&v)
			if err != nil {
				return w.b.damaged(at, err.Error())
			}
			if !ok {
				break
			}
			visit(&coder.last)
		}
	}
	return nil
}

// keyCursor walks a block's keys in the order of their hashes.
type keyCursor struct {
	slots, pages window
	bucket       uint32
	rest         varints
	coder        keyCoder
	more         bool // coder.last is a record
}

func newKeyCursor(b *block) *keyCursor {
	return &keyCursor{slots: window{b: b}, pages: window{b: b}}
}

// next reads the next record into c.coder.last; ok, which c.more keeps, is false behind the last.
func (c *keyCursor) next() (ok bool, err error) {
	for len(c.rest.b) == 0 {
		if c.more, err = c.nextPage(); !c.more {
			return false, err
		}
	}
	if c.more, err = c.coder.next(&c.rest); err != nil {
		b := c.slots.b
		return false, b.damaged(b.foot.keysAt, err.Error())
	}
	return c.more, nil
}

// take gives the sorter the records whose hashes lie in the n-th of m equal parts of the range, until it is full; the parts
// before are taken.
func (c *keyCursor) take(s *keySorter, n, m uint32) error {
	for c.more && len(s.in) < maxGathered && share(c.coder.last.hash, m) <= n {
		if share(c.coder.last.hash, m) < n {
			return c.slots.b.damaged(c.slots.b.foot.keysAt, "the keys are not in the order of their hashes")
		}
		s.in = append(s.in, c.coder.last)
		if _, err := c.next(); err != nil {
			return err
		}
	}
	return nil
}

func (c *keyCursor) nextPage() (more bool, err error) {
	b := c.slots.b
	if c.bucket == b.foot.buckets {
		return false, nil
	}
	slot, err := c.slots.get(b.foot.slotsAt+int64(c.bucket)*slotSize, slotSize)
	if err != nil {
		return false, err
	}
	if c.rest.b, err = b.keyPage(c.bucket, slot, c.pages.get); err != nil {
		return false, err
	}
	c.bucket++
	c.coder = keyCoder{begin: b.From}
	return true, nil
}

// keyPage reads and checks the page that a slot points at.
func (b *block) keyPage(bucket uint32, slot []byte, read func(at, size int64) ([]byte, error)) ([]byte, error) {
	be := binary.BigEndian
	at, size, want := b.foot.keysAt+int64(be.Uint32(slot)), int64(be.Uint32(slot[4:])), be.Uint32(slot[8:])
	if at+size > b.foot.slotsAt {
		return nil, b.damaged(b.foot.slotsAt+int64(bucket)*slotSize, "a slot points behind the key pages")
	}
	page, err := read(at, size)
	if err != nil {
		return nil, err
	}
	if got := sumNumbered(bucket, page); got != want {
		return nil, b.damaged(at, fmt.Sprintf("key page %d has CRC %08x, its bytes have %08x", bucket, want, got))
	}
	return page, nil
}

// mayHold asks the bloom filter.
func (b *block) mayHold(hash uint64) (bool, error) {
	if b.foot.lines == 0 {
		return false, nil
	}
	n := share(hash, b.foot.lines)
	at := b.foot.bloomAt + int64(n)*lineSize
	line, err := b.pread(at, lineSize)
	if err != nil {
		return false, err
	}
	bits := line[:lineSize-crcSize]
	if got, want := sumNumbered(n, bits), binary.BigEndian.Uint32(line[len(bits):]); got != want {
		return false, b.damaged(at, fmt.Sprintf("bloom line %d has CRC %08x, its bytes have %08x", n, want, got))
	}
	return bloomBits(hash, func(bit uint32) bool { return bits[bit/8]&(1<<(bit%8)) != 0 }), nil
}

// scanKeys visits the log offsets of a hash within a time range, newest first, and returns whether visit wants more.
func (b *block) scanKeys(hash uint64, from, to message.StoreTime, visit func(message.LogOffset) bool) (bool, error) {
	if to < b.foot.minTime || from > b.foot.maxTime {
		return true, nil
	}
	if may, err := b.mayHold(hash); err != nil || !may {
		return true, err
	}
	bucket := share(hash, b.foot.buckets)
	slot, err := b.pread(b.foot.slotsAt+int64(bucket)*slotSize, slotSize)
	if err != nil {
		return false, err
	}
	page, err := b.keyPage(bucket, slot, b.pread)
	if err != nil {
		return false, err
	}
	coder, v := keyCoder{begin: b.From}, varints{b: page}
	for {
		ok, err := coder.next(&v)
		if err != nil {
			return false, b.damaged(b.foot.keysAt, err.Error())
		}
		k := &coder.last
		if !ok || k.hash > hash {
			return true, nil
		}
		if k.hash == hash && k.time >= from && k.time <= to && !visit(k.log) {
			return false, nil
		}
	}
}
