package hold

import (
	"math/rand/v2"
	"testing"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
)

func newHold(topic string, from message.QueueOffset, deadline int64, expression string) *Hold[int] {
	f, err := filter.Compile("", expression)
	if err != nil {
		panic(err)
	}
	return &Hold[int]{Queue: message.Queue{Topic: topic}, From: from, Deadline: deadline, Filter: f}
}

func TestArrivalWakesWhoWantsTheTag(t *testing.T) {
	table := New[int](10)
	var conn Owner[int]
	all, onlyA, ahead := newHold("t", 5, 100, "*"), newHold("t", 5, 100, "a"), newHold("t", 9, 100, "*")
	other := newHold("u", 5, 100, "*")
	for _, h := range []*Hold[int]{all, onlyA, ahead, other} {
		if !table.Add(h, &conn) {
			t.Fatal("table full")
		}
	}
	got := table.Arrived(nil, message.Queue{Topic: "t"}, 5, message.TagsCode([]byte("b")))
	if len(got) != 1 || got[0] != all {
		t.Errorf("tag b woke %d pulls", len(got))
	}
	got = table.Arrived(nil, message.Queue{Topic: "t"}, 6, message.TagsCode([]byte("a")))
	if len(got) != 1 || got[0] != onlyA {
		t.Errorf("tag a woke %d pulls", len(got))
	}
	if got = table.Arrived(nil, message.Queue{Topic: "t", ID: 1}, 99, 0); len(got) != 0 {
		t.Error("another queue woke somebody")
	}
	if got = table.Behind(nil, message.Queue{Topic: "t"}, 9); len(got) != 0 {
		t.Error("a queue that has not grown past the pull woke it")
	}
	if got = table.Behind(nil, message.Queue{Topic: "t"}, 10); len(got) != 1 || got[0] != ahead {
		t.Error("the net missed a pull")
	}
	if table.Len() != 1 {
		t.Errorf("%d left", table.Len())
	}
}

func TestHoldsExpireInOrder(t *testing.T) {
	table := New[int](10)
	var conn Owner[int]
	for _, deadline := range []int64{30, 10, 20} {
		table.Add(newHold("t", 0, deadline, "*"), &conn)
	}
	if next, ok := table.Next(); !ok || next != 10 {
		t.Errorf("next deadline %d", next)
	}
	got := table.Expired(nil, 20)
	if len(got) != 2 || got[0].Deadline != 10 || got[1].Deadline != 20 {
		t.Errorf("expired %d", len(got))
	}
	if got = table.Expired(nil, 29); len(got) != 0 {
		t.Error("expired too early")
	}
}

func TestHoldLimitAndDrop(t *testing.T) {
	table := New[int](2)
	var conn, other Owner[int]
	table.Add(newHold("t", 0, 1, "*"), &conn)
	table.Add(newHold("t", 0, 1, "*"), &other)
	if table.Add(newHold("t", 0, 1, "*"), &conn) {
		t.Error("a third hold fits into two")
	}
	table.Drop(&conn)
	if table.Len() != 1 || conn.first != nil || other.first == nil {
		t.Error("the wrong pulls were dropped")
	}
	if got := table.Drain(nil); len(got) != 1 || table.Len() != 0 || len(table.byQueue) != 0 {
		t.Error("not drained")
	}
}

// Whatever is added and taken out, the three views of the table agree.
func TestHoldTableStaysWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table := New[int](1000)
	conns := make([]Owner[int], 5)
	in := map[*Hold[int]]bool{}
	took := func(list []*Hold[int]) {
		for _, h := range list {
			if !in[h] {
				t.Fatal("a hold came out twice")
			}
			delete(in, h)
		}
	}
	for step := range 20_000 {
		switch r.IntN(10) {
		case 0:
			took(table.Expired(nil, r.Int64N(int64(step+1))))
		case 1:
			took(table.Arrived(nil, message.Queue{Topic: string(rune('a' + r.IntN(5)))}, message.QueueOffset(r.IntN(100)), 0))
		case 2:
			took(table.Behind(nil, message.Queue{Topic: string(rune('a' + r.IntN(5)))}, message.QueueOffset(r.IntN(100))))
		case 3:
			conn := &conns[r.IntN(len(conns))]
			for h := conn.first; h != nil; h = h.next {
				delete(in, h)
			}
			table.Drop(conn)
		default:
			h := newHold(string(rune('a'+r.IntN(5))), message.QueueOffset(r.IntN(100)), int64(step)+r.Int64N(500), "*")
			if table.Add(h, &conns[r.IntN(len(conns))]) {
				in[h] = true
			}
		}
		queued, listed := 0, 0
		for _, list := range table.byQueue {
			queued += len(list)
		}
		for i := range conns {
			for h := conns[i].first; h != nil; h = h.next {
				listed++
			}
		}
		if table.Len() != len(in) || queued != len(in) || listed != len(in) {
			t.Fatalf("step %d: %d expected, by time %d, by queue %d, by connection %d", step, len(in), table.Len(), queued, listed)
		}
	}
}
