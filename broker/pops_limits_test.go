package broker

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// A commit behind all offsets, of a queue that the group pops, harms nobody.
func TestCommitBehindAllOffsetsOfAPoppedQueue(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.want(protocol.ResSuccess, p.send("T", 0, "", "m"))
	p.want(protocol.ResSuccess, p.call(protocol.ReqPopMessage, popFields("g", "T", -1, nil), nil))
	p.want(protocol.ResSuccess, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "9223372036854775807"}, nil))
	p.want(protocol.ResSuccess, p.send("T", 0, "", "n"))
	if got := p.pop(t, "g", "T", 0, nil); names(got) != "n" {
		t.Errorf("popped %s", names(got))
	}
}

// Half messages are nobody's: a consumer that popped them would see what may be rolled back, and have it come again as if it were not.
func TestNobodyPopsHalfMessages(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.want(protocol.ResSuccess, p.send("T", 0, "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01k", "half"))
	for _, topic := range []string{message.TopicHalf, message.TopicState} {
		want := int32(protocol.ResNoPermission)
		if _, ok := n.store.Topic(topic); !ok {
			want = protocol.ResTopicNotExist
		}
		p.want(want, p.call(protocol.ReqPopMessage, popFields("g", topic, -1, nil), nil))
		p.want(want, p.call(protocol.ReqPeekMessage, popFields("g", topic, 0, nil), nil))
		p.want(want, p.call(protocol.ReqNotification, popFields("g", topic, 0, nil), nil))
		p.want(want, p.call(protocol.ReqPollingInfo, popFields("g", topic, 0, nil), nil))
		p.want(want, p.call(protocol.ReqInvokeBrokerToResetOffset, fields{"topic": topic, "group": "g", "timestamp": "-1", "isForce": "true", "queueId": "0"}, nil))
	}
}

// slowStore holds up the end of one lease.
type slowStore struct {
	Store
	hold chan struct{} // says that the lease is held, and then lets it go
	on   *atomic.Bool
}

func (s slowStore) PopAbandon(l pop.Lease) {
	if s.on.CompareAndSwap(true, false) {
		s.hold <- struct{}{}
		<-s.hold
	}
	s.Store.PopAbandon(l)
}

// A pop that has found a queue busy waits; when the one that held it up goes without a message, the other must be told. So must a
// notification.
func TestABusyQueueTellsThatItIsFree(t *testing.T) {
	for code, what := range map[int32]string{protocol.ReqPopMessage: "pop", protocol.ReqNotification: "notification"} {
		t.Run(what, func(t *testing.T) {
			slow := slowStore{hold: make(chan struct{}), on: &atomic.Bool{}}
			n := newNodeOver(t, func(s Store) Store { slow.Store = s; return slow })
			p, other, third := n.dial(), n.dial(), n.dial()
			n.topic("T", 1)
			p.want(protocol.ResSuccess, p.send("T", 0, "", "m0"))
			if got := p.pop(t, "g", "T", 0, nil); len(got) != 1 {
				t.Fatal(got)
			}
			slow.on.Store(true)
			first := other.start(protocol.ReqPopMessage, popFields("g", "T", 0, nil)) // has read, has found nothing
			<-slow.hold
			third.want(protocol.ResSuccess, third.send("T", 0, "", "m1"))
			began := time.Now()
			second := p.start(code, popFields("g", "T", 0, fields{"pollTime": "10000", "bornTime": fmt.Sprint(began.UnixMilli())}))
			n.waitPops(1)
			slow.hold <- struct{}{}
			<-first
			if f := <-second; f.Code != protocol.ResSuccess || code == protocol.ReqNotification && f.Fields.String("hasMsg") != "true" {
				t.Errorf("answered with %d %s", f.Code, f.Remark)
			}
			if took := time.Since(began); took > 900*time.Millisecond {
				t.Errorf("nobody has told it: it has looked again by itself after %v", took)
			}
		})
	}
}

// A pop that waits may not keep the megabytes that its request has brought.
func TestWaitingPopsAreSmall(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.want(protocol.ResPollingTimeout, p.call(protocol.ReqPopMessage, popFields("g", "T", 0, nil), nil))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	big := strings.Repeat("a", 512<<10)
	const pops = 32
	for i := range pops {
		p.oneway(protocol.ReqPopMessage, popFields("g", "T", 0, fields{"attemptId": big, "bname": big, "pollTime": "9223372036854775807"}), nil)
		n.waitPops(i + 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := (int(after.HeapAlloc) - int(before.HeapAlloc)) >> 20; held > 8 {
		t.Errorf("%d waiting pops hold %d MiB", n.pops.Waiting(), held)
	}
}

// Nothing is out of sight for longer than a proxy would allow: a client that asks for a hundred years is told what it has got.
func TestInvisibleTimeIsBounded(t *testing.T) {
	n := newNode(t)
	p := n.dial()
	n.topic("T", 1)
	p.want(protocol.ResSuccess, p.send("T", 0, "", "m"))
	f := p.call(protocol.ReqPopMessage, popFields("g", "T", 0, fields{"invisibleTime": "3000000000000"}), nil)
	var h protocol.PopMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil || h.InvisibleTime != 12*time.Hour.Milliseconds() {
		t.Errorf("invisible for %d ms, %v", h.InvisibleTime, err)
	}
	m := receive(t, f)[0]
	f = p.call(protocol.ReqChangeMessageInvisibleTime, m.fields(t, "g").with(fields{"invisibleTime": "3000000000000"}), nil)
	if f.Code != protocol.ResSuccess || f.Fields.String("invisibleTime") != fmt.Sprint(12*time.Hour.Milliseconds()) {
		t.Errorf("renewed with %d for %s ms", f.Code, f.Fields.String("invisibleTime"))
	}
}

// What comes again in order is held to the size of an answer as what comes for the first time: after a change from popping without
// order, 32 messages of 4 MiB would be one frame that no client takes.
func TestOrderedRedeliveryIsBoundedInBytes(t *testing.T) {
	var ahead atomic.Int64
	n := newNode(t, func(o *Options, _ *store.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	p := n.dial()
	n.topic("T", 1)
	for i := range 4 {
		p.want(protocol.ResSuccess, p.send("T", 0, "", fmt.Sprint(i, strings.Repeat("x", 200<<10))))
		p.pop(t, "g", "T", 0, nil)
	}
	ahead.Store(int64(2 * time.Minute)) // of the broker's clock alone: the store puts nothing to the retry topic
	for range 2 {
		f := p.call(protocol.ReqPopMessage, popFields("g", "T", 0, fields{"order": "true", "attemptId": "a"}), nil)
		if got := receive(t, f); len(got) != 1 || got[0].offset != 0 {
			t.Errorf("%d messages of %d bytes in one answer", len(got), len(f.Body))
		}
	}
}

// lines counts the lines of a log that say what they are told to.
type lines struct {
	about string
	mu    sync.Mutex
	n     int
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += strings.Count(string(b), l.about)
	return len(b), nil
}

// A batch of acknowledgements may be bad in thousands of parts: they are one line of the log.
func TestABadBatchOfAcknowledgementsIsOneLine(t *testing.T) {
	log := &lines{about: "passed over"}
	n := newNode(t, func(o *Options, _ *store.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	p := n.dial()
	acks := slices.Repeat([]protocol.BatchAck{{ConsumerGroup: "g", Topic: "no such topic", Retry: "0", PopTime: 1}}, 1000)
	body, err := json.Marshal(protocol.BatchAckRequest{Acks: acks})
	if err != nil {
		t.Fatal(err)
	}
	p.want(protocol.ResSuccess, p.call(protocol.ReqBatchAckMessage, nil, body))
	log.mu.Lock()
	defer log.mu.Unlock()
	if log.n != 1 {
		t.Errorf("%d lines", log.n)
	}
}
