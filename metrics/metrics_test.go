package metrics

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func scrape(t *testing.T, sources ...Source) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(Common{"cluster", "C", "node_id", `b"1`}, sources...).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

// parse reads a scrape as Prometheus' own library does.
func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%.4000s", err, text)
	}
	return families
}

func TestHandlerServesWhatSourcesSay(t *testing.T) {
	n := 0.0
	source := func(emit func(Sample)) {
		n++
		emit(Sample{Name: "rocketmq_messages_in_total", Help: "Messages\nstored \\ kept.", Kind: Counter, Value: 41 + n, Labels: []string{"topic", "T"}})
		emit(Sample{Name: "rocketmq_messages_in_total", Kind: Counter, Value: 1.5, Labels: []string{"topic", "a\"b\\c\nd\xffä"}})
		emit(Sample{Name: "aerobee_topics", Help: "Topics.", Kind: Gauge, Value: 3})
		emit(Sample{Name: "rocketmq_size", Help: "Sizes.", Kind: Distribution, Bounds: []float64{1, 2.5}, Counts: []int64{4, 0, 2}, Sum: 17, Labels: []string{"topic", "T"}})
	}
	code, body := scrape(t, source)
	const common = `cluster="C",node_id="b\"1",`
	for _, want := range []string{
		"# HELP rocketmq_messages_in_total Messages\\nstored \\\\ kept.\n# TYPE rocketmq_messages_in_total counter\nrocketmq_messages_in_total{" + common + "topic=\"T\"} 42\n",
		`topic="a\"b\\c\nd�ä"} 1.5` + "\n",
		"# TYPE aerobee_topics gauge\naerobee_topics 3\n",
		"# TYPE rocketmq_size histogram\nrocketmq_size_bucket{" + common + `topic="T",le="1"} 4` + "\n",
		`le="2.5"} 4` + "\n", `le="+Inf"} 6` + "\n", "rocketmq_size_sum{" + common + "topic=\"T\"} 17\n", "rocketmq_size_count{" + common + "topic=\"T\"} 6\n",
		"aerobee_metrics_left_out 0\n", "go_goroutines ",
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("code %d, %q is missing in\n%.3000s", code, want, body)
		}
	}
	families := parse(t, body)
	if h := families["rocketmq_size"].GetMetric()[0].GetHistogram(); h.GetSampleCount() != 6 || h.GetSampleSum() != 17 || len(h.GetBucket()) != 3 {
		t.Errorf("the histogram came as %v", h)
	}
	if families["process_resident_memory_bytes"] == nil && families["process_start_time_seconds"] == nil {
		t.Log("this system tells nothing of the process")
	}
}

// TestBadSamplesAreLeftOut: one bad sample must not cost the whole scrape, which is what a parser would make of it.
func TestBadSamplesAreLeftOut(t *testing.T) {
	code, body := scrape(t, func(emit func(Sample)) {
		emit(Sample{Name: "x", Labels: []string{"a", "b", "a", "c"}})
		emit(Sample{Name: "x", Labels: []string{"a"}})
		emit(Sample{Name: "x", Labels: []string{"a-b", "c"}})
		emit(Sample{Name: "x", Value: 7})
		emit(Sample{Name: "9x"})
		emit(Sample{Name: "y", Value: 1})
		emit(Sample{Name: "x", Value: 8}) // apart from the others of its name
		emit(Sample{Name: "z", Kind: Distribution, Bounds: []float64{1}, Counts: []int64{1}})
		emit(Sample{Name: "rocketmq_x", Labels: []string{"cluster", "other"}})
	})
	if code != 200 || !strings.Contains(body, "\naerobee_metrics_left_out 7\n") || !strings.Contains(body, "\nx 7\n") {
		t.Errorf("code %d:\n%.1500s", code, body)
	}
	parse(t, body)
}

func TestScrapesAreCompressed(t *testing.T) {
	h := Handler(nil, func(emit func(Sample)) { emit(Sample{Name: "x", Value: 7}) })
	for range 2 { // the second one has the first one's compressor
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(z); err != nil || !strings.Contains(string(body), "\nx 7\n") {
			t.Errorf("%v: %.300s", err, body)
		}
	}
}

// TestScrapesAreFew holds some scrapes up and looks whether one more is refused.
func TestScrapesAreFew(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	h := Handler(nil, func(func(Sample)) { enter <- struct{}{}; <-leave })
	done := make(chan int)
	get := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		done <- w.Code
	}
	for range scrapesAtOnce {
		go get()
		<-enter
	}
	go get()
	if code := <-done; code != 503 {
		t.Errorf("the scrape beyond the limit got %d", code)
	}
	close(leave)
	for range scrapesAtOnce {
		if code := <-done; code != 200 {
			t.Errorf("a scrape within the limit got %d", code)
		}
	}
}

// slow is an answer that has deadlines.
type slow struct {
	*httptest.ResponseRecorder
	until []time.Time
	wrote int // while how many deadlines were set
}

func (s *slow) SetWriteDeadline(t time.Time) error {
	s.until = append(s.until, t)
	return nil
}

func (s *slow) Write(b []byte) (int, error) {
	s.wrote = len(s.until)
	return s.ResponseRecorder.Write(b)
}

// TestAScrapeThatIsNotReadEnds: a deadline stands while it is written, and not for what the connection is used for next.
func TestAScrapeThatIsNotReadEnds(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		w := &slow{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept-Encoding", encoding)
		now := time.Now()
		Handler(nil).ServeHTTP(w, r)
		if len(w.until) != 2 || w.until[0].Before(now.Add(writeTimeout)) || w.until[0].After(time.Now().Add(writeTimeout)) || !w.until[1].IsZero() || w.wrote != 1 {
			t.Errorf("%q: deadlines %v, written with %d", encoding, w.until, w.wrote)
		}
	}
}

// TestManySamplesTakeNoMemory: what a scrape allocates does not grow with the samples.
func TestManySamplesTakeNoMemory(t *testing.T) {
	labels := []string{"topic", "T", "message_type", "normal"}
	counts, bounds := make([]int64, 7), []float64{1, 2, 3, 4, 5, 6}
	h := Handler(Common{"cluster", "C"}, func(emit func(Sample)) {
		for range 20_000 {
			emit(Sample{Name: "rocketmq_messages_in_total", Kind: Counter, Value: 1234567, Labels: labels})
		}
		for range 20_000 {
			emit(Sample{Name: "rocketmq_message_size", Kind: Distribution, Bounds: bounds, Counts: counts, Labels: labels})
		}
	}).(*handler)
	h.write(io.Discard)
	if n := testing.AllocsPerRun(3, func() { h.write(io.Discard) }); n > 5000 {
		t.Errorf("%v allocations for 40,000 samples", n)
	}
}

func TestRuntimeTellsOfTheProcess(t *testing.T) {
	got := map[string]Kind{}
	Runtime()(func(s Sample) { got[s.Name] = s.Kind })
	if k, ok := got["go_goroutines"]; !ok || k != Gauge {
		t.Errorf("go_goroutines is %v, %v", k, ok)
	}
	if k, ok := got["go_memstats_alloc_bytes_total"]; !ok || k != Counter {
		t.Errorf("go_memstats_alloc_bytes_total is %v, %v", k, ok)
	}
}

func TestHistogram(t *testing.T) {
	h := NewHistogram([]int64{10, 100})
	for _, v := range []int64{0, 10, 11, 100, 101, 5000} {
		h.Observe(v)
	}
	h.Add(2, 3, 600)
	counts, sum := h.Load(nil)
	if got := fmt.Sprint(counts, sum, h.Count()); got != "[2 2 5] 5822 9" {
		t.Errorf("got %s", got)
	}
}
