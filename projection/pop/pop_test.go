package pop

import (
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

// stage is one queue of one group, with a log that takes everything at once.
type stage struct {
	*testing.T
	tab Table
	at  message.LogOffset
	key Key
	// latest is the pop time of the last pop.
	latest int64
}

func newStage(t *testing.T) *stage { return &stage{T: t, at: 1000, key: Key{1, 2, 0}} }

func (s *stage) apply(change []byte) {
	s.Helper()
	s.at += 200
	if err := s.tab.Apply(change, s.at); err != nil {
		s.Fatal(err)
	}
	if err := s.tab.Audit(); err != nil {
		s.Fatal(err)
	}
}

// pop hands out what the lease allows of messages below end, and returns it.
func (s *stage) pop(r Request, invisible int64, end message.QueueOffset) []message.QueueOffset {
	s.Helper()
	l, err := s.tab.Begin(s.key, r)
	if err != nil {
		s.Fatal(err)
	}
	taken := Taken{Lease: l, Next: l.From}
	for _, again := range l.Again {
		taken.Again = append(taken.Again, again.Offset)
	}
	for ; taken.Next < end && len(taken.Fresh) < l.Room; taken.Next++ {
		if !slices.Contains(l.Skip, taken.Next) {
			taken.Fresh = append(taken.Fresh, taken.Next)
		}
	}
	s.apply(AppendPop(nil, r.NowMillis, invisible, taken))
	return slices.Concat(taken.Again, taken.Fresh)
}

func (s *stage) ack(popTime int64, offs ...message.QueueOffset) (known int) {
	s.Helper()
	change, known, lost := s.tab.Ack(nil, s.key, popTime, offs)
	if len(lost) > 0 {
		known = len(lost)
		change = s.tab.AckLost(nil, s.key, popTime, lost)
	}
	if known > 0 {
		s.apply(change)
	}
	return known
}

func (s *stage) want(base, frontier message.QueueOffset, now int64, acked, inFlight, deliverable, expired int64) {
	s.Helper()
	got, _ := s.tab.Counts(s.key, now)
	want := Counts{Base: base, Frontier: frontier, Acknowledged: acked, InFlight: inFlight, Deliverable: deliverable, Expired: expired,
		Ordered: got.Ordered, Since: got.Since, Ahead: got.Ahead}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("-want +got\n%s", diff)
	}
}

func refusal(t *testing.T, err error) Refusal {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Error() == "" {
		t.Fatalf("got %v, want a refusal", err)
	}
	return *r
}

func TestAMessageThatIsNotAcknowledgedIsRePutOnce(t *testing.T) {
	s := newStage(t)
	s.pop(Request{Max: 4, NowMillis: 100}, 50, 10)
	at := s.at
	s.want(0, 4, 100, 0, 4, 0, 0)
	if n := s.ack(100, 0, 2); n != 2 {
		t.Fatalf("%d acknowledgements count", n)
	}
	s.want(1, 4, 149, 2, 2, 0, 0)
	if next, ok := s.tab.Next(); !ok || next != 150 {
		t.Fatalf("next due is %d, %v", next, ok)
	}
	if due := s.tab.Due(149, 10); len(due) != 0 {
		t.Fatalf("%v is due before its time", due)
	}
	s.want(1, 4, 150, 2, 0, 2, 0)
	due := s.tab.Due(150, 10)
	want := []Message{{Handle: at + 1, Key: s.key, Offset: 1, PopTime: 100, Due: 150}, {Handle: at + 3, Key: s.key, Offset: 3, PopTime: 100, Due: 150}}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Fatal(diff)
	}
	if again := s.tab.Due(150, 10); len(again) != 0 {
		t.Fatalf("%v is claimed twice", again)
	}
	if next, ok := s.tab.Next(); ok {
		t.Fatalf("all is claimed, and something is due at %d", next)
	}
	s.tab.Unclaim(at + 3)
	if again := s.tab.Due(150, 10); len(again) != 1 || again[0].Offset != 3 {
		t.Fatalf("a refused re-put comes back as %v", again)
	}
	if !s.tab.Complete(at+1, s.at+1) || s.tab.Complete(at+1, s.at+1) {
		t.Fatal("the re-put is not seen once")
	}
	s.want(3, 4, 150, 3, 0, 1, 0)
	if s.ack(100, 1) != 0 {
		t.Error("an acknowledgement counts whose message is in the retry topic")
	}
	if s.ack(100, 3); s.tab.Len() != 0 {
		t.Error("a late acknowledgement does not count")
	}
}

func TestARenewedHandleReplacesTheOldOne(t *testing.T) {
	s := newStage(t)
	s.pop(Request{Max: 2, NowMillis: 100}, 50, 10)
	change, popTime, invisible, known := s.tab.Renew(nil, s.key, 1, 100, 500, true, 120)
	if !known || popTime != 120 || invisible != 500 {
		t.Fatalf("renewed: %v, %d, %d", known, popTime, invisible)
	}
	s.apply(change)
	if s.ack(100, 1) != 0 || s.ack(120, 1) != 1 {
		t.Error("the old handle counts, or the new one does not")
	}
	change, _, _, _ = s.tab.Renew(nil, s.key, 0, 100, 0, true, 130)
	s.apply(change)
	if due := s.tab.Due(130, 1); len(due) != 1 || !due[0].Suspended || due[0].PopTime != 130 {
		t.Errorf("made visible at once, it is due as %+v", due)
	}
	if _, _, _, known := s.tab.Renew(nil, s.key, 0, 130, 99, false, 131); known {
		t.Error("renewed while it is on its way to the retry topic")
	}
}

func TestAnOrderedBatchBlocksItsQueue(t *testing.T) {
	s := newStage(t)
	ordered := Request{Ordered: true, Max: 3, Attempt: "A", NowMillis: 100}
	s.pop(ordered, 50, 10)
	other := Request{Ordered: true, Max: 3, Attempt: "B", NowMillis: 149}
	_, err := s.tab.Begin(s.key, other)
	if r := refusal(t, err); r.Reason != Blocked || r.Until != 150 || r.Count != 3 {
		t.Fatalf("refused with %+v", r)
	}
	ordered.NowMillis = 110
	if got := s.pop(ordered, 50, 10); len(got) != 3 {
		t.Fatalf("the same attempt gets %v", got)
	}
	if s.ack(100, 0) != 0 || s.ack(110, 0, 2) != 2 {
		t.Fatal("the old pop time counts, or the new one does not")
	}
	s.want(1, 3, 120, 2, 1, 0, 0)
	change, popTime, invisible, _ := s.tab.Renew(nil, s.key, 1, 110, 20, false, 120)
	if popTime != 110 || invisible != 30 {
		t.Fatalf("an ordered renewal answers %d, %d", popTime, invisible)
	}
	s.apply(change)
	if until, blocked := s.tab.Blocked(s.key, 139); !blocked || until != 140 {
		t.Fatalf("blocked: %v, %d", blocked, until)
	}
	other.NowMillis = 140
	l, err := s.tab.Begin(s.key, other)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Redelivery{{1, 1, 1201}}, l.Again); diff != "" || l.From != 3 || l.Room != 2 {
		t.Fatalf("from %d, %d more, again %s", l.From, l.Room, diff)
	}
	if r := refusal(t, second(s.tab.Begin(s.key, other))); r.Reason != Busy {
		t.Fatalf("a second lease is refused with %+v", r)
	}
	s.tab.Abandon(l)
	if got := s.pop(other, 50, 10); !slices.Equal(got, []message.QueueOffset{1, 3, 4}) {
		t.Fatalf("after its time the batch is %v", got)
	}
	if due := s.tab.Due(10_000, 10); len(due) != 0 {
		t.Errorf("%v of an ordered queue would be re-put", due)
	}
	if s.ack(140, 1, 3, 4); s.tab.Len() != 0 {
		t.Error("the batch is not done")
	}
	if _, blocked := s.tab.Blocked(s.key, 141); blocked {
		t.Error("blocked though all is acknowledged")
	}
	s.pop(Request{Ordered: true, Max: 1, NowMillis: 200}, 50, 10)
	s.pop(Request{Max: 1, NowMillis: 210}, 500, 10) // the group consumes without order from now on
	if due := s.tab.Due(250, 10); len(due) != 1 || due[0].Offset != 5 {
		t.Errorf("what was in flight in order is due as %v", due)
	}
}

func second(_ Lease, err error) error { return err }

func TestLimits(t *testing.T) {
	s := newStage(t)
	r := Request{Max: 32, NowMillis: 1, PerQueue: 40, Total: 50}
	s.pop(r, 10, 100)
	if got := s.pop(r, 10, 100); len(got) != 8 {
		t.Fatalf("%d messages pass the limit of the queue", len(got))
	}
	_, err := s.tab.Begin(s.key, r)
	if got := refusal(t, err); got.Reason != Full || got.Limit != 40 || got.Count != 40 {
		t.Fatalf("refused with %+v", got)
	}
	s.key.Queue++
	if got := s.pop(r, 10, 100); len(got) != 10 {
		t.Fatalf("%d messages pass the limit of all", len(got))
	}
	s.key.Queue++
	_, err = s.tab.Begin(s.key, r)
	if got := refusal(t, err); got.Limit != 50 {
		t.Fatalf("refused with %+v", got)
	}
}

func TestAHandleOfAPopThatACrashTookCounts(t *testing.T) {
	s := newStage(t)
	s.pop(Request{Max: 2, NowMillis: 100}, 50, 10)
	lost := newStage(t) // the log ends here; 2 and 3 were handed out at 110 behind it
	s.tab.Snapshot(lost.apply)
	lost.at = s.at
	if lost.ack(110, 3) != 0 {
		t.Error("it counts although nothing was lost")
	}
	lost.tab.Recovered(1000)
	if lost.ack(110, 3) != 1 {
		t.Error("a handle from before the crash does not count")
	}
	if lost.ack(1000, 2) != 0 {
		t.Error("a handle of a pop after the start counts")
	}
	if got := lost.pop(Request{Max: 3, NowMillis: 1100}, 50, 10); !slices.Equal(got, []message.QueueOffset{2, 4, 5}) {
		t.Errorf("the next pop hands out %v", got)
	}
	lost.apply(AppendReset(nil, s.key, 2, 105))
	if lost.ack(104, 2) != 0 || lost.ack(110, 2) != 1 {
		t.Error("a handle from before the reset counts, or one from behind it does not")
	}
}

func TestRetirement(t *testing.T) {
	s := newStage(t)
	s.pop(Request{Max: 4, NowMillis: 100}, 50, 10)
	s.ack(100, 0)
	s.apply(AppendRetire(nil, s.key, 2))
	s.want(2, 4, 100, 1, 2, 0, 1)
	s.apply(AppendExpire(nil, s.at-2*200-200+2)) // a message that is damaged
	s.apply(AppendRetire(nil, s.key, 7))         // 4 to 6 were never handed out
	if c, _ := s.tab.Counts(s.key, 100); c.Expired+c.Acknowledged != 7 || c.Acknowledged != 1 || c.Base != 7 {
		t.Errorf("counts are %+v", c)
	}
}

func TestResetAdvanceAndRemoval(t *testing.T) {
	s := newStage(t)
	s.pop(Request{Max: 4, NowMillis: 100}, 50, 10)
	s.apply(AppendAdvance(nil, s.key, 2))
	s.want(0, 4, 100, 0, 4, 0, 0)
	s.apply(AppendAdvance(nil, s.key, 6))
	s.want(0, 6, 100, 2, 4, 0, 0)
	l, err := s.tab.Begin(s.key, Request{Max: 4, NowMillis: 110})
	if err != nil {
		t.Fatal(err)
	}
	s.apply(AppendReset(nil, s.key, 1, 120))
	s.want(1, 1, 120, 1, 0, 0, 0)
	s.apply(AppendPop(nil, 110, 50, Taken{Lease: l, Fresh: []message.QueueOffset{6}, Next: 7}))
	s.want(1, 1, 120, 1, 0, 0, 0) // the reset has overtaken the pop
	if got := s.pop(Request{Max: 1, NowMillis: 130}, 50, 10); got[0] != 1 {
		t.Fatalf("after a reset to 1 comes %v", got)
	}
	var old Table
	s.tab.Snapshot(func(c []byte) {
		if err := old.Apply(c, 0); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range [][]byte{AppendRemove(nil, s.key), AppendForget(nil, 1, 0), AppendForget(nil, 0, 2), AppendForget(nil, 1, 2)} {
		if err := old.Apply(c, s.at-1); err != nil || old.Len() != 1 {
			t.Errorf("%x from before the snapshot: %v, %d left", c, err, old.Len())
		}
		tab := Table{}
		s.tab.Snapshot(func(change []byte) {
			if err := tab.Apply(change, 0); err != nil {
				t.Fatal(err)
			}
		})
		if err := tab.Apply(c, s.at+1); err != nil || tab.Len() != 0 || len(tab.index) != 0 {
			t.Errorf("%x leaves %d messages", c, tab.Len())
		}
	}
	tab := Table{}
	if l, err = tab.Begin(s.key, Request{Max: 1}); err != nil {
		t.Fatal(err)
	}
	if tab.Abandon(l); len(tab.index) != 0 {
		t.Error("an abandoned lease leaves its queue behind")
	}
}

// TestManyMessagesAreLean holds the worst case, one message a pop, against its limit, and the usual one against a tenth.
func TestManyMessagesAreLean(t *testing.T) {
	const n = 200_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, c := range []struct{ batch, limit int64 }{{1, 64}, {32, 6}} {
		before := heap()
		var tab Table
		var change []byte
		offs := make([]message.QueueOffset, c.batch)
		for i := int64(0); i < n; i += c.batch {
			k := Key{Group: 1, Topic: 1, Queue: message.QueueID(i / c.batch % 16)}
			from := message.QueueOffset(i / c.batch / 16 * c.batch)
			for j := range offs {
				offs[j] = from + message.QueueOffset(j)
			}
			change = AppendPop(change[:0], i, 60_000, Taken{Lease: Lease{Key: k, From: from}, Fresh: offs, Next: from + message.QueueOffset(c.batch)})
			if err := tab.Apply(change, message.LogOffset(1000+200*i)); err != nil {
				t.Fatal(err)
			}
		}
		used := heap() - before
		t.Logf("pops of %d: %d messages in %d KB, %.1f bytes each", c.batch, tab.Len(), used>>10, float64(used)/n)
		if used > n*c.limit {
			t.Errorf("pops of %d: %d messages take %d bytes, the limit is %d each", c.batch, n, used, c.limit)
		}
		runtime.KeepAlive(&tab)
	}
}

// TestOrder compares the paged order with a sorted slice.
func TestOrder(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		var o order
		keys := map[int32]int64{}
		key := func(id int32) int64 { return keys[id] }
		near := rapid.Int64Range(0, rapid.SampledFrom([]int64{3, 2000}).Draw(t, "spread"))
		next := int32(0)
		for range rapid.IntRange(0, 8).Draw(t, "rounds") {
			for range rapid.IntRange(0, 300).Draw(t, "inserts") {
				keys[next] = near.Draw(t, "key")
				o.insert(next, key)
				next++
			}
			for id := range next {
				if _, in := keys[id]; in && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					o.remove(id, key)
					delete(keys, id)
				}
			}
			var got []int64
			o.ascend(func(id int32) bool { got = append(got, keys[id]); return true })
			if !slices.IsSorted(got) || len(got) != len(keys) {
				t.Fatalf("%d of %d ids, sorted %v", len(got), len(keys), slices.IsSorted(got))
			}
			at := near.Draw(t, "at")
			n := 0
			o.descend(at, key, func(id int32) bool { n++; return keys[id] <= at })
			for _, k := range got {
				if k <= at {
					n--
				}
			}
			if n != 0 {
				t.Fatalf("%d ids too many or too few are at or below %d", n, at)
			}
		}
	})
}

// BenchmarkPopAndAck is what one message costs the table, in pops of 32.
func BenchmarkPopAndAck(b *testing.B) {
	var tab Table
	k := Key{1, 1, 0}
	offs := make([]message.QueueOffset, MaxMessages)
	var change []byte
	at := message.LogOffset(1000)
	for i := 0; b.Loop(); i += MaxMessages {
		l, err := tab.Begin(k, Request{Max: MaxMessages, NowMillis: int64(i)})
		if err != nil {
			b.Fatal(err)
		}
		for j := range offs {
			offs[j] = l.From + message.QueueOffset(j)
		}
		at += 400
		change = AppendPop(change[:0], int64(i), 60_000, Taken{Lease: l, Fresh: offs, Next: l.From + MaxMessages})
		if err := tab.Apply(change, at); err != nil {
			b.Fatal(err)
		}
		for j := range offs {
			change, _, _ = tab.Ack(change[:0], k, int64(i), offs[j:j+1])
			if err := tab.Apply(change, at+200); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*MaxMessages), "ns/message")
}

// Before pops were bounded by parts, a record could hold any number of them; such a log must stay readable.
func TestAPopOfManyPartsIsRead(t *testing.T) {
	const parts = 3 * MaxParts
	change := binary.AppendUvarint([]byte{kindPop, 1, 0, 0, 0, 0}, parts)
	for id := range parts {
		change = binary.AppendUvarint(change, uint64(id+1))
		change = binary.AppendVarint(append(change, 2), int64(id)) // topic, queue
		change = append(change, 0, 0, 0, 0)
	}
	var tab Table
	if err := tab.Apply(change, 1000); err != nil {
		t.Fatal(err)
	}
	if _, ok := tab.Base(Key{1, 2, parts - 1}); !ok {
		t.Error("the last part is passed over")
	}
}

// An ordered pop of a queue that was popped without order may find very much in flight, and is decided under the store's lock: it must
// not walk over all of that, neither when it is refused nor when it hands some of it out.
func TestAnOrderedPopOfMuchInFlightIsCheap(t *testing.T) {
	var tab Table
	k := Key{Group: 1, Topic: 1}
	const batches = 3000
	for i := range message.QueueOffset(batches) {
		l, err := tab.Begin(k, Request{Max: 32})
		if err != nil {
			t.Fatal(err)
		}
		tk := Taken{Lease: l, Next: l.From + 32}
		for j := range message.QueueOffset(32) {
			tk.Fresh = append(tk.Fresh, l.From+j)
		}
		if err := tab.Apply(AppendPop(nil, 0, int64(1000+i), tk), message.LogOffset(1000+500*i)); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(now int64) (err error) {
		var l Lease
		began := time.Now()
		for range 100 {
			l, err = tab.Begin(k, Request{Ordered: true, Max: 32, NowMillis: now})
			tab.Abandon(l)
		}
		if took := time.Since(began); took > 100*time.Millisecond { // a walk over all takes seconds
			t.Errorf("asking a hundred times at %d takes %v", now, took)
		}
		if err == nil && (len(l.Again) != 32 || l.Again[31].Offset != 31) {
			t.Errorf("%d messages come again", len(l.Again))
		}
		return err
	}
	if err := ask(1); refusal(t, err).Reason != Blocked {
		t.Error(err)
	}
	if r := refusal(t, second(tab.Begin(k, Request{Ordered: true, NowMillis: 1000 + batches - 2}))); r.Until != 1000+batches-1 {
		t.Errorf("blocked until %d", r.Until)
	}
	if err := ask(1000 + batches); err != nil {
		t.Error(err)
	}
}

// One group that does not acknowledge must leave room for the others.
func TestAGroupHasAShareOfWhatMayBeInFlight(t *testing.T) {
	s := newStage(t)
	r := Request{Max: 32, PerGroup: 40, Total: 80}
	s.pop(r, 1000, 100)
	if got := s.pop(r, 1000, 100); len(got) != 8 {
		t.Errorf("%d more are handed out, want 8", len(got))
	}
	if r := refusal(t, second(s.tab.Begin(s.key, r))); r.Reason != Full || r.Count != 40 || r.Limit != 40 {
		t.Errorf("refused with %+v", r)
	}
	if _, err := s.tab.Begin(Key{2, 2, 0}, r); err != nil {
		t.Errorf("another group: %v", err)
	}
}
