//go:build numbers

package interop

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/bench"
)

// extraRows are what the table of send and drain rows does not show.
func extraRows() []row {
	both := []contender{apacheAsync(), aerobeeSync()}
	ours := []contender{aerobeeSync()}
	none := map[string]float64{"aerobee": 0}
	warmSend := func(a *arena, on *standing, span time.Duration) { a.benchSend(on, span, "--window", "64") }
	warmBoth := func(a *arena, on *standing, span time.Duration) { a.benchEndToEnd(on, span) }
	return []row{
		{name: "bodies16k", kind: sends, title: "16 KiB bodies", order: 80, contenders: []contender{apacheAsync(), apacheSync(), aerobeeSync()}, anchor: "apache-async", round: (*arena).bigBodies,
			text: "One connection keeps 64 messages of 16 KiB in flight, not compressed. The disk's bandwidth is measured in the same round: 1 GiB in blocks of 1 MiB past the page cache, synced at its end.",
			warm: func(a *arena, on *standing, span time.Duration) { a.benchSend(on, span, bigBodies...) },
			figures: []figure{{Key: "mb", Title: "bodies, MB/s", More: true, Beat: true}, {Key: "share", Title: "share of the disk's bandwidth, %", More: true, Must: aerobeeBound(25)},
				{Key: "disk", Title: "the disk's bandwidth, MB/s"}, cpuFigure(0, 0), millisFigure("p999", "p99.9, ms", 0, 0)}},
		{name: "coldread", kind: sends, title: "sends while a cold reader replays", order: 81, empty: true, keeps: true, contenders: both, anchor: "apache-async", warm: warmSend, round: (*arena).coldRead,
			text: fmt.Sprintf("%d messages a second are sent, once in quiet and once while a consumer of another group replays %d million messages of 1 KiB as fast as it goes, from a disk whose page cache "+
				"has been dropped (what Apache has mapped cannot be dropped). The consumer has the same processors.", coldRate, coldBacklog/1_000_000),
			figures: []figure{{Key: "times", Title: "p99.9 of a send, times that in quiet", Digits: 2, Must: aerobeeBound(2)}, millisFigure("p999", "p99.9 of a send, ms", 0, 0),
				{Key: "quiet", Title: "the same in quiet, ms", Digits: 2}, {Key: "read", Title: "replayed messages/s", More: true}}},
		{name: "queues100k", title: "100,000 queues that hold messages", order: 82, own: true, contenders: ours, round: (*arena).manyQueues,
			text: fmt.Sprintf("Four connections keep 1,000 messages in flight each: to one topic of 8 queues, and to %d topics of %d queues in turn, each of which has got messages before. Then the server is killed with "+
				"kill -9 and started again. Apache keeps a file open for each queue, more than a process may.", manyTopics, manyQueues/manyTopics),
			figures: []figure{{Key: "share", Title: "rate, % of that in one topic", Digits: 1, More: true, Must: aerobeeBound(80)}, {Key: "rate", Title: "messages/s in all queues", More: true}, {Key: "one", Title: "messages/s in one topic", More: true},
				cpuFigure(0, 0), {Key: "oneCPU", Title: "the same in one topic", Digits: 2}, {Key: "clientCPU", Title: "load generator's CPU, s per million", Digits: 2},
				{Key: "rss", Title: "RSS, MB", Must: aerobeeBound(300), Aim: aerobeeBound(150)}, {Key: "first", Title: "restart: exec to first acknowledged send, s", Digits: 3, Must: aerobeeBound(1)}, {Key: "holding", Title: "queues that hold messages", More: true, Must: aerobeeBound(manyQueues)}}},
		{name: "connections10k", kind: sends, title: "10,000 connections, each a message a second", order: 83, contenders: both, anchor: "apache-async", warm: warmSend, round: (*arena).manyConnections,
			text: "Two processes have 5,000 clients each, with a connection of its own to the broker; each client sends 1 KiB a second and waits for the answer.",
			figures: []figure{{Key: "cpu", Title: "server CPU, % of one processor", Digits: 1, Beat: true}, {Key: "rss", Title: "server RSS, MB", Beat: true}, {Key: "kib", Title: "server RSS beyond that before, KiB a connection", Digits: 1},
				{Key: "rate", Title: "messages/s", More: true}, millisFigure("p50", "p50, ms", 0, 0), millisFigure("p999", "p99.9, ms", 0, 0), {Key: "failed", Title: "messages that failed", Must: none}}},
		{name: "peak", kind: consumes, title: "a peak of ten times the consumers' rate", order: 84, contenders: both, anchor: "apache-async", warm: warmBoth, round: (*arena).peak,
			text: fmt.Sprintf("%d messages a second are sent to consumers that keep up, and then, for six times as long, to consumers that take a tenth of them; behind the peak they take what they can. "+
				"Latency is that of sending.", peakRate),
			figures: []figure{{Key: "failed", Title: "messages refused", Must: none}, {Key: "times", Title: "p99.9 of a send in the peak, times that before", Digits: 2, Must: aerobeeBound(1.5)}, millisFigure("p999", "p99.9 of a send in the peak, ms", 0, 0),
				{Key: "quiet", Title: "the same before, ms", Digits: 2}, {Key: "rss", Title: "peak RSS, MB"}, {Key: "grown", Title: "peak RSS beyond that before, MB", Must: aerobeeBound(128)},
				{Key: "backlog", Title: "backlog at the peak's end"}, {Key: "drain", Title: "time to drain it, s", Digits: 1, Beat: true}, {Key: "lost", Title: "messages lost", Must: none}}},
		{name: "broadcast", kind: consumes, title: "broadcast of 1,000 messages a second to 1,000 consumers", order: 85, contenders: both, anchor: "apache-async", warm: warmBoth, round: (*arena).broadcast,
			text: "1,000 clients in one process, with a connection each, consume a topic of 8 queues in broadcast mode. A message is one delivery. What cannot be delivered in time comes later: see the rate.",
			figures: []figure{{Key: "rate", Title: "deliveries/s", More: true, Beat: true}, cpuFigure(0, 0), millisFigure("p50", "p50, ms", 0, 0), millisFigure("p99", "p99, ms", 0, 0), {Key: "rss", Title: "server RSS, MB"},
				{Key: "clientCPU", Title: "clients' CPU, s per million", Digits: 2}, {Key: "lost", Title: "deliveries lost", Must: none}}},
		{name: "restart10g", title: "restart after kill -9 with 10 GB on disk", order: 86, empty: true, keeps: true, contenders: both, anchor: "apache-async", round: (*arena).restart10g,
			text:    "The process that holds 10 GB of messages of 1 KiB is killed and started again at once; a raw client counts until its first message is acknowledged, and until the server says that it is ready.",
			figures: []figure{{Key: "first", Title: "exec to first acknowledged send, s", Digits: 3, Beat: true, Must: aerobeeBound(1)}, {Key: "ready", Title: "exec to ready, s", Digits: 3, Beat: true, Must: aerobeeBound(1)}, {Key: "gb", Title: "on disk, GB", Digits: 1}}},
	}
}

var bigBodies = []string{"--window", "64", "--size", "16384", "--compress-over", "-1"}

const (
	coldRate    = 5_000
	coldBacklog = 3_000_000
	manyQueues  = 100_000
	manyTopics  = 1_000
	perQueue    = 5 // messages that each queue of many holds at least, but for the luck of the turns
	connections = 5_000
	peakRate    = 10_000
	peakTimes   = 6 // spans
	audience    = 1_000
	bigBacklog  = 9_000_000 // 10 GB with heads and properties
)

// bigBodies sends 16 KiB, and asks the disk.
func (a *arena) bigBodies(on *standing) map[string]float64 {
	a.t.Helper()
	r, numbers := a.benchLoad(on, append([]string{"send", "--topic", a.topic(on, "big"), "--duration", a.span.String(), "--warm-up", min(2*time.Second, a.span).String()}, bigBodies...)...)
	dir := filepath.Join(a.root, "floor")
	a.do(os.MkdirAll(dir, 0o755))
	defer os.RemoveAll(dir)
	disk, err := writeBandwidth(filepath.Join(dir, "direct"), syscall.O_DIRECT)
	a.do(err)
	numbers["mb"], numbers["disk"], numbers["share"] = r.MB, disk, r.MB/disk*100
	return numbers
}

// coldRead sends in quiet, and beside somebody who reads what no cache holds.
func (a *arena) coldRead(on *standing) map[string]float64 {
	a.t.Helper()
	if on.backlog == "" {
		on.backlog = a.topic(on, "cold")
		a.fill(on, on.backlog, int(coldBacklog*a.scale))
	}
	send := func() map[string]float64 {
		return a.benchSend(on, a.span, "--window", "64", "--rate", strconv.Itoa(coldRate))
	}
	quiet := send()
	a.do(dropCache(on.dir))
	reader := a.benchStart(on, "consume", "--topic", on.backlog)
	numbers := send()
	read := reader()
	numbers["quiet"], numbers["times"], numbers["read"] = quiet["p999"], numbers["p999"]/quiet["p999"], read.Rate
	return numbers
}

// dropCache has the system forget what it holds of the files of a directory.
func dropCache(dir string) error {
	syscall.Sync() // it forgets only what is on the disk
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // files come and go under a running server
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// manyQueues compares sending to many queues with sending to few.
func (a *arena) manyQueues(on *standing) map[string]float64 {
	a.t.Helper()
	a.do(on.launch())
	a.do(on.awaitReady())
	load := []string{"--connections", "4", "--window", "1000"}
	one := a.benchSend(on, a.span, load...)
	topics := max(1, int(manyTopics*min(1, a.scale)))
	queues := manyQueues / manyTopics
	load = append(load, "--topic", "many", "--topics", strconv.Itoa(topics), "--queues", strconv.Itoa(queues), "--keep")
	a.benchLoad(on, append([]string{"send", "--count", strconv.Itoa(perQueue * topics * queues), "--size", "64"}, load...)...)
	_, numbers := a.benchLoad(on, append([]string{"send", "--duration", a.span.String(), "--warm-up", "5s"}, load...)...)
	rss, err := on.rss()
	a.do(err)
	numbers["oneCPU"] = one["serverCPU"]
	numbers["one"], numbers["share"], numbers["rss"] = one["rate"], numbers["rate"]/one["rate"]*100, rss
	numbers["holding"] = a.holding(on, topics)
	a.do(on.kill())
	begin := time.Now()
	a.do(on.launch())
	first, _ := a.awaitFirst(on, begin)
	numbers["first"] = first.Seconds()
	return numbers
}

// holding counts the queues of many topics that hold messages.
func (a *arena) holding(on *standing, topics int) float64 {
	a.t.Helper()
	ask, err := admin.New(admin.Options{NameServers: []string{on.namesrv}})
	a.do(err)
	defer ask.Close()
	n := 0
	for i := range topics {
		state, err := ask.Topic(a.t.Context(), fmt.Sprintf("many-%05d", i+1))
		a.do(err)
		for _, q := range state.Queues {
			if q.Max > q.Min {
				n++
			}
		}
	}
	return float64(n)
}

// manyConnections has two processes hold the clients: one may not have so many descriptors.
func (a *arena) manyConnections(on *standing) map[string]float64 {
	a.t.Helper()
	before, err := on.rss()
	a.do(err)
	n := max(1, int(connections*min(1, a.scale)))
	text, topic := strconv.Itoa(n), a.topic(on, "connections")
	// Connecting is not measured: both warm up until the other one has connected, too.
	args := []string{"send", "--topic", topic, "--connections", text, "--threads", text, "--rate", text, "--duration", a.span.String(), "--warm-up", max(10*time.Second, a.span).String()}
	other := a.benchStart(on, args...)
	most := on.watch()
	r, numbers := a.benchLoad(on, args...)
	second := other()
	numbers["rate"] += second.Rate
	numbers["failed"] = float64(r.Failed + second.Failed)
	numbers["cpu"] = numbers["serverCPU"] * float64(r.Messages) / r.Seconds / 1e6 * 100 // of all that the server did while the first sent its part
	numbers["rss"] = most()
	numbers["kib"] = max(0, numbers["rss"]-before) * 1e6 / 1024 / float64(2*n)
	return numbers
}

// watch looks at the resident memory until end is called, which returns the most that it has been, in MB.
func (s *standing) watch() (end func() float64) {
	stop, most := make(chan struct{}), make(chan float64)
	go func() {
		highest := 0.0
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			if rss, err := s.rss(); err == nil {
				highest = max(highest, rss)
			}
			select {
			case <-ticker.C:
			case <-stop:
				most <- highest
				return
			}
		}
	}()
	return func() float64 {
		close(stop)
		return <-most
	}
}

// benchStart starts `aerobee bench` beside another load; the function that it returns waits for the result.
func (a *arena) benchStart(on *standing, args ...string) (wait func() bench.Result) {
	a.t.Helper()
	cmd := exec.Command(a.aerobeeProgram(), append(append([]string{"bench"}, args...), "--json", "--namesrv", on.namesrv)...)
	cmd.Env = serverEnvironment()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	a.do(cmd.Start())
	end := sync.OnceValue(cmd.Wait)
	a.t.Cleanup(func() {
		cmd.Process.Kill()
		end()
	})
	return func() (r bench.Result) {
		a.t.Helper()
		if err := end(); err != nil {
			a.t.Fatalf("%q: %v\n%s\n%s", cmd.Args, err, errs.String(), out.String())
		}
		a.do(json.Unmarshal([]byte(out.String()), &r))
		return r
	}
}

// peak sends more than consumers take.
func (a *arena) peak(on *standing) map[string]float64 {
	a.t.Helper()
	load := func(span time.Duration, args ...string) (numbers map[string]float64, p999 float64) {
		r, numbers := a.benchLoad(on, append([]string{"e2e", "--topic", a.topic(on, "peak"), "--rate", strconv.Itoa(peakRate), "--duration", span.String(), "--warm-up", min(2*time.Second, span).String()}, args...)...)
		numbers["backlog"], numbers["lost"], numbers["failed"] = float64(r.Backlog), float64(r.Lost), float64(r.Failed)
		numbers["drain"] = max(0, r.Seconds-span.Seconds())
		return numbers, r.Ack.P999 / 1e3
	}
	_, quiet := load(a.span)
	before, err := on.rss()
	a.do(err)
	span := peakTimes * a.span
	most := on.watch()
	numbers, p999 := load(span, "--consume-rate", strconv.Itoa(peakRate/10))
	numbers["p999"], numbers["quiet"], numbers["times"] = p999, quiet, p999/quiet
	numbers["rss"] = most()
	numbers["grown"] = max(0, numbers["rss"]-before)
	return numbers
}

// broadcast delivers each message to an audience.
func (a *arena) broadcast(on *standing) map[string]float64 {
	a.t.Helper()
	consumers := max(1, int(audience*min(1, a.scale)))
	r, numbers := a.benchLoad(on, "e2e", "--topic", a.topic(on, "broadcast"), "--rate", "1000", "--consumers", strconv.Itoa(consumers), "--broadcast",
		"--duration", a.span.String(), "--warm-up", min(2*time.Second, a.span).String())
	numbers["lost"] = float64(r.Lost)
	rss, err := on.rss()
	a.do(err)
	numbers["rss"] = rss
	return numbers
}

// restart10g kills what holds much and measures its way back.
func (a *arena) restart10g(on *standing) map[string]float64 {
	a.t.Helper()
	if on.backlog == "" {
		on.backlog = a.topic(on, "restart10g")
		a.fill(on, on.backlog, int(bigBacklog*a.scale))
	}
	numbers := map[string]float64{"gb": float64(on.stored()) / 1e9}
	a.do(on.main().kill())
	begin := time.Now()
	a.do(on.main().launch())
	clear(on.warmed)
	first, ready := a.awaitFirst(on, begin)
	numbers["first"], numbers["ready"] = first.Seconds(), ready.Seconds()
	return numbers
}
