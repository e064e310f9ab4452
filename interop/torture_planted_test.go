package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// TestTortureFindsBugs proves the torture test on its real path: real clients, a real broker, kill -9, and one bug planted
// between them by a middleman. Each bug must be found as what it is, and without a bug there must be nothing to find.
func TestTortureFindsBugs(t *testing.T) {
	for plant, want := range bugs() {
		t.Run(plant, func(t *testing.T) { planted(t, plant, want) })
	}
}

func planted(t *testing.T, plant string, want history.Fault) {
	ports := freePorts(t, 2)
	s := aerobee(t, ports[0], "")
	s.namesrv = s.broker
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	rules := tortureRules()
	for group := range rules.Groups {
		if group == "free-java" || group == "order-java" {
			delete(rules.Groups, group) // there is no Java program here
		}
	}
	rec := newRecorder()
	prepareTorture(t, s, tortureTopics(), rules)
	m := newMiddleman(t, ports[1], s.broker, plant)
	load := startGo(t, &server{name: s.name, namesrv: m.front, broker: m.front}, 1, rec)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	must(eventually(20*time.Second, "the load runs", func() error { return rec.atLeast(200) }))
	m.arm()
	if plant != plantNothing {
		select {
		case <-m.bitten:
		case <-time.After(20 * time.Second):
			t.Fatal("the bug did not bite")
		}
	}
	rec.add(history.Event{Kind: history.Killed})
	must(s.restart())
	rec.add(history.Event{Kind: history.Ready})
	must(eventually(30*time.Second, "the load goes on", func() error { return rec.atLeast(200) }))
	load.stopSending()
	forgiven := ""
	if want == history.Lost {
		forgiven = "g7" // the line that loses one
	}
	must(eventually(30*time.Second, "what is there arrives", func() error { return rec.undeliveredBut(forgiven, rules.Groups) }))
	load.close(t)
	readWholeLog(t, s, tortureTopics(), rec)

	report := rec.check(rules)
	t.Logf("%d kills, %d acknowledged, %d delivered, found: %v", report.Kills, report.Acknowledged, report.Delivered, report.Findings)
	switch {
	case want == "" && !report.Passed():
		t.Errorf("%d findings without a bug", len(report.Findings))
	case want != "" && report.Count(want) == 0:
		t.Errorf("not found as %s", want)
	case len(report.Findings) > 4:
		t.Errorf("%d findings for one bug", len(report.Findings))
	}
}

// atLeast is an error until so many sends were acknowledged since the last kill.
func (r *recorder) atLeast(n int) error {
	if have := r.recent(); have < n {
		return fmt.Errorf("%d sends acknowledged", have)
	}
	return nil
}
