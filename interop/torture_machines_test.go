package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/google/go-cmp/cmp"
)

// Topics of the torture test of the machines.
const (
	timedTopic = "torture-timed"
	halfTopic  = "torture-half"
	popTopic   = "torture-pop"
	ownedTopic = "torture-owned"
	keyedTopic = "torture-keyed"
)

const keyedQueues = 4

func machineTopics() map[string]int {
	return map[string]int{timedTopic: 2, halfTopic: 2, popTopic: 2, ownedTopic: 4, keyedTopic: keyedQueues}
}

// machineRules are what the run promises. Timed messages are stored when they are due; their limit is that of a loaded machine.
func machineRules() history.Rules {
	return history.Rules{
		Groups: map[string][]string{"timed": {timedTopic}, "half": {halfTopic}, "pop-push": {popTopic}, "pop-single": {popTopic},
			"owned": {ownedTopic}, "keyed": {keyedTopic}},
		Orderly: map[string]bool{"owned": true, "keyed": true},
		Durable: time.Second,
		Late:    1500 * time.Millisecond,
		Settle:  2500 * time.Millisecond,
	}
}

// machineSettings ask producers soon, and often enough to outlive all kills.
func machineSettings() []string {
	return []string{"transactionTimeOut=3000", "transactionCheckInterval=1000", "transactionCheckMax=1000"}
}

// machineRounds is tortureRounds for the machines.
const machineRounds = 2

// TestTortureMachines is TestTorture for timed messages, transactions, consumers that pop, queues with one owner at a time, and order by sharding keys,
// with the Java client alone: what the machines promise is judged by interop/history. Besides the server, one member of the
// orderly groups is killed each time, and comes back, in every fourth round of a long run under another name: then others get its
// queues when its lock has expired.
func TestTortureMachines(t *testing.T) {
	rounds := number(t, "AEROBEE_INTEROP_TORTURE_ROUNDS", machineRounds)
	seed := number(t, "AEROBEE_INTEROP_TORTURE_SEED", uint64(time.Now().UnixNano()))
	if target := os.Getenv("AEROBEE_INTEROP_TARGET"); target == "apache" || target == "apache49" {
		t.Skip("what is judged are promises of Aerobee")
	}
	t.Logf("seed %d", seed)
	start := time.Now()
	s, rec, rules := startServer(t, "aerobee", machineSettings()...), newRecorder(), machineRules()
	prepareTorture(t, s, machineTopics(), rules)
	java := startJavaAs(t, "interop.Machines", s, seed, rec)
	third := startMember(t, s, seed, rec, 0)

	random := rand.New(rand.NewPCG(seed, 1000))
	for round := range int(rounds) {
		if err := killOnce(s, rec, random, round); err != nil {
			t.Fatalf("round %d: %v", round+1, err)
		}
		settle := time.Duration(random.Int64N(int64(time.Second)))
		if rounds <= tortureRounds {
			// A member that dies with more queues than it is to have afterwards leaves their locks to expire: a minute.
			settle += 3 * time.Second
		}
		rest(t.Context(), settle)
		third.kill(rec)
		third = startMember(t, s, seed, rec, (round+1)/4)
	}
	rest(t.Context(), 2*time.Second)
	java.tell(t, "STOP")
	java.await(t, "STOPPED", 30*time.Second)
	if err := eventually(drainLimit, "everything arrives", func() error { return rec.undelivered(rules.Groups) }); err != nil {
		t.Error(err)
	}
	third.kill(rec)
	java.tell(t, "END")
	if err := java.wait(40 * time.Second); err != nil {
		t.Errorf("the Java program: %v", err)
	}
	readWholeLog(t, s, machineTopics(), rec)
	verifyStore(t, s)
	judge(t, fmt.Sprintf("machines, %d rounds, seed %d, %v", rounds, seed, time.Since(start).Round(100*time.Millisecond)), rec, rules)
}

// member is one process in the orderly group.
type member struct {
	name string
	load *javaLoad
}

func startMember(t *testing.T, s *server, seed uint64, rec *recorder, generation int) *member {
	t.Helper()
	name := fmt.Sprintf("m3-%d", generation)
	return &member{name: name, load: startJavaAs(t, "interop.Machines", s, seed, rec, "MACHINES_MEMBER="+name)}
}

// kill is kill -9, and the wait until all that the member has said is read.
func (m *member) kill(rec *recorder) {
	m.load.process.Kill()
	<-m.load.ended // says that it was killed
	rec.add(history.Event{Kind: history.Gone, Member: m.name})
}

// machineEvent reads the lines that Machines.java describes.
func machineEvent(verb string, e history.Event, w *words) (history.Event, error) {
	place := func() history.Place {
		return history.Place{Topic: shared(w.next()), Queue: int(w.number()), Offset: w.number()}
	}
	switch verb {
	case "T":
		e.Kind, e.Key, e.Until = history.Timed, w.key(), history.Time(w.number())
	case "H":
		e.Kind, e.Key = history.Half, w.key()
	case "V":
		e.Kind, e.Key, e.Commit = history.Decided, w.key(), w.next() == "c"
	case "P":
		e.Kind, e.Group, e.Key, e.Sum, e.Retry = history.Popped, shared(w.next()), w.key(), uint32(w.number()), int(w.number())
		e.Place, e.From, e.Until = place(), history.Time(w.number()), history.Time(w.number())
	case "K":
		e.Kind, e.Group, e.Key = history.PopAcked, shared(w.next()), w.key()
	case "C":
		e.Kind, e.Group, e.Key, e.Until = history.PopRenewed, shared(w.next()), w.key(), history.Time(w.number())
	case "O":
		e.Kind, e.Group, e.Member, e.Key, e.Sum = history.Began, shared(w.next()), shared(w.next()), w.key(), uint32(w.number())
		e.Place = place()
	case "S":
		e.Kind, e.Key, e.ShardingKey = history.Sharded, w.key(), shared(w.next())
	case "E":
		e.Kind, e.Group, e.Member, e.Place = history.Ended, shared(w.next()), shared(w.next()), place()
	default:
		return e, fmt.Errorf("unknown event %q", verb)
	}
	return e, w.err
}

// TestTortureFindsMachineBugs proves TestTortureMachines on its real path: bugs of every machine, planted between the Java client and
// a real broker that is killed, must be found as what they are, and nothing else may be found.
func TestTortureFindsMachineBugs(t *testing.T) {
	ports := freePorts(t, 2)
	s := aerobee(t, ports[0], "", machineSettings()...)
	s.namesrv = s.broker
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.awaitReady())
	rec, rules := newRecorder(), machineRules()
	prepareTorture(t, s, machineTopics(), rules)
	m, spoil := newMiddleman(t, ports[1], s.broker, plantNothing), newSpoiler()
	m.spoil = spoil
	java := startJavaAs(t, "interop.Machines", &server{name: s.name, namesrv: m.front, broker: m.front}, 1, rec)
	must(eventually(20*time.Second, "the load runs", func() error { return rec.atLeast(100) }))
	spoil.arm()
	must(eventually(30*time.Second, "the bugs bite", spoil.unbitten))
	rec.add(history.Event{Kind: history.Killed})
	must(s.restart())
	rec.add(history.Event{Kind: history.Ready})
	must(eventually(30*time.Second, "the load goes on", func() error { return rec.atLeast(100) }))
	java.tell(t, "STOP")
	java.await(t, "STOPPED", 30*time.Second)
	must(eventually(60*time.Second, "what is there arrives", func() error { return rec.undeliveredBut("x2", rules.Groups) }))
	rest(t.Context(), 7*time.Second) // longer than any invisible time
	java.tell(t, "END")
	must(java.wait(40 * time.Second))
	readWholeLog(t, s, machineTopics(), rec)

	report := rec.check(rules)
	found := map[string]map[history.Fault]map[history.Key]bool{}
	for _, f := range report.Findings {
		line := f.Key.Producer[:1]
		if line == "k" && f.Key.Producer != scatteredLine {
			t.Errorf("the line of another sharding key: %s: %v %s", f.Fault, f.Key, f.Text)
		}
		if line != "o" && f.Key.Producer != scatteredLine { // those have hundreds
			t.Logf("%s: %v %s", f.Fault, f.Key, f.Text)
		}
		if found[line] == nil {
			found[line] = map[history.Fault]map[history.Key]bool{}
		}
		if found[line][f.Fault] == nil {
			found[line][f.Fault] = map[history.Key]bool{}
		}
		found[line][f.Fault][f.Key] = true
	}
	got := map[string]map[history.Fault]int{}
	for line, faults := range found {
		got[line] = map[history.Fault]int{}
		for fault, keys := range faults {
			got[line][fault] = len(keys)
		}
	}
	if got["o"][history.Shared] == 0 {
		t.Errorf("two owners of a queue were not found: %v", got["o"])
	}
	delete(got, "o") // what else comes of two owners
	if got["k"][history.Shared]+got["k"][history.Reordered] == 0 {
		t.Errorf("a sharding key in two queues was not found: %v", got["k"])
	}
	delete(got["k"], history.Shared)
	delete(got["k"], history.Reordered)
	if len(got["k"]) == 0 {
		delete(got, "k")
	}
	if diff := cmp.Diff(spoiled(), got); diff != "" {
		t.Errorf("faults by lines (-planted +found):\n%s", diff)
	}
}
