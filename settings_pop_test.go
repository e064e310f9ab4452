package aerobee

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// pop pops from all queues of a topic; more replaces fields.
func (p *peer) pop(group, topic string, more ...string) *protocol.Frame {
	p.t.Helper()
	fields := map[string]string{"consumerGroup": group, "topic": topic, "queueId": "-1", "maxMsgNums": "1", "invisibleTime": "60000", "pollTime": "0",
		"bornTime": "0", "initMode": "0", "order": "false"}
	for i := 0; i < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	var flat []string
	for k, v := range fields {
		flat = append(flat, k, v)
	}
	return p.call(protocol.ReqPopMessage, "", flat...)
}

// found is the topic and the body of the one message of a pop's answer.
func (p *peer) found(f *protocol.Frame) string {
	p.t.Helper()
	r, err := message.ParseRecord(f.Body)
	if err != nil || f.Code != protocol.ResSuccess {
		p.t.Fatalf("popped with code %d %s: %v", f.Code, f.Remark, err)
	}
	return fmt.Sprintf("%s %s", r.Topic, r.Body)
}

// withRetry starts a node with the message "new" in topic T, and "old" in the retry topic of group G by the older name.
func withRetry(t *testing.T, settings ...string) *peer {
	t.Helper()
	s := start(t, append(settings, "defaultTopicQueueNums", "1")...)
	p := s.dial(t)
	p.mustSend("T", "new")
	name := protocol.PopRetryV1.Name("G", "T")
	if err := s.store.PutTopic(t.Context(), topic.Config{Name: name, ReadQueues: 1, WriteQueues: 1, Perm: topic.PermRead | topic.PermWrite}); err != nil {
		t.Fatal(err)
	}
	host := s.addr.canonical
	if _, err := s.store.PutWait(t.Context(), &message.Record{Topic: []byte(name), Body: []byte("old"), BornHost: host, StoreHost: host}); err != nil {
		t.Fatal(err)
	}
	return p
}

// waiting starts a pop that waits, and returns when it does.
func waiting(t *testing.T, s *Server, group string) {
	t.Helper()
	go func() {
		f := &protocol.Frame{Code: protocol.ReqPopMessage, Version: protocol.CurrentVersion}
		h := protocol.PopMessageHeader{ConsumerGroup: group, Topic: "T", QueueID: -1, MaxMsgNums: 1, InvisibleTime: 60_000, PollTime: 20_000}
		h.Append(&f.Fields)
		_, _ = dial(t, s.Addr()).conn.Invoke(t.Context(), f)
	}()
	for p := s.dial(t); ; {
		if r := p.call(protocol.ReqPollingInfo, "", "consumerGroup", group, "topic", "T", "queueId", "-1"); r.Fields.String("pollingNum") == "1" {
			return
		}
	}
}

// assigned asks for the assignment of the first of n members of a group.
func assigned(t *testing.T, s *Server, n int) protocol.MessageQueueAssignment {
	t.Helper()
	if err := s.store.PutTopic(t.Context(), topic.Config{Name: "T", ReadQueues: 4, WriteQueues: 4, Perm: topic.PermRead | topic.PermWrite}); err != nil {
		t.Fatal(err)
	}
	var p *peer
	for i := range n {
		p = s.dial(t)
		body, _ := json.Marshal(protocol.HeartbeatData{ClientID: fmt.Sprint("c", i), ConsumerDataSet: []protocol.ConsumerData{{GroupName: "G", MessageModel: protocol.ModelClustering}}})
		p.wantCode(p.call(protocol.ReqHeartBeat, string(body)), protocol.ResSuccess, "")
	}
	body, _ := json.Marshal(protocol.QueryAssignmentRequest{ClientID: "c0", ConsumerGroup: "G", Topic: "T", StrategyName: "AVG", MessageModel: protocol.ModelClustering})
	var out protocol.QueryAssignmentResponse
	if err := protocol.UnmarshalBody(p.call(protocol.ReqQueryAssignment, string(body)).Body, &out); err != nil || len(out.Assignments) == 0 {
		t.Fatalf("assigned %+v, %v", out, err)
	}
	return out.Assignments[0]
}

func popEffects() map[string]func(*testing.T) {
	twice := func(t *testing.T, code int32, settings ...string) {
		t.Helper()
		p := start(t, append(settings, "defaultTopicQueueNums", "1")...).dial(t)
		for range 3 {
			p.mustSend("T", "x")
		}
		p.wantCode(p.pop("G", "T"), protocol.ResSuccess, "FOUND")
		p.wantCode(p.pop("G", "T"), code, "")
	}
	return map[string]func(*testing.T){
		"popMaxInFlight": func(t *testing.T) { twice(t, protocol.ResPollingTimeout, "popMaxInFlight", "1") },
		"enablePopMessageThreshold": func(t *testing.T) {
			twice(t, protocol.ResSuccess, "popInflightMessageThreshold", "1")
		},
		"popInflightMessageThreshold": func(t *testing.T) {
			twice(t, protocol.ResPollingTimeout, "popInflightMessageThreshold", "1", "enablePopMessageThreshold", "true")
		},
		"popPollingMapSize": func(t *testing.T) {
			s := start(t, "popPollingMapSize", "1")
			p := s.dial(t)
			p.mustSend("T", "x")
			p.pop("G", "T")
			waiting(t, s, "G")
			p.pop("G2", "T")
			p.wantCode(p.pop("G2", "T", "pollTime", "10000"), protocol.ResPollingFull, "")
		},
		"popPollingSize": func(t *testing.T) {
			s := start(t, "popPollingSize", "1")
			p := s.dial(t)
			p.mustSend("T", "x")
			p.pop("G", "T")
			waiting(t, s, "G")
			p.wantCode(p.pop("G", "T", "pollTime", "10000"), protocol.ResPollingFull, "")
		},
		"enableRetryTopicV2": func(t *testing.T) {
			p := start(t, "enableRetryTopicV2", "true").dial(t)
			p.mustSend("T", "x")
			p.wantCode(p.pop("G", "T", "invisibleTime", "1"), protocol.ResSuccess, "")
			p.wantCode(p.pop("G", "T", "pollTime", "20000"), protocol.ResSuccess, "")
			if p.route("%RETRY%G+T") == nil {
				t.Error("there is no such retry topic")
			}
		},
		"retrieveMessageFromPopRetryTopicV1": func(t *testing.T) {
			for value, want := range map[string]int32{"true": protocol.ResSuccess, "false": protocol.ResPollingTimeout} {
				p := withRetry(t, "enableRetryTopicV2", "true", "retrieveMessageFromPopRetryTopicV1", value)
				p.wantCode(p.pop("G", "T"), protocol.ResSuccess, "")
				p.wantCode(p.pop("G", "T"), want, "")
			}
		},
		"popFromRetryProbability": func(t *testing.T) {
			for value, want := range map[string]string{"0": "T new", "100": "T old"} {
				p := withRetry(t, "popFromRetryProbability", value)
				if got := p.found(p.pop("G", "T")); got != want {
					t.Errorf("with %s the first is %s, want %s", value, got, want)
				}
			}
		},
		"popResponseReturnActualRetryTopic": func(t *testing.T) {
			p := withRetry(t, "popFromRetryProbability", "100", "popResponseReturnActualRetryTopic", "true")
			if got := p.found(p.pop("G", "T")); got != "%RETRY%G_T old" {
				t.Errorf("popped %s", got)
			}
		},
		"defaultMessageRequestMode": func(t *testing.T) {
			if a := assigned(t, start(t, "defaultMessageRequestMode", "POP"), 1); a.Mode != protocol.ModePop || a.Queue.QueueID != -1 {
				t.Errorf("assigned %+v", a)
			}
		},
		"defaultPopShareQueueNum": func(t *testing.T) {
			if a := assigned(t, start(t, "defaultMessageRequestMode", "POP", "defaultPopShareQueueNum", "1"), 3); a.Mode != protocol.ModePop || a.Queue.QueueID < 0 {
				t.Errorf("assigned %+v", a)
			}
		},
	}
}
