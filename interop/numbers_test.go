//go:build numbers

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/machine"
)

// What each client of the comparison gets to do. Java warms up longer: its compiler needs it.
const (
	numbersRounds   = 3
	numbersSenders  = 64
	numbersSize     = 1024
	numbersBacklog  = 1_200_000
	numbersConsumed = 600_000
	numbersClients  = 1000
	numbersLimit    = 6 * time.Minute // of one program
)

// Ours must cost at most these parts of the better one of the others, and this much memory.
const (
	mustPerSend     = 1.0 / 3
	mustPerConsumed = 1.0 / 2
	mustClientsMB   = 200
)

// loaded is a client under comparison.
type loaded struct {
	name        string
	version     string
	command     []string
	warmSeconds int
	warmBacklog int

	sends, consumes []measured // a round each
}

// measured is what a program printed.
type measured struct {
	Messages    float64 `json:"messages"`
	Seconds     float64 `json:"seconds"`
	CPUSeconds  float64 `json:"cpuSeconds"`
	Allocations float64 `json:"allocations"`
	RSS         float64 `json:"rssMB"`
}

func (m measured) cost() float64 { return m.CPUSeconds / m.Messages * 1e6 }
func (m measured) rate() float64 { return m.Messages / m.Seconds }

// TestNumbers compares what clients cost, and writes the result to bench/RESULTS.md. `make bench-client` runs it: it takes
// minutes and wants the machine for itself, so it is no part of the suites.
func TestNumbers(t *testing.T) {
	ours, golang, java := numbersAerobee(t), numbersGo(t), numbersJava(t)
	all := []*loaded{ours, golang, java}
	s := startServer(t, "aerobee")
	pid := s.store.cmd.Process.Pid
	for _, topic := range []string{"numbers-send", "numbers-backlog"} {
		if err := createTopic(s.broker, topic, 8); err != nil {
			t.Fatal(err)
		}
	}
	numbersRun(t, ours.command, "fill", s.namesrv, "numbers-backlog", strconv.Itoa(numbersBacklog))
	for round := range numbersRounds {
		for _, c := range all {
			m := numbersRun(t, c.command, "send", s.namesrv, "numbers-send", strconv.Itoa(numbersSenders), strconv.Itoa(numbersSize), strconv.Itoa(c.warmSeconds), "10")
			c.sends = append(c.sends, m)
			t.Logf("round %d: %s sends %.0f/s at %.2f CPU s per million", round+1, c.name, m.rate(), m.cost())
			group := fmt.Sprintf("numbers-%d-%d", pid, round) + strings.ReplaceAll(c.name, " ", "-")
			group = strings.NewReplacer("/", "-", "`", "").Replace(group)
			m = numbersRun(t, c.command, "consume", s.namesrv, "numbers-backlog", group, strconv.Itoa(c.warmBacklog), strconv.Itoa(numbersConsumed))
			c.consumes = append(c.consumes, m)
			t.Logf("round %d: %s consumes %.0f/s at %.2f CPU s per million", round+1, c.name, m.rate(), m.cost())
		}
	}
	memory := numbersRun(t, ours.command, "clients", s.namesrv, "numbers-send", strconv.Itoa(numbersClients))
	text := numbersReport(t, all, memory)
	t.Log("\n" + text)
	if err := os.WriteFile(filepath.Join("..", "bench", "RESULTS.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cost := func(pick func(*loaded) []measured) (we, best float64) {
		return median(pick(ours), measured.cost), min(median(pick(golang), measured.cost), median(pick(java), measured.cost))
	}
	if we, best := cost(func(c *loaded) []measured { return c.sends }); we > best*mustPerSend {
		t.Errorf("a send costs %.2f of the better one's CPU time, want at most %.2f", we/best, mustPerSend)
	}
	if we, best := cost(func(c *loaded) []measured { return c.consumes }); we > best*mustPerConsumed {
		t.Errorf("a consumed message costs %.2f of the better one's CPU time, want at most %.2f", we/best, mustPerConsumed)
	}
	if memory.RSS >= mustClientsMB {
		t.Errorf("%d clients take %.0f MB, want less than %d", numbersClients, memory.RSS, mustClientsMB)
	}
}

func numbersAerobee(t *testing.T) *loaded {
	t.Helper()
	binary := cacheDir(t, "bin", "numbers-aerobee")
	build(t, binary, ".", "./numbers/aerobee")
	return &loaded{name: "Aerobee `client`", version: "this tree", command: []string{binary}, warmSeconds: 3, warmBacklog: 100_000}
}

func numbersGo(t *testing.T) *loaded {
	t.Helper()
	binary := cacheDir(t, "bin", "numbers-go")
	build(t, binary, filepath.Join("numbers", "go"), ".")
	return &loaded{name: "rocketmq-client-go/v2", version: "2.1.2", command: []string{binary}, warmSeconds: 3, warmBacklog: 100_000}
}

func numbersJava(t *testing.T) *loaded {
	t.Helper()
	need(t, "java", "javac", "mvn")
	jars, source := javaJars(t, "client", javaNew), "numbers/java/interop/Numbers.java"
	classes := cacheDir(t, "classes-numbers")
	fetched(t, classes, "numbers "+digest(t, []string{source}), exec.Command("javac", "-nowarn", "-encoding", "UTF-8", "-d", classes, "-cp", jars, source))
	home := t.TempDir()
	return &loaded{name: "Java client", version: javaNew, warmSeconds: 20, warmBacklog: 500_000,
		command: []string{"java", "-Xmx1g", "-Duser.home=" + home, "-Drocketmq.client.logRoot=" + home,
			"-cp", classes + string(os.PathListSeparator) + jars, "interop.Numbers"}}
}

// numbersRun runs a program to its end and reads the last line that it printed.
func numbersRun(t *testing.T, command []string, args ...string) (m measured) {
	t.Helper()
	cmd := exec.Command(command[0], append(slices.Clone(command[1:]), args...)...)
	cmd.Dir = t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(numbersLimit, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := lines[len(lines)-1]
	if err == nil && args[0] != "fill" {
		err = json.Unmarshal([]byte(last), &m)
	}
	if err != nil {
		t.Fatalf("%s %q: %v\n%s\n%s", command[0], args, err, last, errs.String()[max(0, errs.Len()-2000):])
	}
	return m
}

func median(rounds []measured, of func(measured) float64) float64 {
	values := make([]float64, len(rounds))
	for i, m := range rounds {
		values[i] = of(m)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// numbersReport is the text of bench/RESULTS.md.
func numbersReport(t *testing.T, all []*loaded, memory measured) string {
	t.Helper()
	var b strings.Builder
	version, err := exec.Command("git", "describe", "--tags", "--always").Output()
	if err != nil {
		version = []byte("unknown")
	}
	fmt.Fprintf(&b, "# Last result of `make bench-client`\n\nClients against one Aerobee (SYNC_FLUSH) at %s, on %d processors (%s), %s, %s.\n", strings.TrimSpace(string(version)),
		runtime.NumCPU(), machine.Processor(), runtime.GOOS+"/"+runtime.GOARCH+", "+runtime.Version(), time.Now().UTC().Format(time.DateOnly))
	load, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		fmt.Fprintf(&b, "Load of the machine at the end: %s.\n", strings.Join(strings.Fields(string(load))[:3], ", "))
	}
	fmt.Fprintf(&b, "Medians of %d interleaved rounds; CPU is the client's own, in seconds per million messages. The server shares the processors, so rates say\nlittle; CPU time says more.\n\n", numbersRounds)
	fmt.Fprintf(&b, "| client | %d senders, 1 KiB: CPU | rate | consuming 1 KiB, one at a time: CPU | rate |\n|---|---|---|---|---|\n", numbersSenders)
	for _, c := range all {
		fmt.Fprintf(&b, "| %s %s | %.2f | %.0f/s | %.2f | %.0f/s |\n", c.name, c.version, median(c.sends, measured.cost), median(c.sends, measured.rate),
			median(c.consumes, measured.cost), median(c.consumes, measured.rate))
	}
	better := func(pick func(*loaded) []measured) float64 {
		return median(pick(all[0]), measured.cost) / min(median(pick(all[1]), measured.cost), median(pick(all[2]), measured.cost))
	}
	fmt.Fprintf(&b, "\nOurs costs %.2f of the better one's CPU time per send (must: %.2f) and %.2f per consumed message (must: %.2f).\n",
		better(func(c *loaded) []measured { return c.sends }), mustPerSend, better(func(c *loaded) []measured { return c.consumes }), mustPerConsumed)
	allocations := func(m measured) float64 { return m.Allocations }
	fmt.Fprintf(&b, "A send allocates %.1f times, the message itself among them; a consumed message %.1f times.\n", median(all[0].sends, allocations), median(all[0].consumes, allocations))
	fmt.Fprintf(&b, "%d clients in one process, each with a connection and a message sent, take %.0f MB (must: < %d).\n", numbersClients, memory.RSS, mustClientsMB)
	return b.String()
}
