package index

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// FuzzEntries: whatever a page holds, decoding ends with an error or with entries that encode to the same page.
func FuzzEntries(f *testing.F) {
	coder := newEntryCoder()
	var page []byte
	for i := range int64(4) {
		page = coder.append(page, &Entry{QueueOffset: message.QueueOffset(i * i), LogOffset: message.LogOffset(i * 1000), Size: int32(100 * i), TagsCode: -i, StoreTime: message.StoreTime(5 - i)})
	}
	f.Add(page)
	f.Add(page[:len(page)-1])
	f.Add(bytes.Repeat([]byte{0xFF}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		dec, enc, v := newEntryCoder(), newEntryCoder(), varints{b: b}
		var again []byte
		for {
			last := dec.last.QueueOffset
			ok, err := dec.next(&v)
			if err != nil {
				return
			}
			if !ok {
				break
			}
			if dec.last.QueueOffset <= last || dec.last.LogOffset < 0 {
				t.Fatalf("entry %+v behind queue offset %d", dec.last, last)
			}
			again = enc.append(again, &dec.last)
		}
		var other entryCoder
		other, v = newEntryCoder(), varints{b: again}
		for len(v.b) > 0 {
			if ok, err := other.next(&v); !ok || err != nil {
				t.Fatalf("what was decoded does not encode: %v", err)
			}
		}
		if other.last != dec.last {
			t.Fatalf("got %+v, want %+v", other.last, dec.last)
		}
	})
}

// FuzzDescriptors: run descriptors, footers and key records never make the decoder panic nor let contradictions through.
func FuzzDescriptors(f *testing.F) {
	r := run{first: 3, last: 9, firstLog: 100, lastLog: 900, firstTime: 5, lastTime: 4, pos: 8, size: 1000, table: 68, entries: 5}
	f.Add(appendRun(nil, &r))
	foot := footer{span: Span{0, 100}, keysAt: 8, slotsAt: 8, bloomAt: 8, runsAt: 8}
	f.Add(appendFooter(nil, &foot))
	keys := keyCoder{}
	f.Add(keys.append(keys.append(nil, keyRecord{hash: 1 << 60, log: 900, time: 4}), keyRecord{hash: 1 << 60, log: 100, time: 9}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r run
		if err := decodeRun(&varints{b: b}, &r); err == nil && (r.last < r.first || r.table > r.size || r.pos+r.size < 0) {
			t.Fatalf("descriptor %+v", r)
		}
		if foot, err := decodeFooter(b, int64(len(b))+8); err == nil && (foot.runsAt > 8 || foot.keysAt < 8) {
			t.Fatalf("footer %+v", foot)
		}
		for coder, v := (keyCoder{}), (varints{b: b}); ; {
			before := coder.last
			ok, err := coder.next(&v)
			if !ok || err != nil {
				break
			}
			if coder.last.hash < before.hash || coder.last.log < 0 {
				t.Fatalf("key record %+v behind %+v", coder.last, before)
			}
		}
	})
}

// FuzzBlockFile: any bytes under a block's name are read without a panic, and what is wrong with them is damage.
func FuzzBlockFile(f *testing.F) {
	m := newModel(f)
	for i := range 150 {
		m.add(Queue{Topic: 1, ID: int32(i % 8 / 7)}, 0, 100, 1, []uint64{uint64(i%30) << 59})
	}
	if err := cut(m.ix, m.db, m.ix.Freeze(), m.end); err != nil {
		f.Fatal(err)
	}
	id := m.ix.cur.blocks[0].blockID
	whole := readFile(f, m.fs, m.ix.cur.blocks[0].path)
	m.close(f)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[len(whole)-footerSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("index", 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fs, "index/"+id.fileName(), b)
		_, err := readBlock(fs, id)
		var damage *DamageError
		if err != nil && !errors.As(err, &damage) && !errors.Is(err, errVersion) {
			t.Fatalf("got %v, want damage", err)
		}
	})
}
