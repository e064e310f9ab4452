package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// metricsGolden is what Apache RocketMQ 5.5.0 says of itself under the load of the Java suite: one sample for each set of label names.
// AEROBEE_INTEROP_TARGET=apache compares it with the real broker, AEROBEE_INTEROP_REWRITE=1 writes it anew.
const metricsGolden = "testdata/metrics_apache.txt"

// TestMetrics loads a server with the official Java client and compares what its metrics are called with what Apache's are: names, types and
// label names. What differs on purpose stands in the list of package differences; an entry that no longer differs fails.
func TestMetrics(t *testing.T) {
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := javaProgram(t, javaNew)
			settings, where := askingSoon(target), ""
			if target == "apache" {
				port := freePorts(t, 1)[0]
				settings = append(settings, "metricsExporterType=PROM", fmt.Sprintf("metricsPromExporterPort=%d", port), "metricsPromExporterHost=127.0.0.1")
				where = local(port)
			}
			s := startServer(t, target, settings...)
			if where == "" {
				where = s.broker
			}
			w := watchMetrics("http://" + where + "/metrics")
			loadWith(t, p, s, "^(?!long-poll$|.*kill.*|.*restart.*)")
			p.command = append(slices.Clip(p.command), "transactions")
			loadWith(t, p, s, "^transaction-(commit|rollback|check)$")
			seen, err := w.end()
			if err != nil {
				t.Fatal(err)
			}
			if target == "apache" {
				compareWithGolden(t, seen)
				return
			}
			golden, err := os.ReadFile(metricsGolden)
			if err != nil {
				t.Fatal(err)
			}
			apache := shapes{}
			if err := apache.add(golden); err != nil {
				t.Fatal(err)
			}
			compareShapes(t, apache, seen)
		})
	}
}

// loadWith runs scenarios of a suite for what they leave in the metrics. Whether they pass is another test's business, but most must.
func loadWith(t *testing.T, p program, on *server, only string) {
	t.Helper()
	s := p.begin(t, on, nil, "INTEROP_ONLY="+only)
	err := s.wait()
	passed := 0
	for _, result := range s.results {
		if strings.HasPrefix(result, "PASS") {
			passed++
		} else {
			t.Logf("%.300s", result)
		}
	}
	if passed == 0 || passed < len(s.planned)*3/4 {
		t.Fatalf("%d of %d scenarios passed: %v", passed, len(s.planned), err)
	}
}

// shapes are the families of scrapes by name: what Prometheus takes each for, and its sets of label names.
type shapes map[string]*shape

type shape struct {
	kind   string
	labels map[string]string // one sample as text, by the names of its labels
}

// add takes a scrape. What belongs to the process, and what is Aerobee's own, counts for nothing here.
func (s shapes) add(text []byte) error {
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return err
	}
	for name, f := range families {
		if !strings.HasPrefix(name, "rocketmq_") && name != "target_info" && name != "otel_scope_info" {
			continue
		}
		known := s[name]
		if known == nil {
			known = &shape{kind: f.GetType().String(), labels: map[string]string{}}
			s[name] = known
		}
		for _, m := range f.GetMetric() {
			var names []string
			for _, l := range m.GetLabel() {
				names = append(names, l.GetName())
			}
			slices.Sort(names)
			key := strings.Join(names, " ")
			if _, ok := known.labels[key]; !ok {
				known.labels[key] = sampleText(f, m)
			}
		}
	}
	return nil
}

// sampleText writes one metric as a scrape does.
func sampleText(f *dto.MetricFamily, m *dto.Metric) string {
	var b bytes.Buffer
	one := &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Metric: []*dto.Metric{m}}
	if _, err := expfmt.MetricFamilyToText(&b, one); err != nil {
		return err.Error()
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// text writes the shapes as a scrape.
func (s shapes) text() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "# TYPE %s %s\n", name, strings.ToLower(s[name].kind))
		for _, labels := range slices.Sorted(maps.Keys(s[name].labels)) {
			b.WriteString(s[name].labels[labels])
		}
	}
	return b.String()
}

// metricsWatch scrapes a server again and again, since some series last only as long as a client is connected.
type metricsWatch struct {
	url  string
	stop chan struct{}
	done sync.WaitGroup
	seen shapes
	err  error // of the last scrape
}

func watchMetrics(url string) *metricsWatch {
	w := &metricsWatch{url: url, stop: make(chan struct{}), seen: shapes{}}
	w.done.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.scrape()
			case <-w.stop:
				w.scrape()
				return
			}
		}
	})
	return w
}

func (w *metricsWatch) scrape() {
	text, err := httpGet(w.url)
	if err == nil {
		err = w.seen.add(text)
	}
	w.err = err
}

// end returns what all scrapes together have seen; the last one must have succeeded.
func (w *metricsWatch) end() (shapes, error) {
	close(w.stop)
	w.done.Wait()
	return w.seen, w.err
}

func httpGet(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", url, answer.Status, text)
	}
	return text, err
}

// compareWithGolden looks whether Apache still says what the file holds; series that need luck may be missing, new ones may not come.
func compareWithGolden(t *testing.T, seen shapes) {
	t.Helper()
	if os.Getenv("AEROBEE_INTEROP_REWRITE") != "" {
		if err := os.WriteFile(metricsGolden, []byte(seen.text()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(metricsGolden)
	if err != nil {
		t.Fatal(err)
	}
	golden := shapes{}
	if err := golden.add(text); err != nil {
		t.Fatal(err)
	}
	for _, line := range diffShapes(golden, seen) {
		if strings.HasPrefix(line, "+") {
			t.Errorf("Apache says what the golden file does not: %s", line)
		} else {
			t.Logf("not seen this time: %s", line)
		}
	}
}

func compareShapes(t *testing.T, apache, aerobee shapes) {
	t.Helper()
	left := map[string]bool{} // the lines that diffShapes may write
	for _, e := range differences.Of(t, "interop metrics") {
		for _, l := range e.Lines {
			if left[l.Text] {
				t.Errorf("%s:%d: %q differs for two reasons", differences.File, l.Number, l.Text)
			}
			left[l.Text] = true
		}
	}
	for _, line := range diffShapes(apache, aerobee) {
		if !left[line] {
			t.Errorf("differs, and not on purpose: %s", line)
		}
		delete(left, line)
	}
	for line := range left {
		t.Errorf("%s: no longer differs: %s", differences.File, line)
	}
}

// diffShapes lists what the second has more (+) or less (-) than the first, a line each: "-name kind" for a family, "-name{labels}" for a
// set of labels. The label otel_scope_name, which names a library, is left out on both sides.
func diffShapes(a, b shapes) (lines []string) {
	flat := func(s shapes) map[string]bool {
		out := map[string]bool{}
		for name, f := range s {
			out[name+" "+strings.ToLower(f.kind)] = true
			for labels := range f.labels {
				names := slices.DeleteFunc(strings.Fields(labels), func(l string) bool { return l == "otel_scope_name" })
				out[name+"{"+strings.Join(names, ",")+"}"] = true
			}
		}
		return out
	}
	before, after := flat(a), flat(b)
	for line := range before {
		name, _, _ := strings.Cut(strings.ReplaceAll(line, "{", " "), " ")
		if !after[line] && (strings.Contains(line, " ") || b[name] != nil) {
			lines = append(lines, "-"+line)
		}
	}
	for line := range after {
		name, _, _ := strings.Cut(strings.ReplaceAll(line, "{", " "), " ")
		if !before[line] && (strings.Contains(line, " ") || a[name] != nil) {
			lines = append(lines, "+"+line)
		}
	}
	slices.Sort(lines)
	return lines
}

// TestMetricsComparison keeps the comparison from passing whatever it is given.
func TestMetricsComparison(t *testing.T) {
	read := func(text string) shapes {
		s := shapes{}
		if err := s.add([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := read("# TYPE rocketmq_a counter\nrocketmq_a{x=\"1\",otel_scope_name=\"m\"} 1\nrocketmq_a{x=\"1\",y=\"2\"} 1\n# TYPE rocketmq_b gauge\nrocketmq_b 1\n# TYPE go_x gauge\ngo_x 1\n")
	b := read("# TYPE rocketmq_a gauge\nrocketmq_a{x=\"1\"} 1\nrocketmq_a{z=\"1\"} 1\n# TYPE rocketmq_c gauge\nrocketmq_c 1\n")
	want := []string{"+rocketmq_a gauge", "+rocketmq_a{z}", "+rocketmq_c gauge", "-rocketmq_a counter", "-rocketmq_a{x,y}", "-rocketmq_b gauge"}
	if got := diffShapes(a, b); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if again := read(a.text()); len(diffShapes(a, again)) != 0 {
		t.Errorf("written and read again it differs: %q", diffShapes(a, again))
	}
	lines := 0
	for scan := bufio.NewScanner(strings.NewReader(a.text())); scan.Scan(); {
		lines++
	}
	if lines != 5 {
		t.Errorf("%d lines:\n%s", lines, a.text())
	}
}
