//go:build numbers

package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
)

// Stores that have grown so far make room before a row, and behind each round where nothing has to be warmed again.
const (
	storeLimit      = 6 << 30
	storeLimitRound = 2 << 30
)

// othersRepeats is how often a round that others disturbed is measured again before it counts with a mark.
const othersRepeats = 2

// warmNative is how long a contender without a JIT is warmed: until connections stand and buffers have their size.
const warmNative = 3 * time.Second

// warmAgain is how long a JIT is warmed for a row when it has been warmed in full for another.
const warmAgain = 10 * time.Second

// arena is where contenders meet: it starts them, lets one at a time have the machine, and keeps count.
type arena struct {
	compareSettings
	t      *testing.T // of the row that is being measured
	whole  *testing.T // of the whole comparison
	root   string     // directory of all stores
	all    map[string]*standing
	binary string         // aerobee, for its load generator
	java   *javaGenerator // nil until a row needs it
	sdk    *javaGenerator // the one with the Go client that speaks gRPC; nil until a row needs it
}

func newArena(t *testing.T, o compareSettings) *arena {
	t.Helper()
	a := &arena{compareSettings: o, t: t, whole: t, root: t.TempDir(), all: map[string]*standing{}}
	t.Cleanup(func() {
		a.clear()
		for _, g := range []*javaGenerator{a.java, a.sdk} {
			if g != nil {
				g.end(t)
			}
		}
	})
	return a
}

// clear ends all contenders and removes what they stored.
func (a *arena) clear() {
	for _, s := range a.all {
		if err := s.wipe(); err != nil {
			a.whole.Error(err)
		}
	}
}

// measure runs one row and keeps its result.
func (a *arena) measure(t *testing.T, r row) {
	a.t = t
	began := time.Now()
	defer func() {
		if t.Failed() { // leave nothing half done to the next row
			a.clear()
		}
	}()
	result := &rowResult{Row: r.name, Order: r.order, Title: r.title, Text: r.text, Measured: began.UTC().Truncate(time.Second), Commit: treeVersion(),
		Machine: machine.Text(), Versions: map[string]string{"Go": runtime.Version()}, Rounds: a.rounds, Seconds: a.span.Seconds(), Bound: a.others,
		Anchor: r.anchor, Figures: r.figures}
	var all []*standing
	for _, c := range r.contenders {
		if len(a.only) > 0 && !slices.Contains(a.only, c.name) {
			continue
		}
		s := a.place(c, result.Versions)
		all = append(all, s)
		result.Contenders = append(result.Contenders, contenderResult{Name: c.name, Title: c.title})
	}
	a.pauseOthers(nil)
	for _, s := range all {
		if full := s.stored() > int64(storeLimit*a.scale); full || r.own || r.empty {
			a.do(s.wipe())
		}
	}
	for _, s := range all {
		a.warmUp(r, s)
	}
	for n := range a.rounds {
		for i, s := range all {
			numbers := a.undisturbed(r, s)
			result.Contenders[i].Rounds = append(result.Contenders[i].Rounds, numbers)
			t.Logf("%s, round %d, %s: %s", r.name, n+1, s.name, numbersText(numbers))
		}
	}
	for _, s := range all {
		a.trim(s)
	}
	t.Logf("%s took %v", r.name, time.Since(began).Round(time.Second))
	if len(a.only) > 0 {
		return
	}
	a.do(result.save(a.out))
}

// do fails the row on an error.
func (a *arena) do(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// place gives a contender its directory and ports, once for all rows.
func (a *arena) place(c contender, versions map[string]string) *standing {
	a.t.Helper()
	if c.version != nil {
		versions[c.product] = c.version(a.t)
	}
	s := a.all[c.name]
	if s == nil {
		s = &standing{contender: c, t: a.whole, dir: filepath.Join(a.root, c.name), ports: a.ports(c.ports)}
		s.namesrv, s.broker = c.address(s.ports)
		a.all[c.name] = s
	}
	return s
}

// ports finds free ones that no contender has, running or not.
func (a *arena) ports(n int) []int {
	a.t.Helper()
	var taken []int
	for _, s := range a.all {
		taken = append(taken, s.ports...)
	}
	free := slices.DeleteFunc(freePorts(a.t, n+len(taken)), func(port int) bool { return slices.Contains(taken, port) })
	return free[:n]
}

// pauseOthers stops all contenders that run, but one.
func (a *arena) pauseOthers(but *standing) {
	a.t.Helper()
	for _, s := range a.all {
		if s != but && s.running() && !s.paused {
			a.do(s.signal(syscall.SIGSTOP))
		}
	}
}

// enter gives the machine to one contender: the others stop, it runs and takes messages, and neither it nor the disk is
// busy with what was before.
func (a *arena) enter(r row, s *standing) {
	a.t.Helper()
	a.pauseOthers(s)
	switch {
	case r.own:
	case !s.running():
		a.do(s.launch())
		a.do(s.awaitReady())
	case s.paused:
		a.do(s.signal(syscall.SIGCONT))
		a.do(s.awaitReady()) // a NameServer forgets brokers that were silent for two minutes
	}
	a.do(a.room())
	syscall.Sync() // or it would pay for the pages that another left behind
	a.settle()
	if !r.own {
		a.do(s.awaitReady()) // still: the NameServer may have forgotten the broker as soon as both ran again
	}
}

// fullDisk is how much of the disk may be used, in percent, when a round begins: both servers delete or refuse from 90 on.
const fullDisk = 85

// room is an error if the disk is so full that servers would do other work than the row's.
func (a *arena) room() error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(a.root, &fs); err != nil {
		return err
	}
	used := fs.Blocks - fs.Bfree
	if percent := float64(used) / float64(used+fs.Bavail) * 100; percent > fullDisk {
		return fmt.Errorf("the disk of %s is %.0f %% full, and servers may not use more than %d %% before a round: make room", a.root, percent, fullDisk)
	}
	return nil
}

// settle waits until nothing that the comparison started uses the processors, at most a while.
func (a *arena) settle() {
	const step, limit = 250 * time.Millisecond, 10 * time.Second
	for begin := time.Now(); time.Since(begin) < limit; {
		before := a.spent()
		time.Sleep(step)
		if a.spent()-before < step/10 {
			return
		}
	}
}

// spent is the CPU time of all contenders and load generators that run.
func (a *arena) spent() time.Duration {
	sum := time.Duration(0)
	for _, s := range a.all {
		if s.running() {
			sum += s.cpu()
		}
	}
	for _, g := range []*javaGenerator{a.java, a.sdk} {
		if g != nil {
			sum += g.cpu()
		}
	}
	return sum
}

func (a *arena) warmUp(r row, s *standing) {
	a.t.Helper()
	if r.warm == nil || r.own {
		return
	}
	a.enter(r, s)
	span := min(warmNative, a.warm)
	if s.jit {
		span = a.warm
		if s.warmed[r.kind] >= a.warm {
			span = min(warmAgain, a.warm)
		}
	}
	r.warm(a, s, span)
	s.warmed[r.kind] += span
	if !r.keeps {
		a.trim(s)
	}
}

// undisturbed measures one round, again if others used too much of the machine, and returns the least disturbed one.
func (a *arena) undisturbed(r row, s *standing) map[string]float64 {
	a.t.Helper()
	var best map[string]float64
	for range 1 + othersRepeats {
		numbers := a.once(r, s)
		if best == nil || numbers[othersKey] < best[othersKey] {
			best = numbers
		}
		if numbers[othersKey] <= a.others {
			break
		}
		a.t.Logf("%s, %s: others used %.1f %% of the machine: %s", r.name, s.name, numbers[othersKey], numbersText(numbers))
	}
	return best
}

// once measures one round.
func (a *arena) once(r row, s *standing) map[string]float64 {
	a.t.Helper()
	a.enter(r, s)
	before, err := readBystanders()
	a.do(err)
	numbers := r.round(a, s)
	after, err := readBystanders()
	a.do(err)
	numbers[othersKey], numbers[kernelKey] = share(before, after)
	for key, v := range numbers {
		numbers[key] = sixDigits(v)
	}
	if r.own {
		a.do(s.wipe())
	}
	if !r.keeps {
		a.trim(s)
	}
	return numbers
}

// sixDigits leaves out what no measurement tells.
func sixDigits(v float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return v // not a number, which the file will refuse by name
	}
	return short
}

// trim removes the store of a contender that is as good when it starts anew.
func (a *arena) trim(s *standing) {
	a.t.Helper()
	if stored := s.stored(); !s.jit && stored > int64(storeLimitRound*a.scale) {
		a.t.Logf("%s starts anew: it has stored %d MB", s.name, stored/1e6)
		a.do(s.wipe())
	}
}

// span is the CPU time that a contender had used at a span's begin and end.
type span struct {
	begin, end time.Duration
}

// perMillion is CPU seconds per million messages.
func (s span) perMillion(messages float64) float64 {
	return (s.end - s.begin).Seconds() / messages * 1e6
}

func numbersText(numbers map[string]float64) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %.5g", key, numbers[key]))
	}
	return strings.Join(parts, ", ")
}

// topic makes a topic with eight queues at the contender and returns its name, which no other has.
func (a *arena) topic(on *standing, name string) string {
	a.t.Helper()
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	a.do(createTopic(on.broker, name, 8))
	a.do(eventually(routeLimit, "route of "+name, func() error { return routed(on.namesrv, name, on.broker) }))
	return name
}

// aerobeeProgram is the binary of this work tree, built once.
func (a *arena) aerobeeProgram() string {
	a.t.Helper()
	if a.binary == "" {
		a.binary = aerobeeBinary(a.t)
	}
	if _, err := os.Stat(a.binary); err != nil {
		a.t.Fatal(err)
	}
	return a.binary
}
