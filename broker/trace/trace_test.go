package trace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/tracecontext"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/tracing"
)

const (
	parent   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unwanted = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	key      = "7F00000100002A139A55123456780000"
)

// made are the spans that a recorder has made.
type made struct {
	*Recorder
	spans []*tracing.Span
}

func newRecorder(ratio float64, open int) *made {
	m := &made{}
	m.Recorder = New(Options{Record: func(s *tracing.Span) { m.spans = append(m.spans, s) }, Ratio: ratio, MaxOpen: open,
		Server: netip.MustParseAddrPort("10.0.0.1:10911"), Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	return m
}

// take returns the spans as text and forgets them, with the ids that chance has made as "*".
func (m *made) take() string {
	known := map[tracecontext.SpanID]string{}
	name := func(id tracecontext.SpanID) string {
		if id == (tracecontext.SpanID{}) {
			return "none"
		}
		if hex.EncodeToString(id[:]) == parent[36:52] {
			return "parent"
		}
		if known[id] == "" {
			known[id] = fmt.Sprint("s", len(known)+1)
		}
		return known[id]
	}
	kinds := map[tracing.Kind]string{tracing.Server: "server", tracing.Producer: "producer", tracing.Consumer: "consumer"}
	var b strings.Builder
	for _, s := range m.spans {
		fmt.Fprintf(&b, "%s: %s, %s in %s", s.Name, kinds[s.Kind], name(s.Context.Span), name(s.Parent))
		if s.Remote {
			b.WriteString(" (remote)")
		}
		for _, l := range s.Links {
			b.WriteString(", link to " + name(l.Span))
		}
		if s.Failed != "" {
			b.WriteString(", failed: " + s.Failed)
		}
		b.WriteByte('\n')
		for _, a := range s.Attributes {
			if text := a.String(); text != "messaging.system=rocketmq" && !strings.HasPrefix(text, "server.") && !strings.HasPrefix(text, "messaging.operation.name") {
				b.WriteString("\t" + strings.TrimPrefix(text, "messaging.") + "\n")
			}
		}
	}
	m.spans = nil
	return b.String()
}

func properties(pairs ...string) (p message.Properties) {
	for i := 0; i < len(pairs); i += 2 {
		p = message.AppendProperty(p, pairs[i], pairs[i+1])
	}
	return p
}

// stored is a record as the log has it.
func stored(t *testing.T, topic string, queue message.QueueID, off message.QueueOffset, pairs ...string) (message.Record, []byte) {
	t.Helper()
	r := message.Record{Topic: []byte(topic), QueueID: queue, Body: []byte("hello"), BornHost: netip.MustParseAddrPort("10.0.0.9:5000"),
		StoreHost: netip.MustParseAddrPort("10.0.0.1:10911"), Properties: properties(pairs...)}
	raw := message.AppendRecord(nil, &r)
	message.Seal(raw, 1000+message.LogOffset(off), off, 5)
	r, err := message.ParseRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	return r, raw
}

func (m *made) store(t *testing.T, code int32, topic string, queue message.QueueID, off message.QueueOffset, pairs ...string) message.Record {
	t.Helper()
	r, raw := stored(t, topic, queue, off, pairs...)
	m.Stored([]commitlog.Appended{{Record: raw}}, 0, code)
	return r
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLife follows a message that brings its producer's context.
func TestLife(t *testing.T) {
	m := newRecorder(0, 0)
	m.store(t, protocol.ResSuccess, "T", 3, 7, "TAGS", "a", "KEYS", "k1 k2", "UNIQ_KEY", key, "traceparent", parent, "tracestate", "v=1")
	if s := m.spans[0]; s.Context.State != "v=1" || !s.Context.Sampled() || s.End != time.Unix(1_700_000_000, 0) || hex.EncodeToString(s.Context.Trace[:]) != parent[3:35] {
		t.Errorf("span %+v", s)
	}
	_, raw := stored(t, "T", 3, 7, "UNIQ_KEY", key, "traceparent", parent)
	q := message.Queue{Topic: "T", ID: 3}
	m.Pulled("G", q, netip.MustParseAddrPort("10.0.0.8:6000"), append(raw, raw[:10]...), 2*time.Second)
	if s := m.spans[1]; s.End.Sub(s.Start) != 2*time.Second {
		t.Errorf("span %+v", s)
	}
	m.Renewed("G", q, 7)
	m.Acked("G", q, []message.QueueOffset{6, 7, 8})
	m.Acked("G", q, []message.QueueOffset{7})
	m.Committed("G", q, 100)
	same(t, m.take(), `send T: server, s1 in parent (remote)
	operation.type=send
	destination.name=T
	destination.partition.id=3
	rocketmq.message.queue_offset=7
	message.id=`+key+`
	message.body.size=5
	rocketmq.message.type=normal
	rocketmq.message.tag=a
	rocketmq.message.keys=k1 k2
	network.peer.address=10.0.0.9
	network.peer.port=5000
receive T: server, s2 in parent (remote), link to parent
	operation.type=receive
	destination.name=T
	consumer.group.name=G
	destination.partition.id=3
	rocketmq.message.queue_offset=7
	message.id=`+key+`
	message.body.size=5
	rocketmq.message.type=normal
	rocketmq.message.delivery_attempt=1
	network.peer.address=10.0.0.8
	network.peer.port=6000
change_invisible_duration T: server, s3 in s2, link to parent
	operation.type=settle
	destination.name=T
	consumer.group.name=G
	destination.partition.id=3
	rocketmq.message.queue_offset=7
	message.id=`+key+`
	rocketmq.message.delivery_attempt=1
ack T: server, s4 in s2, link to parent
	operation.type=settle
	destination.name=T
	consumer.group.name=G
	destination.partition.id=3
	rocketmq.message.queue_offset=7
	message.id=`+key+`
	rocketmq.message.delivery_attempt=1
`)
}

// TestWithoutContext: the broker's spans stand in for those of clients that make none, and find together whenever they are made.
func TestWithoutContext(t *testing.T) {
	m := newRecorder(1, 0)
	r := m.store(t, protocol.ResSuccess, "T", 0, 1, "UNIQ_KEY", key)
	trace := m.spans[0].Context.Trace
	m.Received(&Delivery{Group: "G", Queue: message.Queue{Topic: "%RETRY%G", ID: 0}, Offset: 5, Again: 2}, &r)
	later := newRecorder(1, 0)
	later.Received(&Delivery{Group: "H", Queue: message.Queue{Topic: "T"}, Offset: 1}, &r)
	if s := later.spans[0]; s.Context.Trace != trace || s.Parent != m.spans[0].Context.Span {
		t.Errorf("after a restart the trace is %x, it was %x", s.Context.Trace, trace)
	}
	m.Committed("G", message.Queue{Topic: "%RETRY%G"}, 5)
	m.Committed("G", message.Queue{Topic: "%RETRY%G"}, 6)
	text := m.take()
	for _, line := range []string{"send T: producer, s1 in none\n", "receive T: consumer, s2 in s1, link to s1\n", "commit T: server, s3 in s2, link to s1\n",
		"delivery_attempt=3\n", "queue_offset=5\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	m.store(t, protocol.ResSuccess, "T", 0, 1)
	m.store(t, protocol.ResSuccess, "T", 0, 2)
	if a, b := m.spans[0].Context, m.spans[1].Context; a.Trace == b.Trace || a.Span == b.Span {
		t.Error("two messages without a key are one")
	}
}

func TestWhatIsTraced(t *testing.T) {
	f := func(ratio float64, topic string, want bool, pairs ...string) {
		t.Helper()
		m := newRecorder(ratio, 0)
		m.store(t, protocol.ResSuccess, topic, 0, 1, append(pairs, "UNIQ_KEY", key)...)
		if got := len(m.spans) == 1; got != want {
			t.Errorf("%v %s %q: traced %v", ratio, topic, pairs, got)
		}
	}
	f(0, "T", false)
	f(0, "T", true, "traceparent", parent)
	f(1, "T", false, "traceparent", unwanted)
	f(0, "T", true, "TRACE_CONTEXT", parent)
	f(1, "T", true, "TRACE_CONTEXT", "x")
	f(0, "T", false, "traceparent", "x")
	f(1, "T", true, "traceparent", "x")
	for _, topic := range []string{"RMQ_SYS_TRACE_TOPIC", "rmq_sys_x", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT"} {
		f(1, topic, false)
		f(1, topic, false, "traceparent", parent)
	}
	m := newRecorder(0.25, 0)
	const n = 8000
	for i := range n {
		m.store(t, protocol.ResSuccess, "T", 0, 1, "UNIQ_KEY", fmt.Sprint(key, i))
	}
	if got := len(m.spans); got < n/5 || got > n*3/10 {
		t.Errorf("%d of %d messages are traced, want a quarter", got, n)
	}
	m.store(t, protocol.ResSuccess, "T", 0, 1, "traceparent", "x")
	count := 0.0
	m.Emit(func(s metrics.Sample) { count += s.Value })
	if count != 1 {
		t.Errorf("%v contexts count as malformed", count)
	}
}

// TestKinds: what waits for its time, belongs to a transaction, or has an order.
func TestKinds(t *testing.T) {
	f := func(topic string, want []string, pairs ...string) {
		t.Helper()
		m := newRecorder(1, 0)
		m.store(t, protocol.ResSuccess, topic, 9, 1, append(pairs, "UNIQ_KEY", key)...)
		text := m.take()
		for _, line := range append(want, "send T: ") {
			if !strings.Contains(text, line) {
				t.Errorf("%q: %q is missing in\n%s", pairs, line, text)
			}
		}
		if placed := strings.Contains(text, "queue_offset"); placed != (topic == "T") {
			t.Errorf("%q: the place is named: %v", topic, placed)
		}
	}
	f("T", []string{"type=fifo\n", "rocketmq.message.group=g\n"}, message.PropShardingKey, "g")
	f(message.TopicSchedule, []string{"type=delay\n", "delay_time_level=3\n"}, message.PropDelay, "3", message.PropRealTopic, "T")
	f(message.TopicWheel, []string{"type=delay\n", "delivery_timestamp=1700000000000\n"}, message.PropTimerDeliverMS, "1", message.PropTimerOut, "1700000000000",
		message.PropRealTopic, "T")
	f(message.TopicHalf, []string{"type=transaction\n"}, message.PropTransaction, "true", message.PropRealTopic, "T")
}

func TestEnds(t *testing.T) {
	m := newRecorder(0, 0)
	f := func(want string) {
		t.Helper()
		if text := m.take(); !strings.HasPrefix(text, want) {
			t.Errorf("got\n%swant\n%s", text, want)
		}
	}
	r, _ := stored(t, "%RETRY%G", 0, 1, "traceparent", parent, message.PropRetryTopic, "T")
	r.ReconsumeTimes = 1
	m.Returned("G", &r)
	f("nack T: server, s1 in parent (remote), link to parent\n\toperation.type=settle\n\tdestination.name=T\n\tconsumer.group.name=G\n")
	r.Topic = []byte("%DLQ%G")
	m.Returned("G", &r)
	f("dead_letter T: server")
	r, _ = stored(t, message.TopicHalf, 0, 1, "traceparent", parent, message.PropRealTopic, "T")
	m.Ended(&r, true)
	f("commit_transaction T: server, s1 in parent (remote), link to parent\n")
	m.Ended(&r, false)
	f("rollback_transaction T: server")
	m.store(t, protocol.ResFlushDiskTimeout, "T", 0, 1, "traceparent", parent)
	f("send T: server, s1 in parent (remote), failed: flush_disk_timeout\n")
}

func TestRefused(t *testing.T) {
	m := newRecorder(1, 0)
	h := protocol.SendMessageHeader{Topic: []byte("T"), ProducerGroup: []byte("P"), DefaultTopic: []byte("TBW102"), Properties: properties("traceparent", parent, "UNIQ_KEY", key)}
	f := protocol.Frame{Code: protocol.ReqSendMessage, Body: []byte("x")}
	h.AppendV1(&f.Fields)
	from := netip.MustParseAddrPort("10.0.0.9:5000")
	m.Refused(&f, from, protocol.ResTopicNotExist, "topic[T] not exist")
	text := m.take()
	if !strings.HasPrefix(text, "send T: server, s1 in parent (remote), failed: topic[T] not exist\n") || !strings.Contains(text, "\terror.type=topic_not_exist\n") {
		t.Errorf("got\n%s", text)
	}
	m.Refused(&protocol.Frame{Code: protocol.ReqSendMessage}, from, protocol.ResSystemError, "no header")
	if len(m.spans) != 0 {
		t.Errorf("got\n%s", m.take())
	}
	h.Properties = properties("UNIQ_KEY", key) // sent once more it may be taken, and is the origin then
	f.Fields = nil
	h.AppendV1(&f.Fields)
	m.Refused(&f, from, protocol.ResSystemBusy, strings.Repeat("x", 10_000))
	if s := m.spans[0]; s.Parent == (tracecontext.SpanID{}) || s.Parent == s.Context.Span || len(s.Failed) > 600 {
		t.Errorf("span %+v", s)
	}
}

// TestNobodyTraces: a nil recorder costs nothing.
func TestNobodyTraces(t *testing.T) {
	var r *Recorder
	rec, raw := stored(t, "T", 0, 1)
	recs := []commitlog.Appended{{Record: raw}}
	q := message.Queue{Topic: "T"}
	offs := []message.QueueOffset{1}
	n := testing.AllocsPerRun(100, func() {
		r.Stored(recs, 1, 0)
		r.Refused(nil, netip.AddrPort{}, 1, "")
		r.Pulled("G", q, netip.AddrPort{}, raw, 0)
		r.Received(nil, &rec)
		r.Acked("G", q, offs)
		r.Renewed("G", q, 1)
		r.Committed("G", q, 1)
		r.Returned("G", &rec)
		r.Ended(&rec, true)
		r.Emit(nil)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestUntracedMessagesAllocateNothing: with a small ratio most messages are looked at and left alone.
func TestUntracedMessagesAllocateNothing(t *testing.T) {
	m := newRecorder(1e-12, 0)
	_, raw := stored(t, "T", 0, 1, "TAGS", "a", "UNIQ_KEY", key)
	recs := []commitlog.Appended{{Record: raw}}
	if n := testing.AllocsPerRun(100, func() { m.Stored(recs, 1, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestDeliveriesAgainstAList compares what is remembered with a plain list of the latest deliveries.
func TestDeliveriesAgainstAList(t *testing.T) {
	const most = 20
	rnd := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a test's steps
	var o deliveries
	o.init(most)
	var ring []*delivered // the latest
	places := []place{{"G", message.Queue{Topic: "T"}}, {"G", message.Queue{Topic: "T", ID: 1}}, {"H", message.Queue{Topic: "T"}}}
	open := map[*delivered]bool{}
	find := func(p place, off message.QueueOffset) *delivered {
		for d := range open {
			if d.place == p && d.offset == off {
				return d
			}
		}
		return nil
	}
	for step := range 20_000 {
		p, off := places[rnd.IntN(len(places))], message.QueueOffset(rnd.IntN(40))
		switch rnd.IntN(8) {
		case 0:
			want := find(p, off)
			if got := o.take(p, off); got != want {
				t.Fatalf("step %d: take %v, want %v", step, got, want)
			}
			delete(open, want)
		case 1:
			want := 0
			for d := range open {
				if d.place == p && d.offset < off {
					want++
					delete(open, d)
				}
			}
			got := o.takeBelow(p, off)
			for i, d := range got {
				if d.offset >= off || i > 0 && got[i-1].offset >= d.offset {
					t.Fatalf("step %d: offset %d is below %d", step, d.offset, off)
				}
			}
			if len(got) != want {
				t.Fatalf("step %d: %d below, want %d", step, len(got), want)
			}
		case 2:
			if got, want := o.look(p, off), find(p, off); got != want {
				t.Fatalf("step %d: look %v, want %v", step, got, want)
			}
		default:
			d := &delivered{place: p, offset: off}
			if old := find(p, off); old != nil {
				delete(open, old)
			}
			open[d] = true
			o.add(d)
			if ring = append(ring, d); len(ring) > most {
				delete(open, ring[0])
				ring = ring[1:]
			}
		}
		if n := len(o.byPlace[places[0]]) + len(o.byPlace[places[1]]) + len(o.byPlace[places[2]]); n != len(open) || n > most {
			t.Fatalf("step %d: %d are open, want %d", step, n, len(open))
		}
	}
}

// BenchmarkStored is what a message costs that is looked at and not traced, and one that is.
func BenchmarkStored(b *testing.B) {
	for _, ratio := range []float64{0, 1e-12, 1} {
		b.Run(fmt.Sprint("ratio=", ratio), func(b *testing.B) {
			r := New(Options{Record: func(*tracing.Span) {}, Ratio: ratio})
			rec := message.Record{Topic: []byte("T"), Body: make([]byte, 1024), Properties: properties("TAGS", "a", "UNIQ_KEY", key)}
			raw := message.AppendRecord(nil, &rec)
			message.Seal(raw, 1000, 5, 5)
			recs := []commitlog.Appended{{Record: raw}}
			b.ReportAllocs()
			for b.Loop() {
				r.Stored(recs, 0, 0)
			}
		})
	}
}

// FuzzPulled: what lies in a queue is what clients have sent.
func FuzzPulled(f *testing.F) {
	r := message.Record{Topic: []byte("T"), Body: []byte("x"), Properties: properties("traceparent", parent, "KEYS", "a b")}
	raw := message.AppendRecord(nil, &r)
	message.Seal(raw, 1000, 5, 5)
	f.Add(raw)
	f.Add(binary.BigEndian.AppendUint32(nil, 100))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := newRecorder(1, 4)
		m.Pulled("G", message.Queue{Topic: "T"}, netip.AddrPort{}, raw, 0)
		for _, s := range m.spans {
			if len(s.Name) > 300 || s.Context.Trace == (tracecontext.TraceID{}) || s.Context.Span == (tracecontext.SpanID{}) {
				t.Errorf("span %+v", s)
			}
		}
	})
}
