package interop

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/interop/history"
)

// tortureRounds is how often the server is killed in `make test`; AEROBEE_INTEROP_TORTURE_ROUNDS overrides it (`make torture`).
const tortureRounds = 3

// drainLimit is how long clients may need to get what is left after the last send. Java looks only after two minutes whether a queue is
// no longer pulled.
const drainLimit = 4 * time.Minute

// tortureRules are what the run promises. Members of one group may both hold a queue until they have found each other again.
func tortureRules() history.Rules {
	return history.Rules{
		Groups: map[string][]string{
			"free-java": {freeTopic, delayTopic}, "free-go": {freeTopic, delayTopic}, "both": {freeTopic},
			"order-java": {orderTopic}, "order-go": {orderTopic},
		},
		Orderly: map[string]bool{"order-java": true, "order-go": true},
		Durable: time.Second,
		Settle:  2500 * time.Millisecond,
	}
}

// TestTorture kills the server with kill -9 under the load of our client and of the Java client, again and again on one
// directory, and has the whole history judged: what was acknowledged is there and arrived, once, in order, and nothing else.
func TestTorture(t *testing.T) {
	rounds := number(t, "AEROBEE_INTEROP_TORTURE_ROUNDS", tortureRounds)
	seed := number(t, "AEROBEE_INTEROP_TORTURE_SEED", uint64(time.Now().UnixNano()))
	servers := targets(t)
	if os.Getenv("AEROBEE_INTEROP_TORTURE_ROUNDS") == "" {
		servers = []string{"aerobee"} // Apache is measured (RELIABILITY.md), not held to promises that it does not make
	}
	for _, target := range servers {
		t.Run(target, func(t *testing.T) {
			t.Logf("seed %d (AEROBEE_INTEROP_TORTURE_SEED=%d repeats the load and the times of the kills)", seed, seed)
			torture(t, target, int(rounds), seed)
		})
	}
}

func number(t *testing.T, variable string, without uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return without
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func torture(t *testing.T, target string, rounds int, seed uint64) {
	start := time.Now()
	s, rec, rules := startServer(t, target), newRecorder(), tortureRules()
	if target == "apache" {
		rules.Durable = 12 * time.Second // it writes offsets every 500 ms here, but not in its first 10 s
	}
	prepareTorture(t, s, tortureTopics(), rules)
	load := startGo(t, s, seed, rec)
	java := startJava(t, s, seed, rec)
	polling := pollProgress(s, rules, rec)

	random := rand.New(rand.NewPCG(seed, 1000))
	for round := range rounds {
		if err := killOnce(s, rec, random, round); err != nil {
			t.Fatalf("round %d: %v", round+1, err)
		}
	}
	rest(t.Context(), 3*time.Second)
	java.tell(t, "STOP")
	java.await(t, "STOPPED", 30*time.Second)
	load.stopSending()
	if err := eventually(drainLimit, "everything arrives", func() error { return rec.undelivered(rules.Groups) }); err != nil {
		t.Error(err)
	}
	polling()
	java.tell(t, "END")
	if err := java.wait(30 * time.Second); err != nil {
		t.Errorf("the Java program: %v", err)
	}
	load.close(t)
	readWholeLog(t, s, tortureTopics(), rec)
	verifyStore(t, s)
	judge(t, fmt.Sprintf("%s, %d rounds, seed %d, %v", target, rounds, seed, time.Since(start).Round(100*time.Millisecond)), rec, rules)
}

// prepareTorture makes topics and groups.
func prepareTorture(t *testing.T, s *server, topics map[string]int, rules history.Rules) {
	t.Helper()
	for topic, queues := range topics {
		if err := createTopic(s.broker, topic, queues); err != nil {
			t.Fatal(err)
		}
		if err := eventually(30*time.Second, "route of "+topic, func() error { return routed(s.namesrv, topic, s.broker) }); err != nil {
			t.Fatal(err)
		}
	}
	for group := range rules.Groups {
		if err := createGroup(s.broker, group, defaultRetries); err != nil {
			t.Fatal(err)
		}
	}
}

// killOnce kills the server some seconds after sends go through again; every fourth time within a second, when clients are
// coming back.
func killOnce(s *server, rec *recorder, random *rand.Rand, round int) error {
	if err := eventually(60*time.Second, "sends go through again", func() error { return rec.atLeast(10) }); err != nil {
		return err
	}
	wait := 3500*time.Millisecond + time.Duration(random.Int64N(int64(2*time.Second)))
	if round%4 == 3 {
		wait = time.Duration(random.Int64N(int64(time.Second)))
	}
	<-time.After(wait)
	rec.add(history.Event{Kind: history.Killed})
	if err := s.restart(); err != nil {
		return err
	}
	rec.add(history.Event{Kind: history.Ready})
	return nil
}

// pollProgress records the groups' progress as the broker tells it, until the function that it returns is called.
func pollProgress(s *server, rules history.Rules, rec *recorder) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			for group, topics := range rules.Groups {
				for _, topic := range topics {
					recordProgress(s, group, topic, rec)
				}
			}
			rest(ctx, 300*time.Millisecond)
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// recordProgress leaves out what cannot be asked while the broker is away.
func recordProgress(s *server, group, topic string, rec *recorder) {
	for queue := range tortureTopics()[topic] {
		offset, err := queueOffset(s.broker, codeQueryConsumerOffset, map[string]string{
			"topic": topic, "consumerGroup": group, "queueId": strconv.Itoa(queue), "setZeroIfNotFound": "false"})
		if err != nil {
			continue
		}
		rec.add(history.Event{Kind: history.Committed, Group: group, Place: history.Place{Topic: topic, Queue: queue, Offset: offset}})
	}
}

func readWholeLog(t *testing.T, s *server, topics map[string]int, rec *recorder) {
	t.Helper()
	for topic, queues := range topics {
		if err := readLog(s.broker, topic, queues, rec.add); err != nil {
			t.Errorf("read the log: %v", err)
		}
	}
}

// verifyStore stops an Aerobee and has its store checked.
func verifyStore(t *testing.T, s *server) {
	t.Helper()
	if s.name != "aerobee" {
		return
	}
	s.store.stop(t)
	out, err := exec.Command(s.store.command[0], "store", "verify", filepath.Join(s.store.dir, "data")).CombinedOutput()
	if err != nil {
		t.Errorf("aerobee store verify: %v", err)
	}
	t.Logf("aerobee store verify: %s", bytes.TrimSpace(out))
}

// judge prints the report and fails the test if a promise was broken, or if the run was too tame to show that none was.
func judge(t *testing.T, title string, rec *recorder, rules history.Rules) {
	t.Helper()
	report := rec.check(rules)
	var text bytes.Buffer
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n%s", title, text.String())
	if !report.Passed() {
		t.Errorf("%d findings", len(report.Findings))
	}
	if report.Acknowledged < 100 || report.Delivered < report.Acknowledged || (report.Kills > 0 && report.Unanswered == 0) {
		t.Error("the load was too small to show anything")
	}
}

// goLoad is the running half of our own client, in this process.
type goLoad struct {
	client    *client.Client
	stop      context.CancelFunc
	senders   sync.WaitGroup
	consumers []interface{ Close(context.Context) error }
}

// stopSending returns when every attempt has ended.
func (l *goLoad) stopSending() {
	l.stop()
	l.senders.Wait()
}

func (l *goLoad) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, c := range l.consumers {
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := l.client.Close(ctx); err != nil {
		t.Error(err)
	}
}

// startGo starts our client's producers and consumers.
func startGo(t *testing.T, s *server, seed uint64, rec *recorder) *goLoad {
	t.Helper()
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}, HeartbeatInterval: time.Second, RouteInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &goLoad{client: c, stop: cancel}
	t.Cleanup(l.stopSending)
	p, err := c.NewProducer(client.ProducerConfig{Group: "torture-go", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	name, err := brokerName(s.namesrv, freeTopic)
	if err != nil {
		t.Fatal(err)
	}
	l.consume(t, rec)
	for _, line := range goSenders(p, name, seed, rec) {
		l.senders.Go(func() { line.run(ctx) })
	}
	return l
}
