//go:build numbers

package interop

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

const (
	routeTopics      = 64
	routeConnections = 4
	routeFlight      = 64 // on each connection
)

// routesRows are what NameServers do.
func routesRows() []row {
	return []row{{name: "routes", kind: "route", title: "route queries", order: 90, contenders: []contender{apacheAsync(), aerobeeSync()}, anchor: "apache-async",
		text: "Four connections in a Go program keep 64 queries each for the routes of 64 topics of eight queues in flight (request 105, as a Java client 5.5.0 asks it). CPU is that of the process that answers: " +
			"Apache's NameServer alone, without its broker, and all of Aerobee.",
		warm:  func(a *arena, on *standing, span time.Duration) { a.queryRoutes(on, span) },
		round: func(a *arena, on *standing) map[string]float64 { return a.queryRoutes(on, a.span) },
		figures: []figure{{Key: "perCPU", Title: "queries per second of the server's CPU", More: true, Beat: true, Times: 4}, {Key: "rate", Title: "queries/s", More: true, Beat: true},
			cpuFigure(0, 0), millisFigure("p50", "p50, ms", 0, 0), millisFigure("p999", "p99.9, ms", 0, 0), {Key: "failed", Title: "queries that failed", Must: map[string]float64{"aerobee": 0}}}}}
}

// queryRoutes asks for routes for a while.
func (a *arena) queryRoutes(on *standing, span time.Duration) map[string]float64 {
	a.t.Helper()
	topics := a.routeTopics(on)
	server := on.processes[0].cmd.Process.Pid // of several the NameServer is the first
	ctx, cancel := context.WithTimeout(context.Background(), span+time.Minute)
	defer cancel()
	var work sync.WaitGroup
	var failed atomic.Int64
	took := make([][]time.Duration, routeConnections*routeFlight)
	before, err := readUsage(server)
	a.do(err)
	began := time.Now()
	for c := range routeConnections {
		conn, err := remoting.Dial(ctx, on.namesrv, remoting.Options{})
		a.do(err)
		defer conn.Close()
		for i := range routeFlight {
			mine := &took[c*routeFlight+i]
			work.Go(func() {
				for n := i; time.Since(began) < span; n++ {
					f := &protocol.Frame{Code: protocol.ReqGetRouteInfoByTopic, Version: protocol.CurrentVersion}
					f.Fields.Add("topic", topics[n%len(topics)])
					f.Fields.Add("acceptStandardJsonOnly", "true")
					asked := time.Now()
					r, err := conn.Invoke(ctx, f)
					if err != nil || r.Code != protocol.ResSuccess || len(r.Body) < 100 {
						failed.Add(1)
						return
					}
					*mine = append(*mine, time.Since(asked))
				}
			})
		}
	}
	work.Wait()
	seconds := time.Since(began).Seconds()
	after, err := readUsage(server)
	a.do(err)
	all := slices.Concat(took...)
	if len(all) == 0 {
		a.t.Fatal("no route query was answered")
	}
	slices.Sort(all)
	millis := func(share float64) float64 {
		return float64(all[min(int(share*float64(len(all))), len(all)-1)].Microseconds()) / 1000
	}
	cpu := (after.own - before.own).Seconds()
	n := float64(len(all))
	return map[string]float64{"rate": n / seconds, "perCPU": n / cpu, "serverCPU": cpu * 1e6 / n, "p50": millis(0.5), "p999": millis(0.999), "failed": float64(failed.Load())}
}

// routeTopics makes topics of eight queues that the NameServer knows.
func (a *arena) routeTopics(on *standing) (names []string) {
	a.t.Helper()
	for range routeTopics {
		names = append(names, a.topic(on, "route"))
	}
	return names
}
