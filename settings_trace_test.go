package aerobee

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/aerobee-mq/aerobee/internal/otlptest"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// next returns the next n spans, in the order in which they were made.
func next(got <-chan otlptest.Request[*tracepb.TracesData], n int) (out []*tracepb.Span) {
	for len(out) < n {
		s := <-got
		out = append(out, s.Data.ResourceSpans[0].ScopeSpans[0].Spans...)
	}
	return out
}

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// asProperties are properties as a send has them.
func asProperties(pairs ...string) string {
	var p message.Properties
	for i := 0; i < len(pairs); i += 2 {
		p = message.AppendProperty(p, pairs[i], pairs[i+1])
	}
	return string(p)
}

func traceEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"traceGrpcExporterTarget": func(t *testing.T) {
			if start(t).spans != nil {
				t.Error("a node sends spans that was not told to")
			}
			addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
			start(t, "traceGrpcExporterTarget", addr).dial(t).mustSend("T", "x", "i", asProperties("traceparent", traceParent))
			if s := next(got, 1)[0]; s.Name != "send T" || hex.EncodeToString(s.TraceId) != traceParent[3:35] {
				t.Errorf("span %v", s)
			}
			wantRefused(t, "traceGrpcExporterTarget", "nowhere", `traceGrpcExporterTarget: target "nowhere" is not host:port`)
		},
		"traceGrpcExporterHeader": func(t *testing.T) {
			addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
			start(t, "traceGrpcExporterTarget", addr, "traceGrpcExporterHeader", "api-key:k7,tenant:t", "traceSampleRatio", "1").dial(t).mustSend("T", "x")
			if s := <-got; fmt.Sprint(s.Headers["api-key"], s.Headers["tenant"]) != "[k7] [t]" {
				t.Errorf("headers %v", s.Headers)
			}
		},
		"traceSampleRatio": func(t *testing.T) {
			addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
			p := start(t, "traceGrpcExporterTarget", addr, "traceSampleRatio", "0").dial(t)
			p.mustSend("T", "x")
			p.mustSend("U", "x", "i", asProperties("traceparent", traceParent))
			if s := next(got, 1)[0]; s.Name != "send U" {
				t.Errorf("span %v", s)
			}
			p = start(t, "traceGrpcExporterTarget", addr, "traceSampleRatio", "1").dial(t)
			p.mustSend("T", "x")
			if s := next(got, 1)[0]; s.Name != "send T" {
				t.Errorf("span %v", s)
			}
		},
	}
}

// named are the spans' names, and what kind they are of.
func named(all []*tracepb.Span) string {
	var out []string
	for _, s := range all {
		out = append(out, s.Name+" "+strings.ToLower(strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_")))
	}
	return strings.Join(out, ", ")
}

// attribute is what a span says, as text.
func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return strings.Trim(fmt.Sprint(a.Value.Value), "&{}")
		}
	}
	return ""
}

// TestSpansOfAPulledMessage follows a message through a node, by remoting: sent, pulled, committed.
func TestSpansOfAPulledMessage(t *testing.T) {
	addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
	s := start(t, "traceGrpcExporterTarget", addr, "traceSampleRatio", "0")
	p := s.dial(t)
	p.mustSend("T", "hello", "i", asProperties("traceparent", traceParent, "tracestate", "v=1", "TAGS", "a"))
	if r := p.pull("G", "T", 0, 0); r.Code != protocol.ResSuccess {
		t.Fatalf("pull: code %d %s", r.Code, r.Remark)
	}
	p.wantCode(p.call(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "1"), protocol.ResSuccess, "")
	all := next(got, 3)
	if text := named(all); text != "send T server, receive T server, commit T server" {
		t.Fatalf("spans %s", text)
	}
	for i, s := range all {
		if hex.EncodeToString(s.TraceId) != traceParent[3:35] || s.TraceState != "v=1" || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s is in another trace: %v", s.Name, s)
		}
		for key, value := range map[string]string{"messaging.system": "rocketmq", "messaging.destination.name": "T", "messaging.destination.partition.id": "0",
			"messaging.rocketmq.message.queue_offset": "0"} {
			if text := attribute(s, key); text != value {
				t.Errorf("%s: %s is %q, want %q", s.Name, key, text, value)
			}
		}
		group := map[bool]string{true: "G"}[i > 0]
		if text := attribute(s, "messaging.consumer.group.name"); text != group {
			t.Errorf("%s: group %q", s.Name, text)
		}
		if i > 0 && (len(s.Links) != 1 || hex.EncodeToString(s.Links[0].SpanId) != traceParent[36:52]) {
			t.Errorf("%s: links %v", s.Name, s.Links)
		}
	}
	if hex.EncodeToString(all[0].ParentSpanId) != traceParent[36:52] || hex.EncodeToString(all[1].ParentSpanId) != traceParent[36:52] ||
		string(all[2].ParentSpanId) != string(all[1].SpanId) {
		t.Errorf("parents %x, %x, %x", all[0].ParentSpanId, all[1].ParentSpanId, all[2].ParentSpanId)
	}
	if all[0].EndTimeUnixNano == all[0].StartTimeUnixNano {
		t.Error("a send has taken no time")
	}
}

// TestSpansOfARefusedSend: a refusal is a span too, with the remark that the client gets.
func TestSpansOfARefusedSend(t *testing.T) {
	addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
	p := start(t, "traceGrpcExporterTarget", addr, "autoCreateTopicEnable", "false").dial(t)
	r := p.send("T", "x", "i", asProperties("traceparent", traceParent))
	s := next(got, 1)[0]
	if s.Name != "send T" || s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.Status.GetMessage() != r.Remark || attribute(s, "error.type") != "topic_not_exist" {
		t.Errorf("refused with %q, span %v", r.Remark, s)
	}
}

// TestSpansOfAPoppedMessage follows a message without a context: the spans are one trace all the same.
func TestSpansOfAPoppedMessage(t *testing.T) {
	addr, got := otlptest.Collect[tracepb.TracesData](t, nil)
	s := start(t, "traceGrpcExporterTarget", addr, "traceSampleRatio", "1", "defaultTopicQueueNums", "1")
	p := s.dial(t)
	p.mustSend("T", "hello")
	r := p.pop("G", "T")
	if p.found(r) != "T hello" {
		t.Fatal("not found")
	}
	var h protocol.PopMessageResponseHeader
	if err := h.Decode(r.Fields); err != nil {
		t.Fatal(err)
	}
	handle := protocol.PopHandle{PopTime: h.PopTime, InvisibleTime: h.InvisibleTime, ReviveQueue: h.ReviveQueue, BrokerName: "broker-t", CommitLogOffset: -1}
	p.wantCode(p.call(protocol.ReqAckMessage, "", "consumerGroup", "G", "topic", "T", "queueId", "0", "offset", "0", "extraInfo", string(handle.Append(nil))),
		protocol.ResSuccess, "")
	all := next(got, 3)
	if text := named(all); text != "send T producer, receive T consumer, ack T server" {
		t.Fatalf("spans %s", text)
	}
	for _, s := range all {
		if string(s.TraceId) != string(all[0].TraceId) {
			t.Errorf("%s is in another trace", s.Name)
		}
	}
	if len(all[0].ParentSpanId) != 0 || string(all[1].ParentSpanId) != string(all[0].SpanId) || attribute(all[1], "messaging.rocketmq.message.delivery_attempt") != "1" {
		t.Errorf("spans %v", all)
	}
	wantLines(t, s.scrapeText(t), "aerobee_spans_dropped_total{reason=\"queue_full\"} 0", "aerobee_trace_contexts_malformed_total 0")
}
