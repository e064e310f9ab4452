package order_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/order"
)

func TestOpen(t *testing.T) {
	three := order.Order{PopTime: 1000, Invisible: 500, Offsets: []message.QueueOffset{10, 1, 3}, Acked: 0b010,
		Visible: map[message.QueueOffset]int64{13: 1900}, Counts: map[message.QueueOffset]int32{10: 2}}
	first, last := order.Held{Offset: 10, PopTime: 1000, Due: 1500, Count: 2}, order.Held{Offset: 13, PopTime: 1000, Due: 1900}
	before := order.Held{Offset: 9, PopTime: 1000, Due: 1500}
	done := three
	done.Acked = 0b111
	far := three
	far.Offsets = []message.QueueOffset{3000, 1, 3}
	f := func(what string, o order.Order, base, end, next message.QueueOffset, want ...order.Held) {
		t.Helper()
		held, n := o.Open(base, end)
		if diff := cmp.Diff(want, held); diff != "" || n != next {
			t.Errorf("%s: goes on at %d, want %d; (-want +got):\n%s", what, n, next, diff)
		}
	}
	f("one is acknowledged", three, 10, 20, 14, first, last)
	f("the group stands behind the first", three, 12, 20, 14, last)
	f("the group stands behind all", three, 14, 20, 14)
	f("the group stands before the first", three, 9, 20, 14, before, first, last)
	f("the group stands far before the first", far, 10, 4000, 10)
	f("the log has lost the last", three, 10, 13, 12, first)
	f("the log has lost all", three, 10, 10, 10)
	f("all are acknowledged", done, 10, 20, 10)
	f("nothing was popped", order.Order{}, 7, 20, 7)
	f("a time that cannot be", order.Order{PopTime: 1 << 60, Offsets: []message.QueueOffset{7}}, 7, 20, 7)
}

// TestApachesText: the table as RocketMQ 5.5.0 writes it.
func TestApachesText(t *testing.T) {
	const text = `{"table":{"T@g":{"0":{"popTime":1795386426000,"i":60000,"o":[4,1],"ot":{"5":1795386999000},"oc":{"4":1},"l":1795386426001,"cm":0,"a":"first"}}}}`
	var table order.Table
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		t.Fatal(err)
	}
	held, next := table.Orders["T@g"][0].Open(4, 6)
	want := []order.Held{{Offset: 4, PopTime: 1795386426000, Due: 1795386486000, Count: 1}, {Offset: 5, PopTime: 1795386426000, Due: 1795386999000}}
	if diff := cmp.Diff(want, held); diff != "" || next != 6 {
		t.Errorf("goes on at %d; (-want +got):\n%s", next, diff)
	}
	if back, err := json.Marshal(table); err != nil || string(back) != text {
		t.Errorf("%v\n%s\n%s", err, text, back)
	}
}

// TestThereAndBack: what is given to Apache is what is taken back, and no more than one pop of it.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offs := rapid.SliceOfNDistinct(rapid.IntRange(0, 200), 1, 60, rapid.ID[int]).Draw(t, "offsets")
		slices.Sort(offs)
		popTime := rapid.Int64Range(1, 1<<45).Draw(t, "pop time")
		var want []order.Held
		for _, off := range offs {
			want = append(want, order.Held{Offset: message.QueueOffset(off), PopTime: popTime, Due: popTime + rapid.Int64Range(1, 1000).Draw(t, "invisible"),
				Count: int32(rapid.IntRange(0, 5).Draw(t, "count"))})
		}
		next := message.QueueOffset(offs[len(offs)-1] + 1 + rapid.IntRange(0, 3).Draw(t, "acknowledged behind"))
		text, err := json.Marshal(order.Of("attempt", want, next, 1))
		if err != nil {
			t.Fatal(err)
		}
		var o order.Order
		if err := json.Unmarshal(text, &o); err != nil || o.Attempt != "attempt" || o.Last != 1 {
			t.Fatalf("%v in %s", err, text)
		}
		got, on := o.Open(want[0].Offset, 1000)
		end := min(next, want[0].Offset+32)
		want = slices.DeleteFunc(want, func(h order.Held) bool { return h.Offset >= end })
		if diff := cmp.Diff(want, got); diff != "" || on != end {
			t.Errorf("goes on at %d, want %d; (-want +got):\n%s", on, end, diff)
		}
	})
}

// FuzzOpen: whatever lies in the table, the messages are sorted, there once, and within the queue.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"popTime":5,"i":1,"o":[4,1],"ot":{"5":9},"oc":{"4":1},"cm":1}`), int64(3), int64(9))
	f.Add([]byte(`{"o":[9223372036854775807,-1,9223372036854775807]}`), int64(0), int64(1)<<62)
	f.Fuzz(func(t *testing.T, text []byte, base, end int64) {
		var o order.Order
		if json.Unmarshal(text, &o) != nil || base < 0 || base > end {
			return
		}
		held, next := o.Open(message.QueueOffset(base), message.QueueOffset(end))
		last := message.QueueOffset(base - 1)
		for _, h := range held {
			if h.Offset <= last || h.Offset >= message.QueueOffset(end) || h.Offset >= next {
				t.Fatalf("%+v, goes on at %d", held, next)
			}
			last = h.Offset
		}
		if next < message.QueueOffset(base) || len(held) > 1100 {
			t.Errorf("goes on at %d with %d messages", next, len(held))
		}
	})
}
