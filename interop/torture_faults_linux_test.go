package interop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// How long a blow lasts at most.
const (
	shortBlow = 3 * time.Second
	longBlow  = 8 * time.Second // longer than clients wait for an answer
)

// TestTortureFaults has a server built with the tag faults bear what machines do to servers, under the load of all kinds of messages at once: kill -9, SIGSTOP,
// one write and one sync in a hundred that fail, a clock that jumps, clients that are cut, and a disk that is full or read-only; each once in an order of
// the seed, or again and again for AEROBEE_INTEROP_TORTURE_MINUTES (`make torture-faults`). Then it is quiet, everything arrives, and the history is judged.
// What is told of times is judged as clockBook says.
func TestTortureFaults(t *testing.T) {
	minutes := number(t, "AEROBEE_INTEROP_TORTURE_MINUTES", 0)
	seed := number(t, "AEROBEE_INTEROP_TORTURE_SEED", uint64(time.Now().UnixNano()))
	t.Logf("seed %d (AEROBEE_INTEROP_TORTURE_SEED=%d repeats the load and the order of the blows)", seed, seed)
	start, ports := time.Now(), freePorts(t, 2)
	dir := t.TempDir()
	n := &nemesis{disk: mountDisk(t, dir), rec: newRecorder(), clock: newClockBook(), random: rand.New(rand.NewPCG(seed, 1000)), long: shortBlow, did: map[string]int{},
		say: func(format string, args ...any) {
			t.Logf("%6.1f s  "+format, append([]any{time.Since(start).Seconds()}, args...)...)
		}}
	if minutes > 0 {
		n.long = longBlow
	}
	settings := append(machineSettings(), "advertise="+local(ports[1]))
	if n.disk != nil {
		settings = append(settings, "mappedFileSizeCommitLog=512k", "maxMessageSize=64k") // a segment's room is taken when it begins: many begin
	}
	n.s = faultyServer(t, dir, ports[0], settings...)
	n.front = newCutter(t, ports[1], n.s.broker, seed)
	prepareFaults(t, n.s)
	load := startFaults(t, n.front.front, n.front.front, true, seed, n.rec)
	if err := n.play(start.Add(time.Duration(minutes) * time.Minute)); err != nil {
		t.Fatalf("%.1f s: %v", time.Since(start).Seconds(), err)
	}
	n.say("quiet")
	rest(t.Context(), 2*time.Second)
	load.stopSending()
	rules := faultsRules()
	if err := eventually(60*time.Second, "everything arrives", func() error {
		return errors.Join(n.rec.undecided(), n.rec.undelivered(rules.Groups))
	}); err != nil {
		t.Error(err)
	}
	rest(t.Context(), popLimit+time.Second) // what comes again comes now
	load.close(t)
	readFaults(t, n.s, n.rec)
	verifyStore(t, n.s)
	n.rec.retime(n.clock)
	n.tell(start)
	judge(t, fmt.Sprintf("faults, %v, %d connections cut, seed %d, %v", n.did, n.front.total(), seed, time.Since(start).Round(100*time.Millisecond)), n.rec, rules)
	if r := n.rec.check(rules); r.Timed < 50 || r.Committed < 50 || r.RolledBack < 20 || r.Popped < 100 || r.Lights < 500 || r.Misfits < 50 || r.Unanswered < 50 {
		t.Errorf("the load was too small to show anything: %+v", r)
	}
}

// undecided is an error until the producers of all transactions that were begun have been asked about them, or have ended them.
func (r *recorder) undecided() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := map[history.Key]bool{}
	for key := range r.halves {
		if _, begun := r.acked[key]; begun {
			left[key] = true
		}
	}
	for i := range r.events {
		if r.events[i].Kind == history.Decided {
			delete(left, r.events[i].Key)
		}
	}
	for key := range left {
		return fmt.Errorf("nobody was asked about %d of %d transactions, such as %v", len(left), len(r.halves), key)
	}
	return nil
}

// tell logs what was recorded of the first messages of which something is found.
func (n *nemesis) tell(start time.Time) {
	told := map[history.Key]bool{}
	for _, f := range n.rec.check(faultsRules()).Findings {
		if len(told) >= 5 || told[f.Key] {
			continue
		}
		told[f.Key] = true
		for _, e := range n.rec.events {
			if e.Key == f.Key {
				n.say("%v: at %.3f s kind %d group %q retry %d %v, from %d until %d", e.Key, float64(e.At-history.Time(start.UnixMicro()))/1e6, e.Kind, e.Group, e.Retry, e.Place, e.From, e.Until)
			}
		}
	}
}

// retime puts the server's times right in all that has been gathered.
func (r *recorder) retime(clock *clockBook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.events {
		clock.retime(&r.events[i])
	}
}

// faultyServer starts a server whose disk and clock follow a script, with its data under dir/data.
func faultyServer(t *testing.T, dir string, port int, settings ...string) *server {
	t.Helper()
	addr := local(port)
	p := &process{name: "aerobee", dir: dir, command: []string{faultyBinary(t), "serve", "--data", filepath.Join(dir, "data"), "--listen", addr}}
	for _, set := range settings {
		p.command = append(p.command, "--set", set)
	}
	p.start(t)
	s := &server{name: "aerobee", namesrv: addr, broker: addr, store: p, ready: func() error {
		resp, err := http.Get("http://" + addr + "/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	}}
	if err := eventually(readyLimit, "ready", s.ready); err != nil {
		t.Fatal(err)
	}
	return s
}

// faultyBinary builds the server of this work tree with the tag faults.
func faultyBinary(t *testing.T) string {
	t.Helper()
	binary := cacheDir(t, "bin", "aerobee-faults")
	filling.Lock()
	defer filling.Unlock()
	if !built[binary] {
		c := exec.Command("go", "build", "-tags", "faults", "-o", binary, "./cmd/aerobee")
		c.Dir, c.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		run(t, c)
		built[binary] = true
	}
	return binary
}

// prepareFaults makes topics and groups.
func prepareFaults(t *testing.T, s *server) {
	t.Helper()
	prepareKinds(t, s)
	for topic, queues := range faultsTopics() {
		if err := createTopic(s.broker, topic, queues); err != nil {
			t.Fatal(err)
		}
	}
}

func readFaults(t *testing.T, s *server, rec *recorder) {
	t.Helper()
	readKinds(t, s, rec)
	readWholeLog(t, s, faultsTopics(), rec)
}

// TestTortureFindsFaultBugs proves TestTortureFaults on its real path. Three bugs are planted before a real server, which only faults can bring to light: while the
// disk fails, a send that was refused is answered as stored; while the clock is behind, a timer is put right by it twice, and so is due at once; and
// when its client is cut, a send is handed on twice. Each must be found as what it is, and nothing else may be.
func TestTortureFindsFaultBugs(t *testing.T) {
	start, ports, dir := time.Now(), freePorts(t, 2), t.TempDir()
	n := &nemesis{rec: newRecorder(), clock: newClockBook(), random: rand.New(rand.NewPCG(1, 1000)), long: shortBlow,
		say: func(format string, args ...any) {
			t.Logf("%6.1f s  "+format, append([]any{time.Since(start).Seconds()}, args...)...)
		}}
	n.s = faultyServer(t, dir, ports[0])
	prepareFaults(t, n.s)
	m, spoil := newMiddleman(t, ports[1], n.s.broker, plantNothing), &faultsSpoiler{asked: map[*passage]map[int32]bool{}}
	m.spoil = spoil
	load := startFaults(t, m.front, n.s.broker, false, 1, n.rec)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bite := func(bug string) {
		t.Helper()
		n.say("the bug: %s", bug)
		spoil.arm(bug)
		must(eventually(20*time.Second, "the bug bites", spoil.unbitten))
	}
	must(n.goesOn())
	must(n.script("write commitlog/* eio"))
	bite(spoilRefused)
	must(n.script(""))
	must(n.goesOn())
	must(n.setClock(-spoilBehind))
	bite(spoilTwice)
	rest(t.Context(), time.Second) // until it has come
	must(n.setClock(0))
	must(n.goesOn())
	bite(spoilAgain)
	must(n.goesOn())
	must(n.kill(nil))
	must(n.goesOn())
	load.stopSending()
	rules := faultsRules()
	delete(rules.Groups, "half") // nobody sends any
	must(eventually(60*time.Second, "what is there arrives", func() error { return n.rec.undeliveredBut("o0", rules.Groups) }))
	rest(t.Context(), popLimit+time.Second)
	load.close(t)
	readFaults(t, n.s, n.rec)
	n.rec.retime(n.clock)

	found := map[string][]history.Fault{}
	keys := map[history.Key]bool{}
	for _, f := range n.rec.check(rules).Findings {
		t.Logf("%s: %v %s", f.Fault, f.Key, f.Text)
		keys[f.Key] = true
		if !slices.Contains(found[f.Key.Producer], f.Fault) {
			found[f.Key.Producer] = append(found[f.Key.Producer], f.Fault)
		}
	}
	want := "map[o0:[lost] o1:[duplicated] t0:[early]]"
	if got := fmt.Sprint(found); got != want || len(keys) != 3 {
		t.Errorf("found %s in %d messages, want %s in 3", got, len(keys), want)
	}
}
