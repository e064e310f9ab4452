package aerobee

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// startAt starts a node on disk without stopping it at the end.
func startAt(t *testing.T, dir string, more ...string) *Server {
	t.Helper()
	src := config.Source{Name: "test"}
	all := append([]string{"data", dir, "listen", "127.0.0.1:0", "brokerName", "broker-t", "mappedFileSizeCommitLog", "16m"}, more...)
	for i := 0; i < len(all); i += 2 {
		src.Pairs = append(src.Pairs, config.Property{Key: all[i], Value: all[i+1]})
	}
	cfg, _, err := config.Load(src)
	if err != nil {
		t.Fatal(err)
	}
	s, err := StartSettings(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestRestartKeepsEverything sends, commits an offset and puts KV configuration, and finds all of it in a second life.
func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	s := startAt(t, dir)
	p := s.dial(t)
	for _, body := range []string{"one", "two", "three"} {
		p.mustSend("T", body, "i", "KEYS\x01k-"+body+"\x02")
	}
	p.pull("G", "T", 0, 0)
	p.wantCode(p.call(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "2"), protocol.ResSuccess, "")
	p.wantCode(p.call(protocol.ReqPutKVConfig, "", "namespace", "N", "key", "K", "value", "V"), protocol.ResSuccess, "")
	stop(t, s)

	s = startAt(t, dir)
	defer stop(t, s)
	p = s.dial(t)
	if p.route("T") == nil {
		t.Error("the topic has no route")
	}
	if r := p.pull("G", "T", 2, 0); r.Code != protocol.ResSuccess || !strings.Contains(string(r.Body), "three") {
		t.Errorf("pull at 2: code %d %s", r.Code, r.Remark)
	}
	r := p.call(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0")
	if got := r.Fields.String("offset"); got != "2" {
		t.Errorf("the group's offset is %q: code %d %s", got, r.Code, r.Remark)
	}
	r = p.call(protocol.ReqGetKVConfig, "", "namespace", "N", "key", "K")
	if got := r.Fields.String("value"); got != "V" {
		t.Errorf("KV value %q", got)
	}
	r = p.mustSend("T", "four")
	if got := r.Fields.String("queueOffset"); got != "3" {
		t.Errorf("the next message gets queue offset %s", got)
	}
}

// TestDeletedTopicLeavesTheRoute makes a topic and deletes it: the route comes and goes with it at once.
func TestDeletedTopicLeavesTheRoute(t *testing.T) {
	p := start(t).dial(t)
	p.wantCode(p.call(protocol.ReqUpdateAndCreateTopic, "", "topic", "T", "defaultTopic", "TBW102", "readQueueNums", "3", "writeQueueNums", "3",
		"perm", "6", "topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false"), protocol.ResSuccess, "")
	if r := p.route("T"); r == nil || r.Queues[0].ReadQueueNums != 3 {
		t.Errorf("route %+v", r)
	}
	p.wantCode(p.call(protocol.ReqDeleteTopicInBroker, "", "topic", "T"), protocol.ResSuccess, "")
	if r := p.route("T"); r != nil {
		t.Errorf("route after the deletion: %+v", r)
	}
}

// TestStopDrains stops a node while a pull is held: the pull is answered, the other NameServer forgets the broker, and
// the stop does not wait for the poll's own end.
func TestStopDrains(t *testing.T) {
	other := start(t, "roles", "namesrv")
	s := startAt(t, t.TempDir(), "namesrvAddr", other.Addr())
	p := s.dial(t)
	p.mustSend("T", "x")
	answered := make(chan *protocol.Frame, 1)
	go func() {
		f := &protocol.Frame{Code: protocol.ReqPullMessage, Version: protocol.CurrentVersion}
		for _, kv := range [][2]string{{"consumerGroup", "G"}, {"topic", "T"}, {"queueId", "0"}, {"queueOffset", "1"}, {"maxMsgNums", "1"}, {"sysFlag", "6"},
			{"commitOffset", "0"}, {"suspendTimeoutMillis", "25000"}, {"subscription", "*"}, {"subVersion", "1"}} {
			f.Fields.Add(kv[0], kv[1])
		}
		r, err := p.conn.Invoke(context.Background(), f)
		if err != nil {
			t.Error(err)
		}
		answered <- r
	}()
	waitForHold(t, s)
	begin := time.Now()
	stop(t, s)
	if r := <-answered; r == nil || r.Code != protocol.ResPullNotFound {
		t.Errorf("the held pull got %+v", r)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if r := other.dial(t).route("T"); r != nil {
		t.Errorf("the other NameServer still routes to it: %+v", r)
	}
}

// waitForHold returns when /metrics tells of one held pull. It asks until then: the hold is the broker's own business.
func waitForHold(t *testing.T, s *Server) {
	t.Helper()
	for t.Context().Err() == nil {
		resp, err := http.Get("http://" + s.Addr() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\naerobee_pulls_held 1\n") {
			return
		}
	}
}
