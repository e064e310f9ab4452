package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// transactor is a producer that Apache asks about transactions. It commits what begins with "keep", rolls back what begins with
// "drop", and does not know about anything else.
type transactor struct {
	mu    sync.Mutex // guards asked
	asked map[string]int
}

func (p *transactor) join(b *broker) {
	b.t.Helper()
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqCheckTransactionState, "check", func(c *remoting.Conn, f *protocol.Frame) {
		var h protocol.CheckTransactionHeader
		r, err := message.ParseRecord(f.Body)
		if err != nil || h.Decode(f.Fields) != nil {
			return
		}
		text := string(r.Body)
		p.mu.Lock()
		p.asked[text]++
		p.mu.Unlock()
		end := protocol.EndTransactionHeader{Topic: h.Topic, ProducerGroup: "pg", TranStateTableOffset: h.TranStateTableOffset,
			CommitLogOffset: h.CommitLogOffset, FromTransactionCheck: true, MsgID: h.MsgID, TransactionID: h.TransactionID}
		switch {
		case strings.HasPrefix(text, "keep"):
			end.CommitOrRollback = 8
		case strings.HasPrefix(text, "drop"):
			end.CommitOrRollback = 12
		}
		answer := &protocol.Frame{Code: protocol.ReqEndTransaction, Version: 513, Flag: protocol.FlagOneway}
		end.Append(&answer.Fields)
		c.Send(answer)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := remoting.Dial(ctx, b.addr, remoting.Options{Mux: mux})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	got, err := conn.Invoke(ctx, &protocol.Frame{Code: protocol.ReqHeartBeat, Version: 513,
		Body: []byte(`{"clientID":"transactor","producerDataSet":[{"groupName":"pg"}],"consumerDataSet":[]}`)})
	if err != nil || got.Code != 0 {
		b.t.Fatalf("heartbeat: %+v, %v", got, err)
	}
}

func (p *transactor) times(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[text]
}

// pop takes everything of queue 0 of P, and of its retry topic, for group g, and acknowledges what is named of P.
func (b *broker) pop(invisible int, acked ...int64) (bodies []string) {
	b.t.Helper()
	got := b.ask(protocol.ReqPopMessage, "", "consumerGroup", "g", "topic", "P", "queueId", "0", "maxMsgNums", "32",
		"invisibleTime", strconv.Itoa(invisible), "pollTime", "0", "bornTime", strconv.FormatInt(time.Now().UnixMilli(), 10), "initMode", "0",
		"expType", "TAG", "exp", "*", "order", "false")
	if got.Code != 0 {
		b.t.Fatalf("pop: code %d, %s", got.Code, got.Remark)
	}
	for rest := got.Body; len(rest) > 0; {
		r, err := message.ParseRecord(rest)
		if err != nil {
			b.t.Fatal(err)
		}
		bodies = append(bodies, string(r.Body))
		rest = rest[r.Size:]
	}
	slices.Sort(bodies)
	starts, err := protocol.ParseStartOffsets(got.Fields.String("startOffsetInfo"))
	if err != nil {
		b.t.Fatal(err)
	}
	popTime, _, _ := got.Fields.Int64("popTime")
	revive, _, _ := got.Fields.Int32("reviveQid")
	for _, off := range acked {
		h := protocol.PopHandle{StartOffset: starts[protocol.PopQueueKey(protocol.PopNormal, 0)], PopTime: popTime, InvisibleTime: int64(invisible),
			ReviveQueue: revive, BrokerName: "broker-a", QueueOffset: off, CommitLogOffset: -1}
		f := b.ask(protocol.ReqAckMessage, "", "consumerGroup", "g", "topic", "P", "queueId", "0", "offset", strconv.FormatInt(off, 10),
			"extraInfo", string(h.Append(nil)))
		if f.Code != 0 {
			b.t.Fatalf("ack of %d: code %d, %s", off, f.Code, f.Remark)
		}
	}
	return bodies
}

// pendingStore makes a store with open and ended transactions, messages that are popped, and some of them acknowledged.
func pendingStore(t *testing.T) (o Options, due time.Time) {
	o = testOptions(nil)
	o.FS, o.Dir, o.SegmentSize = nil, filepath.Join(t.TempDir(), "store"), 1<<20
	s := openTest(t, o)
	mustTopic(t, s, "X", 1)
	mustTopic(t, s, "P", 1)
	mustTopic(t, s, message.TopicHalf, 1)
	mustTopic(t, s, message.TopicOpHalf, 1)
	mustGroup(t, s, "g")
	half := func(text string) message.LogOffset {
		r := record("X", 0, text, message.PropProducerGroup, "pg", message.PropUniqueKey, text)
		r.BornTime = time.Now().UnixMilli() // Apache passes over what is older than its log keeps messages
		return putHalf(t, s, r).LogOffset
	}
	kept, gone := half("ended"), half("gone")
	half("keep 1")
	half("drop 1")
	if _, err := endHalf(s, kept, true); err != nil {
		t.Fatal(err)
	}
	if _, err := endHalf(s, gone, false); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		mustPut(t, s, record("P", 0, fmt.Sprint("p", i)))
	}
	const invisible = 15_000
	offs, popTime := popAll(t, s, message.Queue{Topic: "P"}, pop.Request{}, invisible)
	if len(offs) != 5 || ack(t, s, message.Queue{Topic: "P"}, popTime, 0, 1, 3) != 3 {
		t.Fatalf("popped %v", offs)
	}
	closeTest(t, s)
	rep, err := Export(o, 60_000)
	if err != nil || rep.Halves != 2 || rep.Popped != 2 || rep.Delayed != 2 {
		t.Fatalf("the export reports %+v, %v", rep, err)
	}
	return o, time.UnixMilli(popTime + invisible)
}

// TestPendingGoesToApacheAndBack hands open transactions and popped messages to the real broker, which has to end and to redeliver
// them; what it leaves open and popped itself is ours then, and goes to it once more. Nothing is lost, early or there twice.
func TestPendingGoesToApacheAndBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Apache's broker")
	}
	apacheJars(t)
	o, due := pendingStore(t)
	settings := []string{"transactionTimeOut=1000", "transactionCheckInterval=1000", "transactionOpBatchInterval=200", "transactionCheckMax=1000"}
	b := startApache(t, o.Dir, settings...)
	want := func(who string, bodies []string, text string) {
		t.Helper()
		if got := strings.Join(bodies, ", "); got != text {
			t.Errorf("%s has %q, want %q", who, got, text)
		}
	}
	producer := &transactor{asked: map[string]int{}}
	producer.join(b)
	b.until(40*time.Second, "Apache asks about what is open", func() bool {
		return producer.times("drop 1") > 0 && len(b.bodies("X", 0)) == 2
	})
	want("Apache's X", b.bodies("X", 0), "ended, keep 1")
	if f := b.ask(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "g", "topic", "P", "queueId", "0"); f.Fields.String("offset") != "5" {
		t.Errorf("g stands at %q in P: code %d, %s", f.Fields.String("offset"), f.Code, f.Remark)
	}
	if time.Now().Before(due) {
		want("Apache's retry topic before the time", b.bodies("%RETRY%g_P", 0), "")
	}
	// Apache's own: a transaction that it asks about and that stays open, one that it ends, and pops of three with one acknowledgement.
	for _, text := range []string{"open", "keep 2"} {
		b.send("X", 0, text, "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01"+text+"\x02")
	}
	for i := 5; i < 8; i++ {
		b.send("P", 0, fmt.Sprint("p", i), "")
	}
	b.until(40*time.Second, "Apache redelivers what is due", func() bool { return len(b.bodies("%RETRY%g_P", 0)) >= 2 })
	want("Apache's retry topic", slices.Sorted(slices.Values(b.bodies("%RETRY%g_P", 0))), "p2, p4") // both in one second
	// It stays out of sight for longer than Apache may need to ask and to stop; our clock is moved to the end of that time.
	const invisible = 5 * time.Minute
	popped := time.Now()
	want("a pop", b.pop(int(invisible.Milliseconds()), 6), "p2, p4, p5, p6, p7") // what came again, too
	b.until(40*time.Second, "Apache asks twice", func() bool { return producer.times("open") > 1 && len(b.bodies("X", 0)) == 3 })
	b.stop(syscall.SIGTERM)

	c := &clock{}
	o.Now = c.now
	s := openTest(t, o)
	some, open := s.Halves(0, 10)
	if open != 1 || some[0].Checks == 0 {
		t.Fatalf("%d half messages are open: %+v", open, some)
	}
	want("X", allBodies(t, s, "X", 0), "ended, keep 1, keep 2")
	c.set(invisible - time.Minute - time.Since(popped))
	for off, state := range map[message.QueueOffset]pop.State{4: pop.Acknowledged, 5: pop.InFlight, 6: pop.Acknowledged, 7: pop.InFlight} {
		if got, ok := s.PopState("g", message.Queue{Topic: "P"}, off); !ok || got != state {
			t.Errorf("message %d of P is %v, want %v; its time passes in a minute", off, got, state)
		}
	}
	want("the retry topic before the time", slices.Sorted(slices.Values(allBodies(t, s, "%RETRY%g_P", 0))), "p2, p4")
	if _, err := endHalf(s, some[0].Created, true); err != nil {
		t.Fatal(err)
	}
	want("X", allBodies(t, s, "X", 0), "ended, keep 1, keep 2, open")
	c.set(invisible)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); len(allBodies(t, s, "%RETRY%g_P", 0)) < 6 && time.Now().Before(end); {
		<-tick.C
	}
	again := allBodies(t, s, "%RETRY%g_P", 0)
	want("the retry topic", slices.Sorted(slices.Values(again)), "p2, p2, p4, p4, p5, p7")
	closeTest(t, s)
	if rep, err := Export(o, 60_000); err != nil || rep.Halves != 0 || rep.Popped != 0 {
		t.Fatalf("the export reports %+v, %v", rep, err)
	}
	b = startApache(t, o.Dir, settings...)
	late := &transactor{asked: map[string]int{}}
	late.join(b)
	b.send("X", 0, "keep 3", "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01keep 3\x02")
	b.until(40*time.Second, "Apache asks about what is new", func() bool { return len(b.bodies("X", 0)) >= 5 })
	want("Apache's X", b.bodies("X", 0), "ended, keep 1, keep 2, open, keep 3")
	want("Apache's retry topic", b.bodies("%RETRY%g_P", 0), strings.Join(again, ", "))
	if len(late.asked) != 1 {
		t.Errorf("Apache has asked about %v", late.asked)
	}
	b.stop(syscall.SIGTERM)
}
