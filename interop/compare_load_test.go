//go:build numbers

package interop

import (
	"fmt"
	"time"
)

// javaRows send with the official Java client.
func javaRows() []row {
	alone := sendRow("sync1", "1 synchronous sender (Java)", "One thread sends a message and waits for its answer. With SYNC_FLUSH its floor is the disk's own sync: see the row floor.", 20,
		sendFigures(figure{Key: "p50", Title: "p50, ms", Digits: 3, Must: map[string]float64{"aerobee": 0.300, "aerobee-async": 0.170}, Aim: map[string]float64{"aerobee": 0.250, "aerobee-async": 0.135}},
			figure{Key: "serverCPU", Title: "server CPU, s per million", Digits: 1, Must: map[string]float64{"aerobee": 150, "aerobee-async": 80}, Aim: map[string]float64{"aerobee": 105, "aerobee-async": 45}},
			figure{Key: "rate", Title: "messages/s", More: true}, figure{Key: "p999", Title: "p99.9, ms", Digits: 2}),
		"senders threads=1 batch=1")
	alone.contenders = append(alone.contenders, aerobeeAsync())
	return []row{
		sendRow("sync64", "64 synchronous senders (Java)", "64 threads share one producer; each sends a message and waits for its answer.", 21,
			sendFigures(rateFigure(42_000, 55_000), cpuFigure(11, 6.5), millisFigure("p999", "p99.9, ms", 8, 5), millisFigure("p50", "p50, ms", 0, 0)),
			"senders threads=64 batch=1"),
		alone,
		sendRow("pipelined", "pipelined, 1,000 in flight (Java)", "One thread sends without waiting; 1,000 messages may be without an answer.", 22,
			sendFigures(rateFigure(90_000, 110_000), cpuFigure(6, 4), millisFigure("p999", "p99.9, ms", 0, 0)),
			"pipeline inflight=1000"),
	}
}

// sendRow is a row of sending with the official Java client.
func sendRow(name, title, text string, order int, figures []figure, command string) row {
	load := func(a *arena, on *standing, warm, span time.Duration) map[string]float64 {
		return a.javaLoad(on, "%s size=1024 topic=%s warm=%g seconds=%g", command, a.topic(on, name), warm.Seconds(), span.Seconds())
	}
	return row{
		name: name, title: title, text: text, order: order, figures: figures, anchor: "apache-async", kind: sends,
		contenders: []contender{apacheAsync(), apacheSync(), aerobeeSync()},
		warm:       func(a *arena, on *standing, span time.Duration) { load(a, on, 0, span) },
		round: func(a *arena, on *standing) map[string]float64 {
			return load(a, on, min(2*time.Second, a.span), a.span)
		},
	}
}

// Backlogs and rates of the rows that consume.
const (
	drainBacklog = 2_000_000
	endToEndRate = 1_000
)

// consumeRows consume, with both clients. Those that share a backlog come first.
func consumeRows() []row {
	contenders := []contender{apacheAsync(), aerobeeSync()}
	drained := []figure{{Key: "rate", Title: "messages/s", More: true, Beat: true, Times: 1.2}, cpuFigure(0.9, 0.6)}
	endToEnd := []figure{millisFigure("p50", "p50, ms", 0.6, 0.3), millisFigure("p99", "p99, ms", 4, 1), millisFigure("p999", "p99.9, ms", 8, 2.4),
		cpuFigure(0, 0), {Key: "lost", Title: "messages lost"}}
	return []row{
		{name: "drain", kind: consumes, title: "drain a backlog of 2 million (Java)", order: 30, anchor: "apache-async", contenders: contenders, figures: sendFigures(drained...), keeps: true,
			text:  "A push consumer with the client's default settings works off 2 million messages of 1 KiB, from the first to the last one. The rate is bounded by the client.",
			warm:  func(a *arena, on *standing, span time.Duration) { a.repeat(span, func() { a.javaDrain(on) }) },
			round: func(a *arena, on *standing) map[string]float64 { return a.javaDrain(on) }},
		{name: "cheapdrain", kind: consumes, title: "drain a backlog of 2 million (`aerobee bench`)", order: 70, anchor: "apache-async", contenders: contenders, figures: sendFigures(drained[0], cpuFigure(0, 0)), keeps: true,
			text:  "A push consumer of Aerobee's client works off 2 million messages of 1 KiB: `aerobee bench consume`.",
			warm:  func(a *arena, on *standing, span time.Duration) { a.repeat(span, func() { a.benchDrain(on) }) },
			round: func(a *arena, on *standing) map[string]float64 { return a.benchDrain(on) }},
		{name: "e2e", kind: consumes, title: "end to end at 1,000/s (Java)", order: 31, anchor: "apache-async", contenders: []contender{apacheAsync(), apacheSync(), aerobeeSync()}, figures: sendFigures(endToEnd...),
			text: "One process sends 1,000 messages a second without waiting, and receives them with a push consumer. Latency counts from the time at which each was meant to leave to its listener.",
			warm: func(a *arena, on *standing, span time.Duration) { a.javaEndToEnd(on, 0, span) },
			round: func(a *arena, on *standing) map[string]float64 {
				return a.javaEndToEnd(on, min(2*time.Second, a.span), a.span)
			}},
		{name: "cheape2e", kind: consumes, title: "end to end at 1,000/s (`aerobee bench`)", order: 71, anchor: "apache-async", contenders: contenders, figures: sendFigures(
			millisFigure("p50", "p50, ms", 0, 0), millisFigure("p99", "p99, ms", 0, 0), millisFigure("p999", "p99.9, ms", 0, 0), cpuFigure(0, 0)),
			text:  "`aerobee bench e2e --rate 1000`: Aerobee's client sends and receives.",
			warm:  func(a *arena, on *standing, span time.Duration) { a.benchEndToEnd(on, span) },
			round: func(a *arena, on *standing) map[string]float64 { return a.benchEndToEnd(on, a.span) }},
	}
}

// repeat works until span is over, at least once.
func (a *arena) repeat(span time.Duration, work func()) {
	for begin := time.Now(); ; {
		if work(); time.Since(begin) >= span {
			return
		}
	}
}

// group names a consumer group that no other has.
func (a *arena) group(on *standing) string {
	name := fmt.Sprintf("group-%d", time.Now().UnixNano())
	a.do(createGroup(on.broker, name, defaultRetries))
	return name
}

func (a *arena) javaEndToEnd(on *standing, warm, span time.Duration) map[string]float64 {
	a.t.Helper()
	return a.javaLoad(on, "endtoend topic=%s group=%s rate=%d size=1024 warm=%g seconds=%g", a.topic(on, "e2e"), a.group(on), endToEndRate, warm.Seconds(), span.Seconds())
}

func (a *arena) benchEndToEnd(on *standing, span time.Duration) map[string]float64 {
	a.t.Helper()
	_, numbers := a.benchLoad(on, "e2e", "--topic", a.topic(on, "e2e"), "--rate", fmt.Sprint(endToEndRate), "--duration", span.String(), "--warm-up", min(2*time.Second, span).String())
	return numbers
}

func (a *arena) javaDrain(on *standing) map[string]float64 {
	a.t.Helper()
	topic, count := a.backlog(on)
	return a.javaLoad(on, "drain topic=%s group=%s count=%d", topic, a.group(on), count)
}

func (a *arena) benchDrain(on *standing) map[string]float64 {
	a.t.Helper()
	topic, count := a.backlog(on)
	_, numbers := a.benchLoad(on, "consume", "--topic", topic, "--count", fmt.Sprint(count))
	return numbers
}

// backlog is a topic with messages to drain, filled once as long as the contender keeps its store.
func (a *arena) backlog(on *standing) (topic string, count int) {
	a.t.Helper()
	count = int(drainBacklog * a.scale)
	if on.backlog == "" {
		on.backlog = a.topic(on, "backlog")
		a.fill(on, on.backlog, count)
	}
	return on.backlog, count
}

// fill stores messages of 1 KiB in the topic.
func (a *arena) fill(on *standing, topic string, count int) {
	a.t.Helper()
	a.benchLoad(on, "send", "--topic", topic, "--count", fmt.Sprint(count), "--threads", "64", "--batch", "32")
}
