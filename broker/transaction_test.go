package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// traders are a node whose clock the test moves, and that asks when the test says so.
type traders struct {
	*node
	ahead atomic.Int64 // ns
}

func newTraders(t *testing.T, change ...func(*Options, *store.Options)) *traders {
	d := &traders{}
	d.node = newNode(t, append([]func(*Options, *store.Options){func(o *Options, so *store.Options) {
		now := func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }
		o.Now, so.Now = now, now
		o.TransactionTimeout, so.HalfImmunity = time.Hour, time.Hour // nothing is due before the test moves the clock
		o.TransactionInterval, o.TransactionChecks = time.Hour, 3
	}}, change...)...)
	return d
}

// pass lets time go by, and all be asked that is due then.
func (d *traders) pass(by time.Duration) {
	d.t.Helper()
	d.ahead.Add(int64(by))
}

// half sends a half message and returns what its end must name.
func (d *traders) half(p *peer, topic, properties, body string) fields {
	d.t.Helper()
	got := p.want(0, p.send(topic, 1, "TRAN_MSG=true PGROUP=pg "+properties, body))
	_, at, err := message.ParseID(got.Fields.String("msgId"))
	if err != nil {
		d.t.Fatal(err)
	}
	return fields{"producerGroup": "pg", "tranStateTableOffset": got.Fields.String("queueOffset"), "commitLogOffset": fmt.Sprint(int64(at)),
		"msgId": got.Fields.String("transactionId"), "commitOrRollback": "8"}
}

func (d *traders) bodies(topic string) []string {
	d.t.Helper()
	var all []string
	for q := range message.QueueID(4) {
		rec, _ := d.store.Get(nil, message.Queue{Topic: topic, ID: q}, 0, 100, 1<<20, nil)
		all = append(all, bodies(d.t, rec)...)
	}
	return all
}

func TestTransactionIsSeenOnceItIsCommitted(t *testing.T) {
	d := newTraders(t)
	p := d.dial()
	f := func(want int32, change fields, end fields) {
		t.Helper()
		if got := p.call(protocol.ReqEndTransaction, end.with(change), nil); got.Code != want {
			t.Errorf("%v: answered %d %q, want %d", change, got.Code, got.Remark, want)
		}
	}
	end := d.half(p, "t", "UNIQ_KEY=U1 KEYS=k", "first")
	if got := d.bodies("t"); len(got) > 0 {
		t.Errorf("half messages are seen: %v", got)
	}
	got := p.call(protocol.ReqPullMessage, pullFields("g", message.TopicHalf, 0, 0), nil)
	if got.Code != protocol.ResNoPermission {
		t.Errorf("a pull of half messages is answered %d", got.Code)
	}
	f(1, fields{"producerGroup": "another"}, end)
	f(1, fields{"tranStateTableOffset": "7"}, end)
	f(1, fields{"commitLogOffset": "7"}, end)
	f(0, fields{"commitOrRollback": "0"}, end) // does not know
	if got := d.bodies("t"); len(got) > 0 {
		t.Errorf("half messages are seen: %v", got)
	}
	f(0, nil, end)
	f(1, nil, end) // once
	f(1, fields{"commitOrRollback": "12"}, end)
	r := d.stored("t", 1)
	if string(r.Body) != "first" || r.SysFlag.Transaction() != message.FlagTransactionCommit || fmt.Sprint(int64(r.PreparedOffset)) != end["commitLogOffset"] {
		t.Errorf("committed %s, flag %d, prepared %d", r.Body, r.SysFlag, r.PreparedOffset)
	}
	if got := readable(r.Properties); !strings.HasPrefix(got, "TRAN_MSG=true PGROUP=pg UNIQ_KEY=U1 KEYS=k ") || !strings.Contains(got, "__transactionId__=U1") || strings.Contains(got, "REAL_") {
		t.Errorf("properties %q", got)
	}
	f(0, fields{"commitOrRollback": "12"}, d.half(p, "t", "", "dropped"))
	f(0, fields{"fromTransactionCheck": "true"}, d.half(p, "t", "", "second"))
	if got := d.bodies("t"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("seen: %v", got)
	}
	if some, all := d.store.Halves(0, 10); all != 0 {
		t.Errorf("left over: %v", some)
	}
}

func TestLateEndAfterImmunityIsRefused(t *testing.T) {
	d := newTraders(t)
	p := d.dial()
	plain, immune := d.half(p, "t", "", "plain"), d.half(p, "t", "CHECK_IMMUNITY_TIME_IN_SECONDS=7200", "immune")
	d.pass(3 * time.Hour)
	p.want(0, p.call(protocol.ReqEndTransaction, plain, nil))
	p.want(protocol.ResIllegalOperation, p.call(protocol.ReqEndTransaction, immune, nil))
	p.want(0, p.call(protocol.ReqEndTransaction, immune.with(fields{"fromTransactionCheck": "true"}), nil))
}

func TestTopicDeletedBeforeCommitIsMadeAgain(t *testing.T) {
	d := newTraders(t)
	p := d.dial()
	end := d.half(p, "t", "", "kept")
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "t"}, nil))
	p.want(0, p.call(protocol.ReqEndTransaction, end, nil))
	if got := d.bodies("t"); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("seen: %v", got)
	}
}

// TestProducersAreAsked lets nobody know until the maximum, and then an administrator ask again.
func TestProducersAreAsked(t *testing.T) {
	d := newTraders(t)
	p, stranger := d.dial(), d.dial()
	beat := func(p *peer, group string) {
		p.want(0, p.call(protocol.ReqHeartBeat, nil, []byte(`{"clientID":"`+group+`-c","producerDataSet":[{"groupName":"`+group+`"}]}`)))
	}
	beat(p, "pg")
	beat(stranger, "strangers")
	end := d.half(p, "t", "UNIQ_KEY=U1", "open")
	for times := range 3 {
		d.pass(time.Hour + time.Minute)
		f := <-p.told
		var h protocol.CheckTransactionHeader
		if err := h.Decode(f.Fields); err != nil || f.Code != protocol.ReqCheckTransactionState || !f.IsOneway() {
			t.Fatalf("the producer got %d, %v", f.Code, err)
		}
		if fmt.Sprint(h.CommitLogOffset) != end["commitLogOffset"] || fmt.Sprint(h.TranStateTableOffset) != end["tranStateTableOffset"] || h.TransactionID != "U1" ||
			h.MsgID != "U1" || h.BrokerName != "broker-a" || h.Topic != message.TopicHalf {
			t.Errorf("asked with %+v", h)
		}
		r := records(t, f.Body)[0]
		if string(r.Topic) != "t" || r.QueueID != 1 || string(r.Body) != "open" || r.Properties.GetString(message.PropCheckTimes) != fmt.Sprint(times+1) {
			t.Errorf("asked about %s in %s, queue %d, %q", r.Body, r.Topic, r.QueueID, readable(r.Properties))
		}
	}
	d.pass(time.Hour + time.Minute)
	given := d.eventually(message.TopicCheckMax)
	if given.Properties.GetString(message.PropCheckTimes) != "3" || given.Properties.GetString(message.PropRealTopic) != "t" {
		t.Errorf("given up with %q", readable(given.Properties))
	}
	p.want(1, p.call(protocol.ReqEndTransaction, end, nil))
	id := string(message.AppendID(nil, testHost, given.LogOffset))
	p.want(1, p.call(protocol.ReqResumeCheckHalfMessage, fields{"msgId": "xx"}, nil))
	for range 2 { // twice is once
		p.want(0, p.call(protocol.ReqResumeCheckHalfMessage, fields{"topic": message.TopicCheckMax, "msgId": id}, nil))
	}
	if _, all := d.store.Halves(0, 10); all != 1 {
		t.Errorf("%d half messages after resuming one", all)
	}
	d.pass(time.Hour + time.Minute)
	f := <-p.told
	answer := end.with(fields{"commitLogOffset": f.Fields.String("commitLogOffset"), "tranStateTableOffset": f.Fields.String("tranStateTableOffset"), "fromTransactionCheck": "true"})
	p.want(0, p.call(protocol.ReqEndTransaction, answer, nil))
	if got := d.bodies("t"); !slices.Equal(got, []string{"open"}) {
		t.Errorf("seen: %v", got)
	}
	select {
	case f := <-stranger.told:
		t.Errorf("another group was asked: %d", f.Code)
	default:
	}
	if asked, unheard, given := d.checkback.Counts(); asked != 4 || unheard != 0 || given != 1 {
		t.Errorf("asked %d, unheard %d, given up %d", asked, unheard, given)
	}
}

// eventually waits for the first message of a topic's queue 0.
func (d *traders) eventually(topic string) message.Record {
	d.t.Helper()
	p := d.dial()
	if _, err := d.ensureTopic(d.t.Context(), plainTopic(topic, 1)); err != nil {
		d.t.Fatal(err)
	}
	got := p.want(0, p.call(protocol.ReqPullMessage, longPull("anybody", topic, 0, 0, 15000), nil))
	return records(d.t, got.Body)[0]
}

func TestClockGoesBackWhileHalfMessagesWait(t *testing.T) {
	d := newTraders(t)
	p := d.dial()
	d.half(p, "t", "", "x")
	before, _ := d.store.Halves(0, 1)
	d.ahead.Add(-int64(24 * time.Hour))
	if err := d.checkback.Round(context.Background()); err != nil {
		t.Fatal(err)
	}
	after, _ := d.store.Halves(0, 1)
	if moved := before[0].Due - after[0].Due; moved < (23*time.Hour).Milliseconds() || moved > (25*time.Hour).Milliseconds() {
		t.Errorf("the question moved by %d ms", moved)
	}
}

// A half message's delay counts from its commit, and its rollback takes back what would have come then.
func TestCommittedMessageWaitsForItsTime(t *testing.T) {
	d := newTraders(t)
	p := d.dial()
	f := func(properties string, early, late time.Duration) {
		t.Helper()
		before := len(d.bodies("t"))
		end, dropped := d.half(p, "t", properties, properties), d.half(p, "t", properties, "rolled back")
		d.pass(late)
		p.want(0, p.call(protocol.ReqEndTransaction, end, nil))
		p.want(0, p.call(protocol.ReqEndTransaction, dropped.with(fields{"commitOrRollback": "12"}), nil))
		if st := d.store.Stats(); st.Halves != 0 || st.PendingTimers != 1 {
			t.Errorf("%s: %d half messages and %d timers wait after the end, want 0 and 1", properties, st.Halves, st.PendingTimers)
		}
		d.pass(early)
		if got := d.bodies("t"); len(got) != before {
			t.Errorf("%s: early: %v", properties, got)
		}
		d.pass(late - early)
		held := pullFields("g", "t", 1, int64(before)).with(fields{"sysFlag": "6", "suspendTimeoutMillis": "15000"})
		r := records(t, p.want(0, p.call(protocol.ReqPullMessage, held, nil)).Body)[0]
		if string(r.Body) != properties || r.SysFlag.Transaction() != message.FlagTransactionCommit {
			t.Errorf("%s: delivered %q with flag %d", properties, r.Body, r.SysFlag)
		}
	}
	f("DELAY=3", 8*time.Second, 11*time.Second)
	f("TIMER_DELAY_SEC=20", 18*time.Second, 21*time.Second)
	for properties, want := range map[string]int32{
		"TIMER_DELAY_SEC=999999999999 UNIQ_KEY=U1": protocol.ResMessageIllegal,
		"TIMER_DEL_UNIQKEY=U2 TIMER_DELAY_SEC=5":   protocol.ResMessageIllegal,
	} {
		if got := p.send("t", 1, "TRAN_MSG=true PGROUP=pg "+properties, "x"); got.Code != want {
			t.Errorf("%s: answered %d %q, want %d", properties, got.Code, got.Remark, want)
		}
	}
}
