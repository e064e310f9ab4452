package popping

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/remoting"
)

var start = time.Unix(1000, 0)

func newWaiting(limit, perKey int) *waiting {
	w := &waiting{}
	w.init(limit, perKey)
	return w
}

// waits makes a request of a group for a queue of topic T, until so many seconds after the start.
func waits(conn *remoting.Conn, groupName string, queue int32, seconds int, tags string) *request {
	r := &request{conn: conn, key: key{group: groupName, queue: queue}, topics: []string{"T", "%RETRY%" + groupName + "_T"}, at: start.Add(time.Duration(seconds) * time.Second)}
	if tags != "" {
		r.filter, _ = filter.Compile(filter.Tag, tags)
	}
	return r
}

func (w *waiting) must(t *testing.T, r *request) *request {
	t.Helper()
	if !w.add(r) {
		t.Fatalf("no room for %+v", r.key)
	}
	return r
}

func want(t *testing.T, what string, got []*request, want ...*request) {
	t.Helper()
	if len(got) != len(want) || slices.ContainsFunc(want, func(r *request) bool { return !slices.Contains(got, r) }) {
		var keys []string
		for _, r := range got {
			keys = append(keys, fmt.Sprintf("%+v", r.key))
		}
		t.Errorf("%s: woken are %v, want %d", what, keys, len(want))
	}
}

func TestArrivalsWakeOneOfEach(t *testing.T) {
	w, c := newWaiting(100, 100), &remoting.Conn{}
	all, later := w.must(t, waits(c, "g", -1, 1, "")), w.must(t, waits(c, "g", -1, 2, ""))
	one, other := w.must(t, waits(c, "g", 1, 3, "")), w.must(t, waits(c, "g", 2, 4, ""))
	picky := w.must(t, waits(c, "h", -1, 5, "a"))
	tag := func(text string) int64 { return message.TagsCode([]byte(text)) }
	want(t, "queue 1", w.arrived(nil, message.Queue{Topic: "T", ID: 1}, tag("b")), all, one)
	want(t, "another topic", w.arrived(nil, message.Queue{Topic: "U", ID: 1}, tag("b")))
	want(t, "the wanted tag", w.arrived(nil, message.Queue{Topic: "T", ID: 0}, tag("a")), later, picky)
	want(t, "what comes again", w.arrived(nil, message.Queue{Topic: "%RETRY%g_T"}, tag("z")), other)
	if n := w.count.Load(); n != 0 || len(w.lanes) != 0 || len(w.conns) != 0 {
		t.Errorf("%d are left, of %d topics and %d connections", n, len(w.lanes), len(w.conns))
	}
}

func TestWhatAPopLeavesWakesTheNext(t *testing.T) {
	w, c := newWaiting(100, 100), &remoting.Conn{}
	if got := w.next("T", key{group: "g", queue: 1}); got != nil {
		t.Errorf("nobody waits, woken are %d", len(got))
	}
	first, second := w.must(t, waits(c, "g", -1, 1, "x")), w.must(t, waits(c, "g", 1, 2, ""))
	want(t, "of the queue", w.next("T", key{group: "g", queue: 1}), second)
	want(t, "of all queues", w.next("T", key{group: "g", queue: 1}), first)
}

func TestRequestsEndInTheOrderOfTheirTimes(t *testing.T) {
	w, c := newWaiting(100, 100), &remoting.Conn{}
	var all []*request
	for i := range 20 {
		all = append(all, w.must(t, waits(c, fmt.Sprint("g", i%3), -1, 20-i, "")))
	}
	due, next, some := w.due(start.Add(5 * time.Second))
	want(t, "after 5 s", due, all[15:]...)
	if !some || !next.Equal(start.Add(6*time.Second)) {
		t.Errorf("the next one is due at %v, %v", next, some)
	}
	if w.remove(all[19]) || !w.remove(all[0]) || w.remove(all[0]) {
		t.Error("a request can be taken out once")
	}
	want(t, "at the end", w.drain(), all[1:15]...)
	if w.add(all[1]) {
		t.Error("something waits behind the end")
	}
}

func TestWaitingIsBounded(t *testing.T) {
	w, a, b := newWaiting(3, 2), &remoting.Conn{}, &remoting.Conn{}
	w.must(t, waits(a, "g", -1, 1, ""))
	w.must(t, waits(a, "g", -1, 1, ""))
	if w.add(waits(a, "g", -1, 1, "")) {
		t.Error("three wait for the same, the limit is two")
	}
	kept := w.must(t, waits(b, "h", -1, 1, ""))
	if w.add(waits(b, "i", -1, 1, "")) {
		t.Error("four wait, the limit is three")
	}
	w.drop(a)
	if w.of("T", key{group: "g", queue: -1}) != 0 || w.of("T", key{group: "h", queue: -1}) != 1 {
		t.Error("the end of a connection takes its own requests along, and those alone")
	}
	want(t, "of the other connection", w.arrived(nil, message.Queue{Topic: "T"}, 0), kept)
}

// An arrival is told on the goroutine that commits: it must not look at all those who wait for other queues.
func TestAnArrivalLooksAtItsQueueAlone(t *testing.T) {
	w := newWaiting(100_000, 1024)
	c := &remoting.Conn{}
	for g := range 10 {
		for q := range 1000 {
			w.must(t, waits(c, fmt.Sprint("g", g), int32(q), 1, ""))
		}
	}
	began := time.Now()
	for range 1000 {
		w.arrived(nil, message.Queue{Topic: "T", ID: 5000}, 0)
	}
	if took := time.Since(began); took > 200*time.Millisecond { // to look at all takes seconds
		t.Errorf("a thousand messages for which nobody waits take %v", took)
	}
	if got := w.arrived(nil, message.Queue{Topic: "T", ID: 999}, 0); len(got) != 10 {
		t.Errorf("a message for which ten groups wait wakes %d", len(got))
	}
	if got := w.arrived(nil, message.Queue{Topic: "%RETRY%g3_T"}, 0); len(got) != 1 || got[0].key.group != "g3" {
		t.Errorf("a message that comes again to one group wakes %d", len(got))
	}
}

func TestWhoHasFoundAQueueBusyIsToldWhenItIsFree(t *testing.T) {
	w, c := newWaiting(100, 100), &remoting.Conn{}
	at := found{"g", message.Queue{Topic: "T", ID: 1}}
	busy := func(seconds int, notify bool) *request {
		r := waits(c, "g", anyQueue, seconds, "")
		r.busy, r.key.notify = at, notify
		return w.must(t, r)
	}
	note, pop, later := busy(1, true), busy(2, false), busy(3, false)
	idle := w.must(t, waits(c, "g", 1, 4, ""))
	want(t, "another group's", w.freed(found{"h", at.queue}))
	want(t, "the first time", w.freed(at), note, pop)
	want(t, "the second time", w.freed(at), later)
	want(t, "the third time", w.freed(at))
	w.remove(idle)
	if n := w.contended.Load(); n != 0 || len(w.lanes) != 0 {
		t.Errorf("%d queues are busy, %d lanes are left", n, len(w.lanes))
	}
}
