package aerobee

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// apiCall is one request of /api/v1 at a node.
func (s *Server) apiCall(t *testing.T, method, path, body string, out any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatalf("%s %s: %d, %v: %.300s", method, path, answer.StatusCode, err, text)
	}
	return answer.StatusCode
}

// TestAPI makes, changes, reads and deletes a topic and a group, sends messages between, and finds them, all over HTTP but the sends.
func TestAPI(t *testing.T) {
	s := start(t)
	do := func(method, path, body string, status int, out any) {
		t.Helper()
		if got := s.apiCall(t, method, path, body, out); got != status {
			t.Errorf("%s %s: %d %+v, want %d", method, path, got, out, status)
		}
	}
	var changed v1.Changed
	do("PUT", "/topics/Orders", `{"readQueues":2,"writeQueues":2,"type":"NORMAL"}`, 200, &changed)
	if changed.Name != "Orders" || len(changed.Brokers) != 1 || changed.Brokers[0] != "broker-t" {
		t.Errorf("%+v", changed)
	}
	do("PUT", "/groups/billing", `{"maxRetries":3}`, 200, &changed)
	p := s.dial(t)
	for _, body := range []string{"one", "two", "three"} {
		if r := p.send("Orders", body); r.Code != protocol.ResSuccess {
			t.Fatalf("code %d %s", r.Code, r.Remark)
		}
	}
	var topic v1.Topic
	do("GET", "/topics/Orders", "", 200, &topic)
	if len(topic.Queues) != 2 || topic.Type != "NORMAL" || len(topic.Configs) != 1 || topic.Configs[0].Permission != "rw" || topic.Configs[0].ReadQueues != 2 {
		t.Errorf("%+v", topic)
	}
	var topics v1.Topics
	do("GET", "/topics?kind=normal&match=ord", "", 200, &topics)
	if len(topics.Topics) != 1 || topics.Topics[0].Name != "Orders" || topics.Next != "" {
		t.Errorf("%+v", topics)
	}
	seen, after := 0, ""
	for {
		do("GET", "/topics?limit=3&after="+url.QueryEscape(after), "", 200, &topics)
		seen, after = seen+len(topics.Topics), topics.Next
		if after == "" {
			break
		}
	}
	if do("GET", "/topics?limit=1000", "", 200, &topics); seen != len(topics.Topics) || seen < 5 {
		t.Errorf("pages have %d topics, all are %d", seen, len(topics.Topics))
	}
	var messages v1.Messages
	do("GET", "/messages?topic=Orders&from=2020-01-01T00:00:00Z&limit=2", "", 200, &messages)
	if len(messages.Messages) != 2 || *messages.Messages[0].Body != "one" || messages.Messages[0].Bytes == 0 {
		t.Errorf("%+v", messages)
	}
	var message v1.Message
	do("GET", "/messages/"+messages.Messages[1].OffsetID, "", 200, &message)
	if *message.Body != "two" || message.Topic != "Orders" {
		t.Errorf("%+v", message)
	}
	var problem v1.Problem
	do("GET", "/messages/"+strings.Repeat("0", 32), "", 404, &problem)
	do("GET", "/messages/nothing?topic=Orders", "", 404, &problem)
	do("GET", "/topics/Nothing", "", 404, &problem)
	do("GET", "/groups/nobody", "", 404, &problem)
	do("PUT", "/topics/Orders", `{"broker":"other"}`, 404, &problem)
	do("DELETE", "/topics/Orders?broker=other", "", 404, &problem)
	testAPIGroups(t, s, do)
	do("DELETE", "/groups/billing", "", 200, &changed)
	do("DELETE", "/topics/Orders", "", 200, &changed)
	do("GET", "/topics/Orders", "", 404, &problem)
}

func testAPIGroups(t *testing.T, s *Server, do func(method, path, body string, status int, out any)) {
	t.Helper()
	var moves v1.Moves
	do("POST", "/groups/billing/reset", `{"topic":"Orders","to":"latest","dryRun":true}`, 200, &moves)
	if len(moves.Moves) != 2 || moves.Moves[0].To+moves.Moves[1].To != 3 || !moves.DryRun {
		t.Errorf("%+v", moves)
	}
	var problem v1.Problem
	do("POST", "/groups/billing/reset", `{"topic":"Orders"}`, 400, &problem)
	do("POST", "/groups/billing/reset", `{"topic":"Orders","queue":{"broker":"broker-t","queue":0,"offset":99}}`, 409, &problem)
	if !strings.Contains(problem.Detail, "offset 99 is outside of queue 0") {
		t.Errorf("%+v", problem)
	}
	do("POST", "/groups/billing/reset", `{"topic":"Orders","to":"earliest"}`, 200, &moves)
	var group v1.Group
	do("GET", "/groups/billing", "", 200, &group)
	if group.MaxRetries != 3 || group.Lag != 3 || len(group.Queues) != 2 {
		t.Errorf("%+v", group)
	}
	var groups v1.Groups
	do("GET", "/groups?match=bill", "", 200, &groups)
	if len(groups.Groups) != 1 || groups.Groups[0].Lag != 3 {
		t.Errorf("%+v", groups)
	}
	var queues v1.GroupQueues
	do("GET", "/groups/billing/queues", "", 200, &queues)
	if queues.Broker != "broker-t" || len(queues.Queues) != 2 || queues.Queues[0].PulledTo != -1 || queues.Queues[0].Committed != 0 {
		t.Errorf("%+v", queues)
	}
	p := s.dial(t)
	if r := p.call(protocol.ReqLockBatchMQ, `{"consumerGroup":"billing","clientId":"c@1","mqSet":[{"topic":"Orders","brokerName":"broker-t","queueId":0}]}`); r.Code != protocol.ResSuccess {
		t.Fatalf("lock: code %d %s", r.Code, r.Remark)
	}
	for _, code := range []int32{protocol.ResPullOffsetMoved, protocol.ResSuccess} { // the first is told of the reset
		if r := p.pull("billing", "Orders", 0, 0); r.Code != code {
			t.Errorf("pull: code %d %s, want %d", r.Code, r.Remark, code)
		}
	}
	do("GET", "/groups/billing/queues", "", 200, &queues)
	if q := queues.Queues[0]; q.LockedBy != "c@1" || q.PulledTo != 3 || q.PulledAt == nil || !strings.HasPrefix(q.PulledBy, "127.0.0.1:") || q.End != 3 {
		t.Errorf("%+v", q)
	}
	var d v1.Diagnosis
	do("GET", "/groups/billing/doctor", "", 200, &d)
	if d.Problems != 1 || d.Findings[0].Rule != "nobody-online" || d.Findings[0].Number != 3 {
		t.Errorf("%+v", d)
	}
	do("GET", "/topics/Orders/doctor", "", 200, &d)
	if d.Problems != 0 {
		t.Errorf("%+v", d)
	}
	do("GET", "/doctor", "", 200, &d)
	if d.Problems != 0 {
		t.Errorf("%+v", d)
	}
	var brokers v1.Brokers
	do("GET", "/brokers", "", 200, &brokers)
	if len(brokers.Brokers) != 1 || brokers.Brokers[0].Addrs["0"] == "" {
		t.Errorf("%+v", brokers)
	}
	var broker v1.Broker
	do("GET", "/brokers/broker-t", "", 200, &broker)
	if broker.Runtime["brokerActive"] != "true" {
		t.Errorf("%+v", broker)
	}
	var clients v1.Clients
	do("GET", "/connections/clients", "", 200, &clients)
	var node v1.Node
	do("GET", "/node", "", 200, &node)
	if node.Now.IsZero() || node.Limits.Connections == 0 {
		t.Errorf("%+v", node)
	}
}

// TestLiveStreamEndsWithTheNode reads the first event of a stream, which the end of the node ends.
func TestLiveStreamEndsWithTheNode(t *testing.T) {
	s := start(t)
	answer, err := http.Get("http://" + s.Addr() + "/api/v1/live?interval=60")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	if first, err := lines.ReadString('\n'); err != nil || first != "event: rates\n" {
		t.Fatalf("%q, %v", first, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(lines); err != nil || !strings.HasPrefix(string(rest), `data: {"at":"`) || strings.Count(string(rest), "data:") != 1 {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestBrowseIsBounded: of four queues, one with large messages shows a quarter of what one answer may hold.
func TestBrowseIsBounded(t *testing.T) {
	s := start(t)
	p, body := s.dial(t), strings.Repeat("x", 3<<20)
	for range 5 {
		p.mustSend("Large", body)
	}
	var got v1.Messages
	if code := s.apiCall(t, "GET", "/messages?topic=Large", "", &got); code != 200 || len(got.Messages) != 3 {
		t.Errorf("%d, %d messages, want 3", code, len(got.Messages))
	}
}

// TestLiveReportsAreShared: many streams at once are told the same, and later streams something new.
func TestLiveReportsAreShared(t *testing.T) {
	s := start(t)
	look := func(at time.Time) time.Time {
		t.Helper()
		s.live.last.At = at
		r, err := s.reportLive()
		if err != nil {
			t.Fatal(err)
		}
		return r.At
	}
	fresh, old := time.Now().Add(time.Hour), time.Now().Add(-time.Second)
	if got := look(fresh); !got.Equal(fresh) {
		t.Errorf("what is fresh is looked at again: %v", got)
	}
	if got := look(old); got.Equal(old) {
		t.Error("what is old is told again")
	}
}

// TestRefusalsAreLogged has a client refused three times with the same words.
func TestRefusalsAreLogged(t *testing.T) {
	var log logtext.Buffer
	s, err := Start(Config{Memory: true, Settings: map[string]string{"autoCreateTopicEnable": "false"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p := s.dial(t)
	remark := ""
	for range 3 {
		r := p.send("Nowhere", "x")
		if r.Code != protocol.ResTopicNotExist {
			t.Fatalf("code %d %s", r.Code, r.Remark)
		}
		remark = r.Remark
	}
	if got := log.String(); strings.Count(got, "a request is refused") != 1 || !strings.Contains(got, `remark="`+remark+`" code=17 peer=127.0.0.1:`) {
		t.Errorf("the remark is %q, the log:\n%s", remark, got)
	}
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(nc, "PROXY TCP4 10.0.0.1 127.0.0.1 0 9876\r\n"); err != nil { // as the node's own questions have none
		t.Fatal(err)
	}
	hidden := &peer{t, remoting.Client(nc, remoting.Options{})}
	t.Cleanup(func() { _ = hidden.conn.Close() })
	hidden.send("Elsewhere", "x")
	if got := log.String(); !strings.Contains(got, "peer=10.0.0.1:0") {
		t.Errorf("who says that it has no port hides what it is refused:\n%s", got)
	}
}

// TestAPIUsers makes, changes, reads and deletes a user over HTTP.
func TestAPIUsers(t *testing.T) {
	s := start(t)
	do := func(method, path, body string, status int, out any) {
		t.Helper()
		if got := s.apiCall(t, method, "/users"+path, body, out); got != status {
			t.Errorf("%s %s: %d %+v, want %d", method, path, got, out, status)
		}
	}
	list := func(want ...v1.User) {
		t.Helper()
		var all v1.Users
		if do("GET", "", "", 200, &all); !slices.Equal(all.Users, want) {
			t.Errorf("%+v, want %+v", all.Users, want)
		}
	}
	var user v1.User
	var problem v1.Problem
	var changed v1.Changed
	list()
	if do("PUT", "/alice", `{"super":true}`, 409, &problem); !strings.Contains(problem.Detail, "password") {
		t.Errorf("%+v", problem)
	}
	do("PUT", "/bob", `{"password":"secret"}`, 200, &user)
	list(v1.User{Name: "bob", Enabled: true})
	do("DELETE", "/bob", "", 200, &changed)
	do("PUT", "/alice", `{"password":"secret","super":true}`, 200, &user)
	do("PUT", "/alice", `{"enabled":false}`, 401, &problem) // from now on whoever asks has to sign in
	w := &web{t: t, s: s, header: http.Header{"Authorization": {basic("alice", "secret")}}}
	if w.ask("PUT", "/users/alice", `{"enabled":false}`, 200, &user); user != (v1.User{Name: "alice", Super: true}) {
		t.Errorf("%+v", user)
	}
	if do("DELETE", "/alice", "", 200, &changed); changed.Name != "alice" || !slices.Equal(changed.Brokers, []string{"broker-t"}) {
		t.Errorf("%+v", changed)
	}
	do("DELETE", "/alice", "", 404, &problem)
	list()
}
