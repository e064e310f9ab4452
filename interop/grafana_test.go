package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
)

// TestGrafanaBoard has a real Prometheus scrape a loaded broker, and asks it everything that the board in deploy/grafana asks: each query must
// return series, since a query with a misspelt name returns nothing and says nothing.
func TestGrafanaBoard(t *testing.T) {
	need(t, "prometheus")
	text, err := os.ReadFile("../deploy/grafana/aerobee.json")
	if err != nil {
		t.Fatal(err)
	}
	queries := boardQueries(t, text)
	if len(queries) < 50 {
		t.Fatalf("the board has %d queries", len(queries))
	}
	s := startServer(t, "aerobee", "transactionTimeOut=1000", "transactionCheckInterval=1000")
	prometheus := startPrometheus(t, s.broker)
	ctx, cancel := context.WithCancel(context.Background()) // each query has its own time
	t.Cleanup(cancel)                                       // what is cleaned up ends in reverse: the load before what it needs
	a, err := admin.New(admin.Options{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	l := &clientLab{T: t, ctx: ctx, s: s, admin: a, prefix: "board"}
	l.load()
	for _, q := range queries {
		err := eventually(90*time.Second, q, func() error {
			n, err := askPrometheus(prometheus, q)
			if err == nil && n == 0 {
				err = errors.New("no series")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	left, err := askPrometheus(prometheus, "aerobee_metrics_left_out == 0")
	if err != nil || left != 1 {
		t.Errorf("samples were left out of the scrape: %d, %v", left, err)
	}
}

// boardQueries are the board's queries with its variables filled in.
func boardQueries(t *testing.T, text []byte) (queries []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Type, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "30s", "$cluster", ".*", "$node", ".*", "$job", ".*")
	for _, p := range board.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, fill.Replace(target.Expr))
		}
	}
	values := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, v := range board.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := values.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Errorf("the variable's query %q is not label_values(series, label)", v.Definition)
			continue
		}
		queries = append(queries, fmt.Sprintf("count by (%s) (%s)", m[2], fill.Replace(m[1])))
	}
	return queries
}

// load makes traffic of every kind that the board shows, and keeps it up until the test ends.
func (l *clientLab) load() {
	l.Helper()
	topic, group := l.topic(2), l.group("group")
	c := l.client()
	_, err := c.NewPushConsumer(l.ctx, client.PushConfig{Group: group, Subscriptions: of(topic), From: client.FromFirst, MaxReconsumeTimes: -1,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			if string(ds[0].Body) == "bad" {
				return errors.New("refused")
			}
			return nil
		}})
	l.must(err)
	slow := l.simple(l.group("slow"), time.Minute, of(topic))
	back := l.group("back")
	_, err = l.client().NewPushConsumer(l.ctx, client.PushConfig{Group: back, Subscriptions: of(topic), From: client.FromFirst, MaxReconsumeTimes: 5,
		Handler: func(context.Context, []*client.Delivery) error { return errors.New("later") }})
	l.must(err)
	producer, err := c.NewProducer(client.ProducerConfig{})
	l.must(err)
	payer := l.transactions(l.client(), topic, func(*client.Delivery) client.TransactionState { return client.TransactionUnknown })
	step := func() error {
		for _, m := range []*client.Message{
			{Topic: topic, Body: []byte("good")}, {Topic: topic, Body: []byte("bad")}, {Topic: topic, Body: []byte("soon"), DelayLevel: 1},
			{Topic: topic, Body: []byte("late"), DeliverAt: time.Now().Add(time.Hour)},
		} {
			if _, err := producer.Send(l.ctx, m); err != nil {
				return err
			}
		}
		for i := range 3 {
			tx, err := payer.Begin(l.ctx, &client.Message{Topic: topic, Body: []byte("paid")})
			switch {
			case err != nil:
				return err
			case i == 0:
				err = tx.Commit(l.ctx)
			case i == 1:
				err = tx.Rollback(l.ctx)
			}
			if err != nil {
				return err
			}
		}
		_, err := slow.Receive(l.ctx, 1)
		return err
	}
	l.must(step())
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := step(); err != nil {
					done <- err
					return
				}
			case <-stop:
				done <- nil
				return
			}
		}
	}()
	l.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			l.Error(err)
		}
	})
}

// startPrometheus starts Debian's Prometheus, which scrapes the target each second, and returns its address.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	dir, addr := t.TempDir(), local(freePorts(t, 1)[0])
	config := fmt.Sprintf("global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: aerobee\n  static_configs:\n  - targets: [%q]\n", target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &process{name: "prometheus", dir: dir, command: []string{"prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=" + addr}}
	p.start(t)
	err := eventually(30*time.Second, "prometheus", func() error {
		_, err := httpGet("http://" + addr + "/-/ready")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// askPrometheus returns how many series a query has now.
func askPrometheus(addr, query string) (int, error) {
	text, err := httpGet("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, err
	}
	var answer struct {
		Status string
		Data   struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%.300s", text)
	}
	return len(answer.Data.Result), nil
}
