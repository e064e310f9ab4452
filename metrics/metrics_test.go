package metrics

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

func scrape(t *testing.T, sources ...Source) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(sources...).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestHandlerServesWhatSourcesSay(t *testing.T) {
	n := 0.0
	source := func(emit func(Sample)) {
		n++
		emit(Sample{Name: "rocketmq_messages_in_total", Help: "Messages stored.", Kind: Counter, Value: 41 + n, Labels: []string{"topic", "T"}})
		emit(Sample{Name: "rocketmq_topic_number", Help: "Topics.", Kind: Gauge, Value: 3})
	}
	code, body := scrape(t, source)
	for _, want := range []string{
		"# TYPE rocketmq_messages_in_total counter\nrocketmq_messages_in_total{topic=\"T\"} 42\n",
		"# TYPE rocketmq_topic_number gauge\nrocketmq_topic_number 3\n",
		"go_goroutines ",
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("code %d, %q is missing in\n%.2000s", code, want, body)
		}
	}
}

func TestASourceThatErrsIsReported(t *testing.T) {
	code, body := scrape(t, func(emit func(Sample)) { emit(Sample{Name: "x", Labels: []string{"a", "b", "a", "c"}}) })
	if code != 500 || !strings.Contains(body, "duplicate label") {
		t.Errorf("code %d: %s", code, body)
	}
}
