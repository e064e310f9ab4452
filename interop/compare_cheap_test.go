//go:build numbers

package interop

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/bench"
)

// The cheap load generator is `aerobee bench` of this work tree.

// benchLoad runs `aerobee bench` with the arguments at the contender and returns its result and, as "serverCPU", the
// CPU seconds per million messages of all the contender's processes.
func (a *arena) benchLoad(on *standing, args ...string) (bench.Result, map[string]float64) {
	a.t.Helper()
	command := append([]string{"bench"}, args...)
	command = append(command, "--json", "--namesrv", on.namesrv, "--server-pid", strconv.Itoa(on.main().cmd.Process.Pid))
	cmd := exec.Command(a.aerobeeProgram(), command...)
	cmd.Env = serverEnvironment()
	var errs strings.Builder
	cmd.Stderr = &errs
	main, err := readUsage(on.main().cmd.Process.Pid)
	a.do(err)
	before := on.cpu() - main.own
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("%q: %v\n%s\n%s", cmd.Args, err, errs.String(), out)
	}
	var r bench.Result
	a.do(json.Unmarshal(out, &r))
	if main, err = readUsage(on.main().cmd.Process.Pid); err != nil {
		a.t.Fatal(err)
	}
	// The load generator reads the process that holds the messages; the others (a NameServer) count by their share of the time.
	beside := (on.cpu() - main.own - before).Seconds() * r.Seconds / time.Since(began).Seconds()
	numbers := map[string]float64{"rate": r.Rate, "messages": float64(r.Messages)}
	if c := r.CPU.ServerPerMillion; c != nil {
		numbers["serverCPU"] = *c + beside*1e6/float64(r.Messages)
	}
	if c := r.CPU.ClientPerMillion; c != nil {
		numbers["clientCPU"] = *c
	}
	if r.Failed > 0 {
		numbers["failed"] = float64(r.Failed)
		a.t.Logf("%q: some messages failed: %v", args, r.Errors)
	}
	if l := r.Latency; l != nil {
		numbers["p50"], numbers["p99"], numbers["p999"] = l.P50/1e3, l.P99/1e3, l.P999/1e3
	}
	return r, numbers
}

// benchSend is a round of sending with `aerobee bench send`.
func (a *arena) benchSend(on *standing, span time.Duration, args ...string) map[string]float64 {
	a.t.Helper()
	_, numbers := a.benchLoad(on, append([]string{"send", "--topic", a.topic(on, "send"), "--duration", span.String(), "--warm-up", min(2*time.Second, span).String()}, args...)...)
	return numbers
}

// Figures that most rows have.
func rateFigure(must, aim float64) figure {
	return figure{Key: "rate", Title: "messages/s", More: true, Beat: true, Must: aerobeeBound(must), Aim: aerobeeBound(aim)}
}

func cpuFigure(must, aim float64) figure {
	return figure{Key: "serverCPU", Title: "server CPU, s per million", Digits: 2, Beat: true, Must: aerobeeBound(must), Aim: aerobeeBound(aim)}
}

func millisFigure(key, title string, must, aim float64) figure {
	return figure{Key: key, Title: title, Digits: 2, Beat: true, Must: aerobeeBound(must), Aim: aerobeeBound(aim)}
}

// sendFigures are a row's figures and those that explain it and are not compared.
func sendFigures(figures ...figure) []figure {
	return append(figures, figure{Key: "clientCPU", Title: "load generator's CPU, s per million", Digits: 2}, figure{Key: "failed", Title: "messages that failed"})
}

// aerobeeBound is a bound of Aerobee with SYNC_FLUSH; 0: none.
func aerobeeBound(v float64) map[string]float64 {
	if v == 0 {
		return nil
	}
	return map[string]float64{"aerobee": v}
}

// cheapRow is a row of sending with the cheap load generator.
func cheapRow(name, title, text string, order int, figures []figure, args ...string) row {
	return row{
		name: name, title: title, order: order, kind: sends, text: text + " `aerobee bench send " + strings.Join(args, " ") + "`.",
		contenders: []contender{apacheAsync(), apacheSync(), aerobeeSync()}, anchor: "apache-async", figures: figures,
		warm:  func(a *arena, on *standing, span time.Duration) { a.benchSend(on, span, args...) },
		round: func(a *arena, on *standing) map[string]float64 { return a.benchSend(on, a.span, args...) },
	}
}

func cheapRows() []row {
	both := []contender{apacheAsync(), apacheSync(), aerobeeSync(), aerobeeAsync()}
	most := func(r row) row {
		r.contenders = both
		return r
	}
	return []row{
		cheapRow("cheap64", "cheap load, 1 connection, 64 in flight", "One connection keeps 64 messages in flight.", 60,
			sendFigures(rateFigure(180_000, 250_000), cpuFigure(3.5, 2.2), millisFigure("p999", "p99.9, ms", 4, 1), millisFigure("p50", "p50, ms", 0, 0)),
			"--connections", "1", "--window", "64"),
		most(cheapRow("cheap1x1000", "highest send rate, cheap load, 1 connection", "One connection keeps 1,000 messages in flight.", 61,
			sendFigures(rateFigure(0, 0), cpuFigure(0, 0), millisFigure("p999", "p99.9, ms", 0, 0)),
			"--connections", "1", "--window", "1000")),
		most(cheapRow("cheap4x1000", "highest send rate, cheap load, 4 connections, 1,000 in flight on each", "Four connections keep 1,000 messages in flight each.", 62,
			sendFigures(rateFigure(400_000, 800_000), cpuFigure(2.0, 1.1), millisFigure("p999", "p99.9, ms", 0, 0), millisFigure("p50", "p50, ms", 0, 0)),
			"--connections", "4", "--window", "1000")),
		most(cheapRow("cheap64x64", "highest send rate, cheap load, 64 connections", "64 connections keep 64 messages in flight each.", 63,
			sendFigures(rateFigure(0, 0), cpuFigure(0, 0), millisFigure("p999", "p99.9, ms", 0, 0)),
			"--connections", "64", "--window", "64")),
	}
}

// batchRows fill the disk fastest, so they come last.
func batchRows() []row {
	return []row{
		sendRow("batch", "batches of 32, 64 senders (Java)", "64 threads share one producer; each sends 32 messages as one batch and waits for the answer.", 23,
			sendFigures(rateFigure(450_000, 700_000), cpuFigure(1.0, 0.65), millisFigure("p999", "p99.9 of a batch, ms", 0, 0)),
			"senders threads=64 batch=32"),
		cheapRow("cheapbatch", "cheap load, 1 connection, 64 batches of 32 in flight", "One connection has 64 batches of 32 messages in flight.", 64,
			sendFigures(rateFigure(600_000, 1_000_000), cpuFigure(1.0, 0.6), millisFigure("p999", "p99.9 of a batch, ms", 0, 0)),
			"--connections", "1", "--threads", "64", "--batch", "32"),
	}
}
