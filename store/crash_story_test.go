package store

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
)

const longestDelay = 2 * time.Minute

// life is a store that lives on a crashable disk, and all that was promised in its name.
type life struct {
	t     *testing.T
	disk  *crashDisk
	o     Options
	s     *Store
	now   atomic.Pointer[Store] // s, for the disk's look
	led   *ledger
	count int
	rng   *rand.Rand
	put   func(q message.Queue, size int) // how one message is put; tests of the checker replace it
	wait  func(after time.Duration, size int)
}

func newLife(t *testing.T, seed uint64, flush commitlog.FlushMode) *life {
	l := &life{t: t, led: newLedger(), rng: rand.New(rand.NewPCG(seed, 5))}
	l.disk = newCrashDisk(vfs.NewCrashableMem(), seed)
	l.disk.look = func() promise { return l.led.promised(l.now.Load(), flush) }
	l.put, l.wait = l.putOne, func(after time.Duration, size int) { l.putTimed(after, size) }
	l.o = smallRetention(nil)
	l.o.Flush, l.o.OnArrive = flush, l.led.arrive
	l.o.DelayLevels = []time.Duration{time.Second, 20 * time.Second, longestDelay}
	return l
}

func (l *life) open() {
	l.t.Helper()
	l.o.FS = l.disk.wrapped()
	l.s = openTest(l.t, l.o)
	l.now.Store(l.s)
}

func (l *life) close() {
	l.t.Helper()
	closeTest(l.t, l.s)
	l.now.Store(nil)
}

func (l *life) text(size int) string {
	l.count++
	return fmt.Sprintf("m%d%s", l.count, strings.Repeat("x", size))
}

func (l *life) putOne(q message.Queue, size int) {
	text := l.text(size)
	token := l.led.put(q, text)
	if err := l.s.Put(record(q.Topic, int(q.ID), text, message.PropKeys, text[:min(len(text), 7)]), l.led, token); err != nil {
		l.led.Committed(token, nil, err)
	}
}

// flush commits what was put, and waits.
func (l *life) flush() {
	l.s.Kick()
	if err := l.s.log.Barrier(func(message.LogOffset) {}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) putBatch(q message.Queue, n, size int) {
	texts, rs := make([]string, n), make([]message.Record, n)
	for i := range texts {
		texts[i] = l.text(size)
		rs[i] = *record(q.Topic, int(q.ID), texts[i])
	}
	token := l.led.put(q, texts...)
	if err := l.s.PutBatch(rs, l.led, token); err != nil {
		l.led.Committed(token, nil, err)
	}
}

func (l *life) putDelayed(level, size int) {
	text := l.text(size)
	l.led.mu.Lock()
	l.led.pending[text] = 0
	l.led.mu.Unlock()
	w := newWaiter()
	err := l.s.PutDelayed(record(delayedTo.Topic, 0, text), level, w, 0)
	l.s.Kick()
	if err == nil {
		<-w.done
		err = w.err
	}
	if err != nil {
		return
	}
	l.led.mu.Lock()
	l.led.pending[text] = w.rec.LogOffset + message.LogOffset(len(w.rec.Record))
	l.led.mu.Unlock()
}

// putTimed puts a message for a time and returns its text, which is its unique key too.
func (l *life) putTimed(after time.Duration, size int) string {
	text, at := l.text(size), l.s.nowMillis()+after.Milliseconds()
	l.led.mu.Lock()
	l.led.pending[text], l.led.timers[text] = 0, &timed{due: at}
	l.led.mu.Unlock()
	w := newWaiter()
	err := l.s.PutTimed(record(delayedTo.Topic, 0, text, message.PropUniqueKey, text), at, w, 0)
	l.s.Kick()
	if err == nil {
		<-w.done
		err = w.err
	}
	l.led.mu.Lock()
	defer l.led.mu.Unlock()
	if err == nil {
		l.led.pending[text] = w.rec.LogOffset + message.LogOffset(len(w.rec.Record))
	}
	return text
}

// withdraw takes a message for a time back, whichever comes first.
func (l *life) withdraw() {
	l.led.mu.Lock()
	var text string
	for _, t := range slices.Sorted(maps.Keys(l.led.timers)) {
		if w := l.led.timers[t]; !w.begun && w.due > l.s.nowMillis() && l.led.pending[t] > 0 {
			text = t
			w.begun = true
			break
		}
	}
	l.led.mu.Unlock()
	if text != "" {
		l.withdrawText(text)
	}
}

func (l *life) withdrawText(text string) {
	l.led.mu.Lock()
	due := l.led.timers[text].due
	l.led.mu.Unlock()
	r := record(delayedTo.Topic, 0, "0", message.PropTimerDelete, text, message.PropUniqueKey, text)
	a, err := l.s.Withdraw(context.Background(), r, due)
	l.led.mu.Lock()
	defer l.led.mu.Unlock()
	if err == nil {
		l.led.timers[text].settled = a.LogOffset + message.LogOffset(len(a.Record))
	}
}

func (l *life) topic(name string) {
	l.t.Helper()
	mustTopic(l.t, l.s, name, 2)
	l.led.mu.Lock()
	l.led.topics = append(l.led.topics, name)
	l.led.mu.Unlock()
}

func (l *life) reset() {
	l.led.mu.Lock()
	l.led.resets.begun++
	off := l.led.resets.begun
	l.led.mu.Unlock()
	if err := l.s.ResetOffset(context.Background(), "g", message.Queue{Topic: "A"}, off); err != nil {
		l.t.Fatal(err)
	}
	l.led.mu.Lock()
	l.led.resets.acked = off
	l.led.mu.Unlock()
}

func (l *life) queues() []message.Queue {
	return []message.Queue{{Topic: "A"}, {Topic: "A", ID: 1}, {Topic: "B"}}
}

// begin opens the store and makes its topics.
func (l *life) begin() {
	l.open()
	for _, name := range []string{"A", "B", delayedTo.Topic, dealsTo.Topic, message.TopicHalf, popTopic} {
		l.topic(name)
	}
	l.popGroup()
}

// step does one thing by chance.
func (l *life) step() {
	q := l.queues()[l.rng.IntN(3)]
	switch op := l.rng.IntN(40); {
	case op >= 35:
		l.pop()
	case op < 12:
		for range 1 + l.rng.IntN(8) {
			l.put(l.queues()[l.rng.IntN(3)], l.rng.IntN(3000))
		}
		l.flush()
	case op < 13:
		l.putBatch(q, 1+l.rng.IntN(6), l.rng.IntN(2000))
		l.flush()
	case op < 14:
		l.putHalf(l.rng.IntN(2000))
	case op < 15:
		l.endHalf()
	case op < 17:
		l.putDelayed(1+l.rng.IntN(3), l.rng.IntN(2000))
	case op < 19:
		l.reset()
	case op < 20:
		l.topic(fmt.Sprint("N", l.count, "x", len(l.led.topics)))
	case op < 23:
		_ = l.s.Cut(context.Background())
	case op < 28:
		time.Sleep(time.Duration(l.rng.IntN(15)) * time.Second)
		synctest.Wait()
	case op < 29:
		if err := l.s.CommitOffset("h", q, message.QueueOffset(l.rng.IntN(9))); err != nil {
			l.t.Fatal(err)
		}
	case op < 30:
		l.close()
		l.open()
	case op < 33:
		l.wait(time.Duration(1+l.rng.IntN(int(longestDelay.Milliseconds())))*time.Millisecond, l.rng.IntN(2000))
	default:
		l.withdraw()
	}
}

// floors are the least offsets of the queues now.
func (l *life) floors() map[message.Queue]message.QueueOffset {
	least := make(map[message.Queue]message.QueueOffset)
	for q := range l.led.sent {
		least[q] = l.s.MinOffset(q)
	}
	return least
}

// check examines every crashed disk: as it is, without what was derived from the log, and after crashes of the recovery.
func (l *life) check(hits *crashHits) {
	l.t.Helper()
	least := l.floors()
	l.disk.record(false)
	abandon(l.s)
	l.now.Store(nil)
	o := l.o
	o.OnArrive = nil
	for i, c := range l.disk.taken {
		hits.note(c.at)
		if i%4 == 0 {
			bare := &crashed{at: c.at, nth: c.nth, kept: c.kept, fs: synced(c.fs), promise: c.promised()}
			remove(l.t, bare.fs, "store/cache")
			remove(l.t, bare.fs, "store/blocks")
			l.examine(bare, o, least, hits, "the cache lost")
		}
		l.examine(c, o, least, hits, "")
	}
}

func (l *life) examine(c *crashed, o Options, least map[message.Queue]message.QueueOffset, hits *crashHits, how string) {
	l.t.Helper()
	again := newCrashDisk(c.fs, uint64(c.nth))
	again.look = c.promised
	again.choose = func(p opPoint, nth int) (bool, int) { return hits.rare(p, nth), 50 * (nth % 3) }
	again.record(true)
	o.FS = again.wrapped()
	if wrong := c.verdicts(o, least); len(wrong) > 0 {
		l.t.Errorf("%v, %s: %d verdicts:\n%s", c, how, len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
	hits.see(again)
	again.record(false)
	for _, second := range again.taken {
		hits.note(second.at)
		o.FS = second.fs
		if wrong := second.verdicts(o, least); len(wrong) > 0 {
			l.t.Errorf("%v, %s, then %v: %d verdicts:\n%s", c, how, second, len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
		}
	}
}

// crashHits counts crashes by place, over all stories.
type crashHits struct {
	seen, hit map[opPoint]int
	limit     int // how many second crashes a place gets
}

func newCrashHits() *crashHits {
	return &crashHits{seen: make(map[opPoint]int), hit: make(map[opPoint]int), limit: 2}
}

func (h *crashHits) note(p opPoint) { h.hit[p]++ }

func (h *crashHits) see(d *crashDisk) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, n := range d.seen {
		h.seen[p] += n
	}
}

// rare reports whether few crashes have hit a place so far.
func (h *crashHits) rare(p opPoint, nth int) bool { return nth == 1 && h.hit[p] < h.limit }

// tell runs one story in a bubble, with crashes at the first two changes of each place and at one in 37 after that, and
// checks them all.
func tell(t *testing.T, hits *crashHits, seed uint64, flush commitlog.FlushMode, story func(l *life)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tellAwake(t, hits, seed, flush, story) })
}

// tellAwake tells a story without delayed messages in real time: the database may wait within its own locks, for which no
// bubble's clock goes on.
func tellAwake(t *testing.T, hits *crashHits, seed uint64, flush commitlog.FlushMode, story func(l *life)) {
	t.Helper()
	l := newLife(t, seed, flush)
	l.disk.choose = func(_ opPoint, nth int) (bool, int) { return nth <= 2 || nth%37 == 0, 50 * (nth % 3) }
	l.disk.record(true)
	story(l)
	hits.see(l.disk)
	l.check(hits)
}

// TestEveryCrashPoint crashes at every kind of change that the store makes to its disk; the gate counts.
func TestEveryCrashPoint(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has TestCrashAtRandom")
	}
	hits := newCrashHits()
	for _, flush := range []commitlog.FlushMode{commitlog.SyncFlush, commitlog.AsyncFlush} {
		for seed := range uint64(2) {
			tell(t, hits, seed, flush, func(l *life) {
				l.begin()
				for range 80 {
					l.step()
				}
			})
		}
	}
	tell(t, hits, 1, commitlog.AsyncFlush, stopWithoutRoom)
	tell(t, hits, 1, commitlog.SyncFlush, startWithoutRoom)
	tell(t, hits, 1, commitlog.SyncFlush, firstBlockGoes)
	tell(t, hits, 1, commitlog.SyncFlush, refusals)
	tellAwake(t, hits, 1, commitlog.SyncFlush, cacheFails)
	tell(t, hits, 1, commitlog.SyncFlush, largeBlocks)
	tell(t, hits, 1, commitlog.SyncFlush, exports)
	gate(t, hits)
}

// stopWithoutRoom closes the store with messages that only the last sync of the log makes durable.
func stopWithoutRoom(l *life) {
	l.begin()
	for range 3 {
		l.put(message.Queue{Topic: "A"}, 500)
		l.flush()
		l.disk.fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, UsedBytes: 500 << 20, AvailBytes: 1 << 20})
		l.close()
		l.disk.fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: 900 << 20})
		l.open()
	}
}

// failOnce lets the next change of a place fail.
func (l *life) failOnce(place string) { l.failOnceWith(place, errorfs.ErrInjected) }

func (l *life) failOnceWith(place string, err error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	l.disk.fail = func(p opPoint, _ int) error {
		if p.String() != place {
			return nil
		}
		l.disk.fail = nil
		return err
	}
}

// startWithoutRoom opens the store on a full disk: without a cache, and with an empty note that it is open.
func startWithoutRoom(l *life) {
	l.begin()
	for range 2 {
		l.put(message.Queue{Topic: "A"}, 500)
		l.flush()
		_ = l.s.Cut(context.Background())
		l.close()
		l.disk.fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, UsedBytes: 500 << 20, AvailBytes: 1 << 20})
		l.failOnceWith("abort.create in directory.WriteText", syscall.ENOSPC)
		l.open()
		if l.disk.fail != nil || !l.s.homeless {
			l.t.Error("the disk was not full at the start")
		}
		l.disk.fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: 900 << 20})
		l.put(message.Queue{Topic: "A"}, 500)
		l.flush()
		l.close()
		l.open()
	}
}

// firstBlockGoes opens the store without the first block of its index.
func firstBlockGoes(l *life) {
	l.begin()
	for range 3 {
		l.put(message.Queue{Topic: "A"}, 500)
		l.flush()
		_ = l.s.Cut(context.Background())
	}
	spans := l.s.ix.Spans()
	l.close()
	dir := l.disk.fs.PathJoin("store", directory.BlockDir)
	names, err := l.disk.fs.List(dir)
	if err != nil || len(spans) < 2 {
		l.t.Fatalf("%d blocks, %v", len(spans), err)
	}
	slices.Sort(names)
	remove(l.t, l.disk.fs, l.disk.fs.PathJoin(dir, names[0]))
	l.open()
}

// refusals fails writes of the log and of blocks: what is refused must not be there after a crash, whenever it comes.
func refusals(l *life) {
	l.begin()
	for _, place := range []string{
		"segment.write in commitlog.(*Log).writeSpans", "segment.write in commitlog.(*Log).writeSynced", "segment.write in commitlog.(*segment).stretch",
		"segment.write in commitlog.(*Log).writeSpans", "block.tmp.sync in index.(*blockWriter).install",
	} {
		l.failOnce(place)
		for i := range 12 {
			for range 4 {
				l.put(l.queues()[i%3], 3000)
			}
			l.flush()
		}
		_ = l.s.Cut(context.Background())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l.disk.fail != nil {
			l.t.Errorf("%s was not reached", place)
		}
	}
}

// cacheFails lets the database meet what it calls fatal: the store goes on, and throws the cache away when it stops.
func cacheFails(l *life) {
	l.begin()
	l.put(message.Queue{Topic: "A"}, 100)
	l.flush()
	l.failOnce("cache.manifest.sync in pebble")
	_ = l.s.Cut(context.Background())
	for range 3 {
		l.put(message.Queue{Topic: "A"}, 100)
		l.flush()
	}
	if l.disk.fail != nil || l.s.cache.Err() == nil {
		l.t.Error("the database has not failed")
	}
	abandon(l.s) // it reports what failed
	l.open()
}

// largeBlocks makes a block that is larger than what is written at once.
func largeBlocks(l *life) {
	l.o.SegmentSize, l.o.Retention.Size = 4<<20, 64<<20
	l.disk.choose = func(p opPoint, nth int) (bool, int) { return p.kind == "block.tmp" && nth == 1, 50 * (nth % 3) }
	l.begin()
	for range 20 {
		for range 1000 {
			l.put(message.Queue{Topic: "B"}, 1)
		}
		l.flush()
	}
	_ = l.s.Cut(context.Background())
}

// exports makes the directory ready for Apache, twice; what a crash leaves is a store of ours.
func exports(l *life) {
	l.begin()
	for i := range 40 {
		l.put(l.queues()[i%3], 200)
		l.putDelayed(1+i%3, 100)
	}
	l.flush()
	for range 2 {
		l.close()
		o := l.o
		o.OnArrive = nil
		if _, err := Export(o, 400); err != nil {
			l.t.Fatal(err)
		}
		l.open()
	}
}

// TestCrashAtRandom goes on as long as AEROBEE_CRASH_TIME says (`make crash`), from the seed AEROBEE_CRASH_SEED on. A seed
// repeats the story and the crashes; what runs beside it is the scheduler's.
func TestCrashAtRandom(t *testing.T) {
	seed, span := uint64(100), 8*time.Second
	if text := os.Getenv("AEROBEE_CRASH_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("AEROBEE_CRASH_SEED: %v", err)
		}
		seed = n
	}
	if text := os.Getenv("AEROBEE_CRASH_TIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("AEROBEE_CRASH_TIME: %v", err)
		}
		span = d
	}
	crashes, first := 0, seed
	for began := time.Now(); time.Since(began) < span && !t.Failed(); seed++ {
		crashes += crashRandomly(t, seed)
	}
	t.Logf("%d crashes in the lives of the seeds %d to %d", crashes, first, seed-1)
}

func crashRandomly(t *testing.T, seed uint64) (crashes int) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("SEED=%d", seed)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 9))
	flush := commitlog.FlushMode(rng.IntN(2))
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, seed, flush)
		l.o.SegmentSize = int64(64<<10) << rng.IntN(3)
		l.o.Retention.Size = l.o.SegmentSize * int64(2+rng.IntN(4))
		often := 3 + rng.IntN(60)
		dice := rand.New(rand.NewPCG(seed, 10)) // guarded by the disk's lock: any goroutine writes
		l.disk.choose = func(opPoint, int) (bool, int) { return dice.IntN(often) == 0, 10 * dice.IntN(11) }
		l.disk.record(true)
		l.begin()
		for range 20 + rng.IntN(80) {
			l.step()
		}
		hits := newCrashHits()
		hits.limit = 2
		l.check(hits)
		for _, n := range hits.hit {
			crashes += n
		}
	})
	return crashes
}
