package aerobee

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// start starts a node in memory on a free port, with the given settings (key, value, …) over that, and stops it at the end.
func start(t *testing.T, settings ...string) *Server {
	t.Helper()
	s, err := tryStart(t, settings...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryStart(t *testing.T, settings ...string) (*Server, error) {
	t.Helper()
	return tryStartIn(t, world{}, settings...)
}

func tryStartIn(t *testing.T, w world, settings ...string) (*Server, error) {
	t.Helper()
	return tryStartSaid(t, w, nil, settings...)
}

// tryStartSaid is tryStartIn with a logger.
func tryStartSaid(t *testing.T, w world, logger *slog.Logger, settings ...string) (*Server, error) {
	t.Helper()
	all := append([]string{"memory", "true", "listen", "127.0.0.1:0", "brokerName", "broker-t"}, settings...)
	src := config.Source{Name: "test"}
	for i := 0; i < len(all); i += 2 {
		src.Pairs = append(src.Pairs, config.Property{Key: all[i], Value: all[i+1]})
	}
	cfg, notes, err := config.Load(src)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		t.Errorf("setting: %s", n)
	}
	s, err := startIn(w, cfg, logger)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s, nil
}

// peer is a client's connection.
type peer struct {
	t    testing.TB
	conn *remoting.Conn
}

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := remoting.Dial(t.Context(), addr, remoting.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t, conn}
}

func (s *Server) dial(t *testing.T) *peer { return dial(t, s.Addr()) }

// call sends a request with the fields (name, value, …) and returns the answer.
func (p *peer) call(code int32, body string, fields ...string) *protocol.Frame {
	p.t.Helper()
	f := &protocol.Frame{Code: code, Version: protocol.CurrentVersion, Body: []byte(body)}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	r, err := p.conn.Invoke(ctx, f)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// send sends one message with code 310 to queue 0.
func (p *peer) send(topic, body string, more ...string) *protocol.Frame {
	p.t.Helper()
	fields := map[string]string{"a": "producers", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": ""}
	for i := 0; i < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	var flat []string
	for k, v := range fields {
		flat = append(flat, k, v)
	}
	return p.call(protocol.ReqSendMessageV2, body, flat...)
}

func (p *peer) mustSend(topic, body string, more ...string) *protocol.Frame {
	p.t.Helper()
	r := p.send(topic, body, more...)
	if r.Code != protocol.ResSuccess {
		p.t.Fatalf("send to %s: code %d %s", topic, r.Code, r.Remark)
	}
	return r
}

// pull pulls from queue 0 without a heartbeat, holding for at most suspend.
func (p *peer) pull(group, topic string, from int64, suspend time.Duration) *protocol.Frame {
	p.t.Helper()
	sysFlag := 4 // the subscription is in the request
	if suspend > 0 {
		sysFlag |= 2
	}
	return p.call(protocol.ReqPullMessage, "", "consumerGroup", group, "topic", topic, "queueId", "0",
		"queueOffset", strconv.FormatInt(from, 10), "maxMsgNums", "64", "sysFlag", strconv.Itoa(sysFlag), "commitOffset", "0",
		"suspendTimeoutMillis", strconv.FormatInt(suspend.Milliseconds(), 10), "subscription", "*", "subVersion", "1", "expressionType", "TAG")
}

// route asks for a topic's route; nil if there is none.
func (p *peer) route(topic string) *protocol.RouteData {
	p.t.Helper()
	r := p.call(protocol.ReqGetRouteInfoByTopic, "", "topic", topic, "acceptStandardJsonOnly", "true")
	if r.Code != protocol.ResSuccess {
		return nil
	}
	var data protocol.RouteData
	if err := protocol.UnmarshalBody(r.Body, &data); err != nil {
		p.t.Fatalf("route of %s: %v\n%s", topic, err, r.Body)
	}
	return &data
}

func (p *peer) wantCode(r *protocol.Frame, code int32, remark string) {
	p.t.Helper()
	if r.Code != code || !strings.Contains(r.Remark, remark) {
		p.t.Errorf("got code %d %q, want %d with %q", r.Code, r.Remark, code, remark)
	}
}

// makeTopic makes a topic of one queue, with attributes as mqadmin updateTopic -a takes them.
func (p *peer) makeTopic(name, attributes string) *protocol.Frame {
	p.t.Helper()
	return p.call(protocol.ReqUpdateAndCreateTopic, "", "topic", name, "defaultTopic", "TBW102", "readQueueNums", "1", "writeQueueNums", "1",
		"perm", "6", "topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false", "attributes", attributes)
}
