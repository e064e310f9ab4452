package aerobee

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
)

// scrapeText is what a scraper gets.
func (s *Server) scrapeText(t testing.TB) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(s.metricLabels(), s.metrics).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	p := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := p.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes())); err != nil {
		t.Fatalf("Prometheus could not read the scrape: %v", err)
	}
	return w.Body.String()
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			var near []string
			for have := range strings.Lines(text) {
				if strings.HasPrefix(have, name) {
					near = append(near, have)
				}
			}
			t.Errorf("missing: %s\nthere is:\n%s", line, strings.Join(near, ""))
		}
	}
}

// TestMetrics looks at what a few requests leave in a scrape.
func TestMetrics(t *testing.T) {
	s := start(t, "metricsLabel", "zone:a")
	p := s.dial(t)
	p.mustSend("T", "hello")
	p.mustSend("T", strings.Repeat("x", 2000), "i", "__SHARDINGKEY\x01k\x02")
	p.mustSend("T", "later", "i", "DELAY\x0110\x02")
	beat := `{"clientID":"c","producerDataSet":[{"groupName":"P"}],"consumerDataSet":[{"groupName":"G","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",` +
		`"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1,"expressionType":"TAG"},` +
		`{"topic":"%RETRY%G","subString":"*","subVersion":1,"expressionType":"TAG"}]}]}`
	p.call(protocol.ReqHeartBeat, beat)
	pull := []string{"consumerGroup", "G", "topic", "T", "queueId", "0", "queueOffset", "0", "maxMsgNums", "1", "sysFlag", "0", "commitOffset", "0", "suspendTimeoutMillis", "0", "subVersion", "1"}
	if r := p.call(protocol.ReqPullMessage, "", pull...); r.Code != protocol.ResSuccess {
		t.Fatalf("pull: %d %s", r.Code, r.Remark)
	}
	if err := s.store.CommitOffset("G", message.Queue{Topic: "T"}, 0); err != nil {
		t.Fatal(err)
	}
	const node = `cluster="DefaultCluster",node_type="broker",node_id="broker-t",zone="a"`
	text := s.scrapeText(t)
	wantLines(t, text,
		`rocketmq_messages_in_total{`+node+`,topic="T",message_type="normal",is_system="false"} 1`,
		`rocketmq_messages_in_total{`+node+`,topic="T",message_type="fifo",is_system="false"} 1`,
		`rocketmq_messages_in_total{`+node+`,topic="T",message_type="delay",is_system="false"} 1`,
		`rocketmq_message_size_bucket{`+node+`,topic="T",message_type="fifo",is_system="false",le="1024"} 0`,
		`rocketmq_message_size_bucket{`+node+`,topic="T",message_type="fifo",is_system="false",le="4096"} 1`,
		`rocketmq_messages_out_total{`+node+`,topic="T",consumer_group="G",is_system="false"} 1`,
		`rocketmq_consumer_lag_messages{`+node+`,consumer_group="G",topic="T",is_retry="false",is_system="false"} 2`,
		`rocketmq_consumer_inflight_messages{`+node+`,consumer_group="G",topic="T",is_retry="false",is_system="false"} 1`,
		`rocketmq_consumer_ready_messages{`+node+`,consumer_group="G",topic="T",is_retry="false",is_system="false"} 1`,
		`rocketmq_timing_messages{`+node+`,storage_type="local",storage_medium="disk",topic="T"} 1`,
		`rocketmq_timer_enqueue_total{`+node+`,storage_type="local",storage_medium="disk",topic="T"} 1`,
		`rocketmq_timer_message_snapshot{`+node+`,storage_type="local",storage_medium="disk",timer_bound_s="900"} 1`,
		`rocketmq_broker_permission{`+node+`} 6`,
		"aerobee_metrics_left_out 0",
	)
	for _, part := range []string{`request_code="send_message_v2",response_code="success",is_long_polling="false",result="success"} 3`, `request_code="pull_message",response_code="success"`,
		`rocketmq_producer_connections{` + node + `,language="`, `consumer_group="G",consume_mode="push",is_system="false"} 1`, "rocketmq_storage_size_bytes{", "go_goroutines "} {
		if !strings.Contains(text, part) {
			t.Errorf("missing: %s", part)
		}
	}
	p.call(protocol.ReqDeleteTopicInBroker, "", "topic", "T")
	if text = s.scrapeText(t); strings.Contains(text, `rocketmq_messages_in_total{`+node+`,topic="T"`) {
		t.Error("the series of a deleted topic are still there")
	}
}

// crowd fills a node with topics of 8 queues, each with a message that a group has not consumed.
func crowd(t testing.TB, s *Server, topics int) {
	t.Helper()
	name := func(i int) string { return fmt.Sprintf("orders-of-region-%05d", i) }
	if err := s.store.PutGroup(t.Context(), group.Config{Name: "billing", ConsumeEnable: true}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const peers = 8
	for n := range peers {
		p := dial(t, s.Addr())
		wg.Go(func() {
			for i := n; i < topics; i += peers {
				for q := range 8 {
					if r := p.send(name(i), "a message", "d", "8", "e", fmt.Sprint(q)); r.Code != protocol.ResSuccess {
						t.Errorf("send: %d %s", r.Code, r.Remark)
						return
					}
				}
				r := p.call(protocol.ReqPullMessage, "", "consumerGroup", "billing", "topic", name(i), "queueId", "0", "queueOffset", "0", "maxMsgNums", "1", "sysFlag", "4",
					"commitOffset", "0", "suspendTimeoutMillis", "0", "subVersion", "1", "subscription", "*", "expressionType", "TAG")
				if r.Code != protocol.ResSuccess {
					t.Errorf("pull: %d %s", r.Code, r.Remark)
					return
				}
			}
		})
	}
	wg.Wait()
	var subs []string
	for i := range topics {
		subs = append(subs, fmt.Sprintf(`{"topic":%q,"subString":"*","subVersion":1,"expressionType":"TAG"}`, name(i)))
		for q := range 8 {
			if err := s.store.CommitOffset("billing", message.Queue{Topic: name(i), ID: message.QueueID(q)}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := dial(t, s.Addr())
	r := p.call(protocol.ReqHeartBeat, `{"clientID":"c","consumerDataSet":[{"groupName":"billing","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",`+
		`"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[`+strings.Join(subs, ",")+`]}]}`)
	if r.Code != protocol.ResSuccess {
		t.Fatalf("heartbeat: %d %s", r.Code, r.Remark)
	}
}

// sink is an HTTP client that counts what it reads.
type sink struct {
	head http.Header
	n    int
}

func (s *sink) Header() http.Header         { return s.head }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { s.n += len(b); return len(b), nil }

// TestScrapeTakesLittle bounds what a scrape allocates: 20 MB with 10,000 topics of 8 queues. What else the node does in the meantime (it
// registers its topics) allocates too, so the least of five counts.
func TestScrapeTakesLittle(t *testing.T) {
	topics := 10_000
	if testing.Short() {
		topics = 500
	}
	s := start(t)
	crowd(t, s, topics)
	h := metrics.Handler(s.metricLabels(), s.metrics)
	least := uint64(math.MaxUint64)
	for i := range 5 {
		var before, after runtime.MemStats
		out := &sink{head: http.Header{}}
		runtime.ReadMemStats(&before)
		began := time.Now()
		h.ServeHTTP(out, httptest.NewRequest("GET", "/metrics", nil))
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		size := after.TotalAlloc - before.TotalAlloc
		t.Logf("scrape %d: %d bytes of text, %d bytes allocated, %v", i+1, out.n, size, took)
		least = min(least, size)
		if out.n < topics*1000 {
			t.Errorf("scrape %d has %d bytes only", i+1, out.n)
		}
	}
	if least > 20_000_000 {
		t.Errorf("each scrape has allocated %d bytes and more, the limit is 20,000,000", least)
	}
}

// BenchmarkScrape: 10,000 topics of 8 queues take less than 200 ms.
func BenchmarkScrape(b *testing.B) {
	s, err := Start(Config{Memory: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	crowd(b, s, 10_000)
	h := metrics.Handler(s.metricLabels(), s.metrics)
	for _, encoding := range []string{"plain", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			out := &sink{head: http.Header{}}
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.Header.Set("Accept-Encoding", encoding)
			for b.Loop() {
				out.n = 0
				h.ServeHTTP(out, r)
			}
			b.ReportMetric(float64(out.n), "bytes/scrape")
		})
	}
}
