package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
)

// opHook calls before in front of every changing operation on the index's own files.
func opHook(fs vfs.FS, before func(op errorfs.Op) error) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		changes := op.Kind.ReadOrWrite() == errorfs.OpIsWrite || op.Kind == errorfs.OpOpenDir
		if !changes || !strings.HasPrefix(op.Path, "index") || op.Kind == errorfs.OpMkdirAll {
			return nil
		}
		return before(op)
	}))
}

// step repeats an operation that failed by injection, as the store does at its next cut.
func step(t *testing.T, what string, do func() error) {
	t.Helper()
	for range 3 {
		err := do()
		if err == nil {
			return
		}
		if !errors.Is(err, errorfs.ErrInjected) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	t.Fatalf("%s: failed three times", what)
}

// story goes through everything that changes files: cuts, a merge of a closed segment and of the open one, a rebuilt
// block, retention, and the loss of the log's end.
func story(t *testing.T, m *model) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 20 {
		for range 120 {
			m.add(Queue{Topic: 1 + r.Uint32N(3), ID: r.Int32N(3)}, r.Int64N(2), 1+r.Int32N(200), r.Int64N(3), []uint64{r.Uint64N(12) << 60})
		}
		f, upTo := m.ix.Freeze(), m.end
		step(t, "cut", func() error { return cut(m.ix, m.db, f, upTo) })
		switch i {
		case 5:
			step(t, "replace", func() error { return m.tryReplace(m.ix.Spans()[2]) })
		case 10, 19:
			step(t, "merge", func() error { return m.mergeAll() })
		case 15:
			m.floor = m.ix.Spans()[1].UpTo - 40
			step(t, "drop", func() error { return m.ix.DropBefore(m.floor) })
		}
	}
}

func (m *model) mergeAll() error {
	for {
		if did, err := m.ix.Merge(); err != nil || !did {
			return err
		}
	}
}

// TestCrashAnywhere cuts the power before every operation of the story, with nothing, something and all of the unsynced
// bytes kept, and expects that replaying the log makes the index whole.
func TestCrashAnywhere(t *testing.T) {
	m := newModel(t)
	m.close(t)
	base, rng, points := m.fs, rand.New(rand.NewPCG(3, 4)), 0
	check := func(what string, kept int) {
		clone := base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rng})
		after := &model{recs: m.recs, next: m.next, end: m.end, time: m.time, floor: m.floor}
		after.reopen(t, clone, points%2 == 0)
		after.checkAll(t)
		after.close(t)
		if t.Failed() {
			t.Fatalf("after a crash before %s with %d%% kept", what, kept)
		}
		points++
	}
	hooked := opHook(base, func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileClose || op.Kind == errorfs.OpOpenDir {
			return nil
		}
		choices := []int{0, 50, 100}
		if testing.Short() {
			choices = choices[points%3:][:1]
		}
		for _, kept := range choices {
			check(fmt.Sprintf("%v %s", op.Kind, op.Path), kept)
		}
		return nil
	})
	m.db = openDB(t, base)
	m.ix = openIndex(t, hooked, m.db, 0)
	story(t, m)
	check("the end", 100)
	m.checkAll(t)
	m.close(t)
	if points < 100 {
		t.Fatalf("only %d crash points, the story has become too short", points)
	}
	t.Logf("%d crashes", points)
}

// TestErrorAnywhere fails each operation of the story once. What failed is tried again; nothing may be lost.
func TestErrorAnywhere(t *testing.T) {
	every := 1
	if testing.Short() {
		every = 7
	}
	for k := 0; ; k += every {
		m := newModel(t)
		m.ix.Close()
		n, hit := 0, ""
		m.ix = openIndex(t, opHook(m.fs, func(op errorfs.Op) error {
			if op.Kind == errorfs.OpRemove || op.Kind == errorfs.OpFileClose {
				return nil // reported to the log only, or harmless behind a sync
			}
			if n++; n == k+1 {
				hit = fmt.Sprintf("%v %s", op.Kind, op.Path)
				return errorfs.ErrInjected
			}
			return nil
		}), m.db, 0)
		story(t, m)
		m.checkAll(t)
		m.close(t)
		m.reopen(t, m.fs, true)
		m.checkAll(t)
		m.close(t)
		if t.Failed() {
			t.Fatalf("after an error at operation %d, %s", k, hit)
		}
		if hit == "" {
			if k < 60 {
				t.Fatalf("only %d operations, the story has become too short", k)
			}
			return
		}
	}
}

// TestDroppedStaysDropped: a block that was dropped because the log lost what it describes does not come back after a
// power cut, when other records may lie where it points.
func TestDroppedStaysDropped(t *testing.T) {
	m := newModel(t)
	defer m.close(t)
	for range 3 {
		m.add(Queue{Topic: 1}, 0, 100, 1, nil)
		mustCut(t, m.ix, m.db, m.end)
	}
	if err := m.ix.DropFrom(150); err != nil {
		t.Fatal(err)
	}
	if got := m.ix.AppliedTo(); got != 100 {
		t.Fatalf("applied to %d, want 100", got)
	}
	for _, kept := range []int{0, 100} {
		clone := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(1, 1))})
		names, err := clone.List("index")
		if err != nil || len(names) != 1 {
			t.Fatalf("with %d%% kept the files are %v, %v; want one", kept, names, err)
		}
	}
}

// TestEveryFlippedBit flips each bit of a block file in turn: what is read then is either right or reported as damage.
func TestEveryFlippedBit(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(t)
	defer m.close(t)
	for i := range 200 {
		m.add(Queue{Topic: 1, ID: int32(i % 7 / 6)}, int64(i%2), int32(50+i%9), int64(i%3), []uint64{uint64(i%30) << 59})
	}
	mustCut(t, m.ix, m.db, m.end)
	id := m.ix.cur.blocks[0].blockID
	want, err := readAll(m.ix.cur.blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, m.fs, m.ix.cur.blocks[0].path)
	if err := fs.MkdirAll("index", 0o755); err != nil {
		t.Fatal(err)
	}
	silent := 0
	for bit := range len(whole) * 8 {
		bad := slices.Clone(whole)
		bad[bit/8] ^= 1 << (bit % 8)
		writeFile(t, fs, "index/"+id.fileName(), bad)
		got, err := readBlock(fs, id)
		var damage *DamageError
		switch {
		case err == nil && !want.equal(got):
			t.Fatalf("bit %d of byte %d: wrong content without an error", bit%8, bit/8)
		case err == nil:
			silent++
		case !errors.As(err, &damage) && !errors.Is(err, errVersion):
			t.Fatalf("bit %d of byte %d: %v, want damage", bit%8, bit/8, err)
		}
	}
	// The head's magic is the only part that nothing reads but Verify.
	if silent > len(fileMagic)*8 {
		t.Errorf("%d flipped bits went unnoticed, the limit is %d", silent, len(fileMagic)*8)
	}
}

// content is all that a block holds.
type content struct {
	entries []record
	keys    []keyRecord
	found   []message.LogOffset
}

func (c *content) equal(o *content) bool {
	same := func(a, b record) bool { return a.q == b.q && a.e == b.e }
	return slices.EqualFunc(c.entries, o.entries, same) && slices.Equal(c.keys, o.keys) && slices.Equal(c.found, o.found)
}

// readAll reads every part of a block.
func readAll(b *block) (*content, error) {
	all, w := &content{}, &window{b: b}
	for cur := newRunCursor(b); ; {
		ok, err := cur.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if err := scanRun(w, &cur.run, func(e *Entry) { all.entries = append(all.entries, record{q: cur.run.q, e: *e}) }); err != nil {
			return nil, err
		}
	}
	for cur := newKeyCursor(b); ; {
		ok, err := cur.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		all.keys = append(all.keys, cur.coder.last)
	}
	for k := range uint64(32) {
		_, err := b.scanKeys(k<<59, 0, 1<<62, func(at message.LogOffset) bool {
			all.found = append(all.found, at)
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readBlock(fs vfs.FS, id blockID) (*content, error) {
	b, err := openBlock(fs, "index", id, nil)
	if err != nil {
		return nil, err
	}
	all, err := readAll(b)
	return all, errors.Join(err, b.file.Close())
}

func readFile(t fataler, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatalf("read: %v", err)
	}
	return b
}

func writeFile(t fataler, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatalf("write: %v", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// TestDamageIsNamedAndHealed: a flipped bit in a page is reported with its file, place and log range, the other queues
// are not disturbed, and Replace makes the block good.
func TestDamageIsNamedAndHealed(t *testing.T) {
	m := newModel(t)
	for i := range 600 {
		m.add(Queue{Topic: 1, ID: int32(i % 2)}, 0, 100, 1, nil)
		if i%200 == 199 {
			mustCut(t, m.ix, m.db, m.end)
		}
	}
	m.ix.Close()
	id := m.ix2(t).cur.blocks[1].blockID
	path := m.fs.PathJoin("index", id.fileName())
	b := readFile(t, m.fs, path)
	b[20] ^= 4
	m.ix.Close()
	writeFile(t, m.fs, path, b)
	ix := m.ix2(t)
	err := ix.Scan(Queue{Topic: 1, ID: 0}, 0, func(Entry) bool { return true })
	var damage *DamageError
	if !errors.As(err, &damage) || damage.File != path || damage.At != 8 || damage.Span != (Span{20000, 40000}) {
		t.Fatalf("got %v, want damage of %s at byte 8", err, path)
	}
	if err := ix.Verify(); !errors.As(err, &damage) {
		t.Fatalf("verify: got %v, want damage", err)
	}
	if got := len(collect(t, ix, Queue{Topic: 1, ID: 1}, 0)); got != 300 {
		t.Fatalf("the other queue has %d entries, want 300", got)
	}
	m.replace(t, damage.Span)
	if err := ix.Verify(); err != nil {
		t.Fatal(err)
	}
	m.checkAll(t)
	m.close(t)
}

// ix2 opens the model's index anew, without replay.
func (m *model) ix2(t fataler) *Index {
	t.Helper()
	m.ix = openIndex(t, m.fs, m.db, 0)
	return m.ix
}
