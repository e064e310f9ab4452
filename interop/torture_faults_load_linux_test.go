package interop

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// faultsTopics are the topics that a faulty server has besides those of TestTortureKinds.
func faultsTopics() map[string]int {
	return map[string]int{timedTopic: 2, delayTopic: 1, ownedTopic: 2, halfTopic: 2}
}

func faultsGroups() map[string][]string {
	return map[string][]string{"timed": {timedTopic}, "late": {delayTopic}, "plain": {ownedTopic}, "half": {halfTopic}}
}

func faultsRules() history.Rules {
	rules := history.Rules{Groups: faultsGroups(), Orderly: map[string]bool{"plain": true}, Durable: time.Second, Settle: 2500 * time.Millisecond, Strays: true}
	maps.Copy(rules.Groups, kindsRules().Groups)
	return rules
}

// faultsLoad is the load of TestTortureKinds, with plain, delayed, timed and transactional messages besides, and readers of these.
type faultsLoad struct {
	*kindsLoad
	stopMore, endMore context.CancelFunc
	client            *client.Client // of the transactions
	producer          *client.TransactionProducer
}

// startFaults starts the load, remoting by way of front, and gRPC by way of grpc. routed says that routes name front: then there are transactions, by our
// client.
func startFaults(t *testing.T, front, grpc string, routed bool, seed uint64, rec *recorder) *faultsLoad {
	t.Helper()
	l := &faultsLoad{kindsLoad: startKinds(t, front, &server{broker: grpc}, seed, rec)}
	sending, stop := context.WithCancel(context.Background())
	reading, end := context.WithCancel(context.Background())
	l.stopMore, l.endMore = stop, end
	t.Cleanup(func() { stop(); end() })
	for i := range 2 {
		l.line(sending, fmt.Sprint("o", i), 25*time.Millisecond, l.plain(i))
		l.line(sending, fmt.Sprint("t", i), 60*time.Millisecond, l.timed(i))
	}
	l.line(sending, "d0", 80*time.Millisecond, l.delayed)
	for group, topics := range faultsGroups() {
		for queue := range faultsTopics()[topics[0]] {
			l.readers.Go(func() { l.follow(reading, group, topics[0], queue) })
		}
	}
	if routed {
		l.transactions(t, sending, front)
	}
	return l
}

func (l *faultsLoad) stopSending() {
	l.stopMore()
	l.kindsLoad.stopSending()
}

func (l *faultsLoad) close(t *testing.T) {
	t.Helper()
	l.stopMore()
	l.endMore()
	l.kindsLoad.close()
	if l.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := l.producer.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := l.client.Close(ctx); err != nil {
		t.Error(err)
	}
}

// plain sends to one queue, whose reader wants all in order.
func (l *faultsLoad) plain(queue int) attempt {
	return func(c *caller, _ *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
		place, err := l.send(c, ownedTopic, queue, key, body, "")
		return place, false, err
	}
}

// timed sends for a time that is up to nine seconds ahead.
func (l *faultsLoad) timed(queue int) attempt {
	return func(c *caller, random *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
		within := 2000
		if random.IntN(4) == 0 {
			within = 9000
		}
		due := time.Now().UnixMilli() + 50 + random.Int64N(int64(within))
		l.rec.add(history.Event{Kind: history.Timed, Key: key, Until: history.Time(due) * 1000})
		place, err := l.send(c, timedTopic, queue, key, body, message.PropTimerDeliverMS+"\x01"+strconv.FormatInt(due, 10)+"\x02")
		place.Offset = -1 // the answer tells another
		return place, false, err
	}
}

// delayed sends with the delay of level 1, which counts from when the broker stores the message.
func (l *faultsLoad) delayed(c *caller, _ *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
	place, err := l.send(c, delayTopic, 0, key, body, message.PropDelay+"\x011\x02")
	place.Offset = -1
	return place, false, err
}

// follow reads one queue from its beginning on.
func (l *faultsLoad) follow(ctx context.Context, group, topic string, queue int) {
	c := &caller{addr: l.addr}
	defer c.close()
	for at := int64(0); ctx.Err() == nil; {
		got, err := c.ask(ctx, protocol.ReqPullMessage, nil, "consumerGroup", "torture-"+group, "topic", topic, "queueId", strconv.Itoa(queue), "queueOffset", strconv.FormatInt(at, 10),
			"maxMsgNums", "32", "sysFlag", "6", "commitOffset", "0", "suspendTimeoutMillis", "1000", "subscription", "*", "subVersion", "0", "expressionType", "TAG")
		if err != nil || got.Code != protocol.ResSuccess {
			rest(ctx, 20*time.Millisecond) // nothing new, or the broker is away
			continue
		}
		for _, record := range splitRecords(got.Body) {
			e, _, err := parseRecord(record)
			if err != nil {
				e.Key = history.Key{Producer: "unreadable"}
			}
			l.rec.add(history.Event{Kind: history.Delivered, Group: group, Key: e.Key, Sum: e.Sum, Place: history.Place{Topic: topic, Queue: queue, Offset: e.Place.Offset}})
			at = e.Place.Offset + 1
		}
	}
}

// commits is what becomes of a transaction, and open whether its producer leaves it to be asked.
func commits(key history.Key) (commit, open bool) {
	switch kind := key.Sequence % 10; kind {
	case 0, 1:
		return false, false
	case 2:
		return false, true
	default:
		return true, kind > 6
	}
}

// transactions starts lines of transactions of our client, who finds the broker by the routes of front.
func (l *faultsLoad) transactions(t *testing.T, sending context.Context, front string) {
	t.Helper()
	var err error
	l.client, err = client.New(client.Config{NameServers: []string{front}, HeartbeatInterval: time.Second, RouteInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	check := func(_ context.Context, d *client.Delivery) client.TransactionState {
		key := bodyEvent(d.Body).Key
		commit, _ := commits(key)
		l.rec.add(history.Event{Kind: history.Decided, Key: key, Commit: commit})
		if commit {
			return client.TransactionCommit
		}
		return client.TransactionRollback
	}
	l.producer, err = l.client.NewTransactionProducer(t.Context(), client.TransactionConfig{Topics: []string{halfTopic}, Check: check,
		ProducerConfig: client.ProducerConfig{Group: "torture-payers", SendTimeout: 4 * time.Second, Retries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		l.senders.Go(func() { l.pay(sending, fmt.Sprint("x", i)) })
	}
}

// pay makes one transaction after the other. One whose begin or end gets no answer is left to be asked about.
func (l *faultsLoad) pay(ctx context.Context, name string) {
	random := rand.New(rand.NewPCG(l.seed, uint64(crc32.ChecksumIEEE([]byte(name)))))
	for sequence := 0; ctx.Err() == nil; sequence++ {
		key := history.Key{Producer: name, Sequence: sequence}
		body := fmt.Appendf(nil, "%s %s", key, strings.Repeat("x", random.IntN(200)))
		l.rec.add(history.Event{Kind: history.Half, Key: key})
		place := history.Place{Topic: halfTopic, Queue: -1, Offset: -1}
		l.rec.add(history.Event{Kind: history.SendBegun, Key: key, Sum: crc32.ChecksumIEEE(body), Place: place})
		l.payment(key, body, place)
		rest(ctx, time.Duration(random.Int64N(int64(100*time.Millisecond))))
	}
}

func (l *faultsLoad) payment(key history.Key, body []byte, place history.Place) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	tx, err := l.producer.Begin(ctx, &client.Message{Topic: halfTopic, Body: body})
	if err != nil {
		l.rec.add(history.Event{Kind: history.SendLost, Key: key})
		rest(ctx, 20*time.Millisecond)
		return
	}
	l.rec.add(history.Event{Kind: history.SendAcked, Key: key, Place: place})
	commit, open := commits(key)
	if open {
		return
	}
	l.rec.add(history.Event{Kind: history.Decided, Key: key, Commit: commit})
	if commit {
		_ = tx.Commit(ctx)
	} else {
		_ = tx.Rollback(ctx)
	}
}
