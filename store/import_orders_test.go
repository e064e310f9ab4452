package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// blocked asks for an ordered pop of a new attempt, and reports whether it has to wait.
func blocked(t *testing.T, s *Store, q message.Queue) bool {
	t.Helper()
	_, err := s.PopBegin("g", q, pop.Request{Ordered: true, Attempt: "another", Max: 1, Look: true, NowMillis: s.nowMillis()})
	var r *pop.Refusal
	if err != nil && !errors.As(err, &r) {
		t.Fatal(err)
	}
	return r != nil && r.Reason == pop.Blocked
}

// tableText is one of Apache's tables as it lies in the directory, without blanks.
func tableText(t *testing.T, fs vfs.FS, name string) string {
	t.Helper()
	text, err := directory.ReadText(fs, "store/config/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(text)
}

// TestOrderedPopsOfApacheAreTakenOver: what Apache has handed out in order blocks its queue until its time, Apache's pop time is good for an acknowledgement,
// what comes again does so with its count, and it is all given back.
func TestOrderedPopsOfApacheAreTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		f := newForeign(t, fs, 0)
		f.now = time.Now().UnixMilli() - 1000
		for i := range 8 {
			f.put("A", 0, message.QueueOffset(i), fmt.Sprint("a", i))
		}
		f.segment()
		f.file("config/topics.json", topicsAB)
		f.file("config/consumerOffset.json", `{"offsetTable":{"A@g":{0:2}}}`)
		popTime := time.Now().UnixMilli() - 500
		f.file("config/consumerOrderInfo.json", fmt.Sprintf(`{"table":{"A@g":{0:{"a":"first","cm":2,"i":60000,"l":%d,"o":[2,1,2,3],"oc":{2:1},"popTime":%d}},
			"gone@g":{0:{"o":[1],"popTime":1}},"odd":{},"B@g":{7:{"o":[1],"popTime":1,"i":99999999999}}}}`, popTime, popTime))
		o := testOptions(fs)
		q := message.Queue{Topic: "A"}
		s := openTest(t, o)
		if off, ok := s.Offset("g", q); !ok || off != 2 {
			t.Errorf("g stands at %d", off)
		}
		if !blocked(t, s, q) {
			t.Error("the queue is free")
		}
		if n := ack(t, s, q, popTime-1, 2); n != 0 {
			t.Error("a handle of another pop counts")
		}
		if n := ack(t, s, q, popTime, 2, 5); n != 2 {
			t.Errorf("of two acknowledgements with Apache's pop time %d count", n)
		}
		if off, _ := s.Offset("g", q); off != 4 {
			t.Errorf("g stands at %d, want 4", off)
		}
		closeTest(t, s)
		want := fmt.Sprintf(`{"table":{"A@g":{"0":{"popTime":%d,"i":60000,"o":[4,1],"l":%d,"cm":2,"a":"first"}}}}`, popTime, time.Now().UnixMilli())
		if got := tableText(t, fs, "consumerOrderInfo.json"); got != want {
			t.Errorf("Apache is told\n%s, want\n%s", got, want)
		}

		// Once as it was left, once as if Apache had had it and done nothing.
		for _, how := range []string{"closed", "taken over again", "without the cache"} {
			switch how {
			case "taken over again":
				f.file("config/topics.json", tableText(t, fs, "topics.json")+" ")
			case "without the cache":
				remove(t, fs, "store/cache")
			}
			s = openTest(t, o)
			if state, ok := s.PopState("g", q, 4); !ok || state != pop.InFlight || !blocked(t, s, q) {
				t.Errorf("%s: message 4 is %v", how, state)
			}
			if err := auditPops(s); err != nil {
				t.Errorf("%s: %v", how, err)
			}
			closeTest(t, s)
		}
		s = openTest(t, o)
		defer func() { closeTest(t, s) }()
		time.Sleep(time.Minute)
		if blocked(t, s, q) {
			t.Error("the queue is not free when the time has passed")
		}
		offs, _ := popAll(t, s, q, pop.Request{Ordered: true, Attempt: "second"}, 1000)
		if !slices.Equal(offs, []message.QueueOffset{4, 6, 7}) {
			t.Errorf("%v come then", offs)
		}
	})
}

func auditPops(s *Store) error {
	_, err := s.PopAudit()
	return err
}

// TestLightQueuesOfApacheAreTakenOver: their messages, numbers and offsets, and what a broker with light queues keeps of ordinary groups: lmqConsumerOffset.json
// counts for both, if it is the newer table or has changed.
func TestLightQueuesOfApacheAreTakenOver(t *testing.T) {
	fs := vfs.NewMem()
	f := newForeign(t, fs, 640<<10)
	lit := func(off message.QueueOffset, body, names, places string) {
		f.put("A", 0, off, body, message.PropMultiDispatch, names, message.PropMultiQueueOffset, places)
	}
	lit(40, "one", "%LMQ%a,%LMQ%$A$room", "7,0")
	f.put("A", 0, 41, "plain", message.PropMultiDispatch, "%LMQ%a") // of a time without light queues
	lit(42, "two", "%LMQ%a", "8")
	f.segment()
	f.file("config/topics.json", topicsAB)
	f.file("config/consumerOffset.json", `{"offsetTable":{"A@g":{0:40},"%LMQ%a@g":{0:0}}}`)
	f.file("config/lmqConsumerOffset.json", `{"dataVersion":{"counter":1,"timestamp":1},
		"lmqOffsetTable":{"%LMQ%a@%LMQ%client":8,"%LMQ%gone@%LMQ%client":5},"offsetTable":{"A@g":{0:42},"%LMQ%a@g":{0:7}}}`)
	f.file("consumequeue/%LMQ%gone/0/00000000000000000000", strings.Repeat(string(cqEntry(100, 50)), 5)+strings.Repeat("\x00", 200))
	o := testOptions(fs)
	wantLights := func(s *Store, offA message.QueueOffset) {
		t.Helper()
		for _, c := range []struct {
			group, topic string
			want         message.QueueOffset
		}{{"g", "A", offA}, {"g", "%LMQ%a", 7}, {"%LMQ%client", "%LMQ%a", 8}, {"%LMQ%client", "%LMQ%gone", 5}} {
			if off, ok := s.Offset(c.group, message.Queue{Topic: c.topic}); !ok || off != c.want {
				t.Errorf("%s stands at %d in %s, want %d", c.group, off, c.topic, c.want)
			}
		}
		if got := bodies(t, s, message.Queue{Topic: "%LMQ%a"}, 7); got != "one two" {
			t.Errorf("the light queue holds %q", got)
		}
		if got := bodies(t, s, message.Queue{Topic: "%LMQ%$A$room"}, 0); got != "one" {
			t.Errorf("the lite topic holds %q", got)
		}
	}
	s := openTest(t, o)
	wantLights(s, 42)
	for _, c := range []struct {
		topic string
		next  message.QueueOffset
	}{{"%LMQ%a", 9}, {"%LMQ%gone", 5}, {"%LMQ%$A$room", 1}} {
		if next := s.MaxOffset(message.Queue{Topic: c.topic}); next != c.next {
			t.Errorf("%s goes on at %d, want %d", c.topic, next, c.next)
		}
	}
	closeTest(t, s)
	for name, want := range map[string][]string{
		"consumerOffset.json":    {`"%LMQ%a@g":{"0":7}`, `"%LMQ%a@%LMQ%client":{"0":8}`, `"A@g":{"0":42}`},
		"lmqConsumerOffset.json": {`"%LMQ%a@g":{"0":7}`, `"lmqOffsetTable":{"%LMQ%a@%LMQ%client":8,"%LMQ%gone@%LMQ%client":5}`, `"A@g":{"0":42}`},
	} {
		for _, part := range want {
			if text := tableText(t, fs, name); !strings.Contains(text, part) {
				t.Errorf("%s lacks %s: %s", name, part, text)
			}
		}
	}
	// Apache moves a group on, once in the one table, once in the other; the other stays as we have left it.
	for off, name := range map[message.QueueOffset]string{41: "lmqConsumerOffset.json", 43: "consumerOffset.json"} {
		f.file("config/"+name, strings.Replace(tableText(t, fs, name), `"A@g":{"0":42}`, fmt.Sprintf(`"A@g":{"0":%d}`, off), 1))
		s = openTest(t, o)
		wantLights(s, off)
		if err := s.ResetOffset(context.Background(), "g", message.Queue{Topic: "A"}, 42); err != nil {
			t.Fatal(err)
		}
		closeTest(t, s)
	}
	remove(t, fs, "store/cache")
	s = openTest(t, o)
	wantLights(s, 42)
	closeTest(t, s)
}

// TestLightQueuesThatWereMadeAgainAreRefused: with their number, and nothing is written.
func TestLightQueuesThatWereMadeAgainAreRefused(t *testing.T) {
	fs := vfs.NewMem()
	f := newForeign(t, fs, 0)
	for i, place := range []string{"0", "1", "0", "x"} {
		f.put("A", 0, message.QueueOffset(i), "m", message.PropMultiDispatch, "%LMQ%a", message.PropMultiQueueOffset, place)
	}
	f.segment()
	f.file("config/topics.json", topicsAB)
	if s, err := Open(testOptions(fs)); err == nil || !strings.Contains(err.Error(), "2 messages of light queues") {
		t.Errorf("opened: %v", err)
		if err == nil {
			closeTest(t, s)
		}
	}
	if _, err := fs.Stat("store/" + directory.FormatFile); err == nil {
		t.Error("something was written")
	}
}

// popInOrder takes what there is of queue 0 of a topic for group g from Apache, for which it may wait, and returns the receipt handles.
func (b *broker) popInOrder(topic string, invisible, wait time.Duration, attempt string) (handles []string, code int32) {
	b.t.Helper()
	got := b.ask(protocol.ReqPopMessage, "", "consumerGroup", "g", "topic", topic, "queueId", "0", "maxMsgNums", "32",
		"invisibleTime", fmt.Sprint(invisible.Milliseconds()), "pollTime", fmt.Sprint(wait.Milliseconds()), "bornTime", fmt.Sprint(time.Now().UnixMilli()), "initMode", "0",
		"expType", "TAG", "exp", "*", "order", "true", "attemptId", attempt)
	if got.Code != 0 {
		return nil, got.Code
	}
	starts, err := protocol.ParseStartOffsets(got.Fields.String("startOffsetInfo"))
	if err != nil {
		b.t.Fatal(err)
	}
	popTime, _, _ := got.Fields.Int64("popTime")
	revive, _, _ := got.Fields.Int32("reviveQid")
	for rest := got.Body; len(rest) > 0; {
		r, err := message.ParseRecord(rest)
		if err != nil {
			b.t.Fatal(err)
		}
		h := protocol.PopHandle{StartOffset: starts[protocol.PopQueueKey(protocol.PopNormal, 0)], PopTime: popTime, InvisibleTime: invisible.Milliseconds(),
			ReviveQueue: revive, BrokerName: "broker-a", QueueOffset: int64(r.QueueOffset), CommitLogOffset: -1}
		handles = append(handles, string(h.Append(nil)))
		rest = rest[r.Size:]
	}
	return handles, 0
}

// TestOrderedPopsGoToApacheAndBack: what we have handed out in order, the real broker keeps out of sight, and takes an acknowledgement by our handle; what
// it has handed out we keep out of sight, and take its handles.
func TestOrderedPopsGoToApacheAndBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Apache's broker")
	}
	apacheJars(t)
	const invisible = 10 * time.Minute
	o := testOptions(nil)
	o.FS, o.Dir, o.SegmentSize = nil, t.TempDir()+"/store", 1<<20
	s := openTest(t, o)
	ours, theirs := message.Queue{Topic: "P"}, message.Queue{Topic: "Q"}
	for _, q := range []message.Queue{ours, theirs} {
		mustTopic(t, s, q.Topic, 1)
		for i := range 4 {
			mustPut(t, s, record(q.Topic, 0, fmt.Sprint("m", i)))
		}
	}
	mustGroup(t, s, "g")
	offs, popTime := popAll(t, s, ours, pop.Request{Ordered: true, Attempt: "one"}, invisible.Milliseconds())
	if len(offs) != 4 || ack(t, s, ours, popTime, 0) != 1 {
		t.Fatalf("popped %v", offs)
	}
	closeTest(t, s)
	if _, err := Export(o, 60_000); err != nil {
		t.Fatal(err)
	}

	b := startApache(t, o.Dir)
	if got, code := b.popInOrder("P", invisible, 0, "another"); code != protocol.ResPollingTimeout {
		t.Errorf("Apache hands %v out, code %d", got, code)
	}
	h := protocol.PopHandle{StartOffset: 0, PopTime: popTime, InvisibleTime: invisible.Milliseconds(), ReviveQueue: protocol.PopOrderQueue, BrokerName: "broker-a",
		QueueOffset: 1, CommitLogOffset: -1}
	b.acked("P", "1", string(h.Append(nil)))
	if f := b.ask(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "g", "topic", "P", "queueId", "0"); f.Fields.String("offset") != "2" {
		t.Errorf("g stands at %q in P after the acknowledgement by our handle: code %d, %s", f.Fields.String("offset"), f.Code, f.Remark)
	}
	handles, code := b.popInOrder("Q", invisible, 10*time.Second, "two")
	if len(handles) != 4 {
		t.Fatalf("Apache hands %v out, code %d", handles, code)
	}
	b.acked("Q", "1", handles[1])
	b.stop(syscall.SIGTERM)

	s = openTest(t, o)
	defer func() { closeTest(t, s) }()
	for _, c := range []struct {
		q    message.Queue
		off  message.QueueOffset
		want pop.State
	}{{ours, 1, pop.Acknowledged}, {ours, 2, pop.InFlight}, {theirs, 0, pop.InFlight}, {theirs, 1, pop.Acknowledged}, {theirs, 3, pop.InFlight}} {
		if state, ok := s.PopState("g", c.q, c.off); !ok || state != c.want {
			t.Errorf("message %d of %s is %v, want %v", c.off, c.q.Topic, state, c.want)
		}
	}
	if !blocked(t, s, ours) || !blocked(t, s, theirs) {
		t.Error("a queue is free")
	}
	first, err := protocol.ParsePopHandle(handles[0])
	if err != nil || ack(t, s, theirs, first.PopTime, message.QueueOffset(first.QueueOffset)) != 1 {
		t.Errorf("Apache's handle %q counts not: %v", handles[0], err)
	}
	if off, _ := s.Offset("g", theirs); off != 2 {
		t.Errorf("g stands at %d in Q, want 2", off)
	}
	if off, _ := s.Offset("g", ours); off != 2 {
		t.Errorf("g stands at %d in P, want 2", off)
	}
}

func (b *broker) acked(topic, offset, handle string) {
	b.t.Helper()
	if f := b.ask(protocol.ReqAckMessage, "", "consumerGroup", "g", "topic", topic, "queueId", "0", "offset", offset, "extraInfo", handle); f.Code != 0 {
		b.t.Errorf("acknowledgement by %q: code %d, %s", handle, f.Code, f.Remark)
	}
}

// TestLightQueuesGoToApacheAndBack: the real broker with light queues reads ours and the offsets in them, and we read its.
func TestLightQueuesGoToApacheAndBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Apache's broker")
	}
	apacheJars(t)
	o := testOptions(nil)
	o.FS, o.Dir, o.SegmentSize = nil, t.TempDir()+"/store", 1<<20
	s := openTest(t, o)
	mustTopic(t, s, "X", 1)
	mustGroup(t, s, "g")
	for i := range 3 {
		mustPut(t, s, record("X", 0, fmt.Sprint("ours", i), message.PropMultiDispatch, "%LMQ%a"))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, group := range []string{"g", "%LMQ%client"} {
		must(s.CommitOffset(group, message.Queue{Topic: "%LMQ%a"}, 1))
	}
	must(s.CommitOffset("g", message.Queue{Topic: "X"}, 2))
	closeTest(t, s)
	if _, err := Export(o, 60_000); err != nil {
		t.Fatal(err)
	}
	b := startApache(t, o.Dir, "enableLmq=true", "enableMultiDispatch=true")
	stands := func(group, topic, want string) {
		t.Helper()
		if f := b.ask(protocol.ReqQueryConsumerOffset, "", "consumerGroup", group, "topic", topic, "queueId", "0"); f.Fields.String("offset") != want {
			t.Errorf("%s stands at %q in %s, want %s: code %d, %s", group, f.Fields.String("offset"), topic, want, f.Code, f.Remark)
		}
	}
	stands("g", "%LMQ%a", "1")
	stands("%LMQ%client", "%LMQ%a", "1")
	stands("g", "X", "2")
	b.send("X", 0, "theirs0", message.PropMultiDispatch+"\x01%LMQ%a,%LMQ%b\x02")
	b.until(20*time.Second, "Apache shows what was sent", func() bool { return len(b.bodies("%LMQ%a", 0)) == 4 })
	for group, off := range map[string]string{"g": "2", "%LMQ%client": "3"} {
		b.ask(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", group, "topic", "%LMQ%a", "queueId", "0", "commitOffset", off)
	}
	b.ask(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "g", "topic", "X", "queueId", "0", "commitOffset", "4")
	b.stop(syscall.SIGTERM)

	s = openTest(t, o)
	defer func() { closeTest(t, s) }()
	for _, c := range []struct {
		group, topic string
		want         message.QueueOffset
	}{{"g", "%LMQ%a", 2}, {"%LMQ%client", "%LMQ%a", 3}, {"g", "X", 4}} {
		if off, ok := s.Offset(c.group, message.Queue{Topic: c.topic}); !ok || off != c.want {
			t.Errorf("%s stands at %d in %s, want %d", c.group, off, c.topic, c.want)
		}
	}
	if got := bodies(t, s, message.Queue{Topic: "%LMQ%a"}, 0); got != "ours0 ours1 ours2 theirs0" {
		t.Errorf("the light queue holds %q", got)
	}
	if got := bodies(t, s, message.Queue{Topic: "%LMQ%b"}, 0); got != "theirs0" {
		t.Errorf("the other one holds %q", got)
	}
}
