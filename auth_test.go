package aerobee

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/auth/need"
	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// guarded starts a node that asks for users and rights, and has the super user root.
func guarded(t *testing.T, more ...string) *Server {
	t.Helper()
	return start(t, append([]string{"authenticationEnabled", "true", "authorizationEnabled", "true", "initAuthenticationUser", `{"username":"root","password":"top"}`}, more...)...)
}

// as calls as a user.
func (p *peer) as(user, password string, code int32, body string, fields ...string) *protocol.Frame {
	p.t.Helper()
	f := &protocol.Frame{Code: code, Version: protocol.CurrentVersion, Body: []byte(body)}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	(&sign.Credentials{User: user, Password: password}).Frame(f)
	var signed []string
	for _, one := range f.Fields {
		signed = append(signed, string(one.Key), string(one.Value))
	}
	return p.call(code, body, signed...)
}

// sendAs sends a message as a user.
func (p *peer) sendAs(user, password, topic string) *protocol.Frame {
	p.t.Helper()
	return p.as(user, password, protocol.ReqSendMessageV2, "hello", "a", "producers", "b", topic, "c", "TBW102", "d", "4", "e", "0", "f", "0", "g", "1", "h", "0")
}

// TestEverybodySigns: what changes counts for the next request.
func TestEverybodySigns(t *testing.T) {
	s := guarded(t)
	p := s.dial(t)
	ok := func(r *protocol.Frame) {
		t.Helper()
		p.wantCode(r, protocol.ResSuccess, "")
	}
	no := func(r *protocol.Frame, remark string) {
		t.Helper()
		p.wantCode(r, protocol.ResNoPermission, remark)
	}
	no(p.call(protocol.ReqGetBrokerConfig, ""), "username cannot be null.")
	no(p.makeTopic("Orders", ""), "username cannot be null.")
	no(p.as("root", "wrong", protocol.ReqGetBrokerConfig, ""), "check signature failed.")
	no(p.as("alice", "a", protocol.ReqGetBrokerConfig, ""), "User:alice is not found.")
	ok(p.as("root", "top", protocol.ReqGetBrokerConfig, ""))
	p.wantCode(p.call(4711, ""), protocol.ResRequestCodeNotSupported, "4711")
	p.wantCode(p.call(protocol.ReqGetRouteInfoByTopic, "", "topic", "Orders"), protocol.ResTopicNotExist, "")

	ok(p.as("root", "top", protocol.ReqAuthCreateUser, `{"password":"a"}`, "username", "alice"))
	no(p.sendAs("alice", "a", "Orders"), "User:alice has no permission to access Topic:Orders from 127.0.0.1, no matched policies.")
	no(p.as("alice", "a", protocol.ReqAuthListUser, ""), "User:alice has no permission to access Cluster:DefaultCluster from 127.0.0.1, no matched policies.")
	ok(p.as("root", "top", protocol.ReqAuthCreateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Ord*","actions":["Pub"],"decision":"Allow"}]}]}`, "subject", "User:alice"))
	ok(p.sendAs("alice", "a", "Orders"))
	ok(p.sendAs("root", "top", "Other"))
	no(p.sendAs("alice", "a", "Other"), "no matched policies.")
	ok(p.as("root", "top", protocol.ReqAuthUpdateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Orders","actions":["Pub"],"decision":"Deny"}]}]}`, "subject", "User:alice"))
	no(p.sendAs("alice", "a", "Orders"), "User:alice has no permission to access Topic:Orders from 127.0.0.1, the decision is deny.")
	ok(p.as("root", "top", protocol.ReqAuthUpdateUser, `{"userStatus":"disable"}`, "username", "alice"))
	no(p.sendAs("alice", "a", "Ordnance"), "User:alice is disabled.")

	// Whoever signs in over HTTP has the node ask itself, without a signature.
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+"/api/v1/topics", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth("root", "top")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the topics over HTTP: %s", r.Status)
	}
}

// TestClientsSign: our own clients, over both of the ways that requests go.
func TestClientsSign(t *testing.T) {
	s := guarded(t)
	ctx := t.Context()
	root := sign.Credentials{User: "root", Password: "top"}
	a, err := admin.New(admin.Options{NameServers: []string{s.Addr()}, Sign: root.Signer()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.CreateUser(ctx, s.Addr(), account.User{Name: "alice", Password: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := a.CreateACL(ctx, s.Addr(), account.ACL{Subject: "User:alice", Policies: []account.Policy{{Entries: []account.Entry{
		{Resource: "Topic:Orders", Actions: []string{"Pub", "Sub", "Get"}, Decision: "Allow"}, {Resource: "Group:billing", Actions: []string{"Sub"}, Decision: "Allow"}}}}}); err != nil {
		t.Fatal(err)
	}
	try := func(user, password, topic string) error {
		c, err := client.New(client.Config{NameServers: []string{s.Addr()}, AccessKey: user, SecretKey: password})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.Background()) }()
		p, err := c.NewProducer(client.ProducerConfig{Group: "producers"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Send(ctx, &client.Message{Topic: topic, Body: []byte("hello")})
		return err
	}
	if err := try("alice", "a", "Orders"); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ user, password, topic, want string }{
		{"alice", "b", "Orders", "check signature failed."}, {"", "", "Orders", "username cannot be null."}, {"alice", "a", "Other", "User:alice has no permission to access Topic:Other"},
	} {
		if err := try(c.user, c.password, c.topic); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestInnerUser: the node's own user is made, and what there is is left alone.
func TestInnerUser(t *testing.T) {
	dir := t.TempDir()
	settings := []string{"authenticationEnabled", "true", "initAuthenticationUser", `{"username":"root","password":"top"}`, "innerClientAuthenticationCredentials", `{"accessKey":"inner","secretKey":"i"}`}
	s := startAt(t, dir, settings...)
	p := s.dial(t)
	p.wantCode(p.as("inner", "i", protocol.ReqAuthUpdateUser, `{"password":"changed"}`, "username", "root"), protocol.ResSuccess, "")
	stop(t, s)
	s = startAt(t, dir, settings...)
	defer stop(t, s)
	p = s.dial(t)
	p.wantCode(p.as("root", "top", protocol.ReqGetBrokerConfig, ""), protocol.ResNoPermission, "check signature failed.")
	p.wantCode(p.as("root", "changed", protocol.ReqGetBrokerConfig, ""), protocol.ResSuccess, "")
}

func TestBadInitUser(t *testing.T) {
	for _, value := range []string{"root", `{"username":"root"}`, `{"password":"geheim"}`} {
		_, err := tryStart(t, "initAuthenticationUser", value)
		if err == nil || !strings.Contains(err.Error(), "initAuthenticationUser must be a JSON object") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestEveryRequestHasARow: no request is served that the table of rights does not know, and none is known twice by its short code.
func TestEveryRequestHasARow(t *testing.T) {
	s := start(t)
	table := need.New("c")
	n := 0
	for code := int32(-32768); code < 201_000; code++ {
		if name := s.requests.Name(code); name != "" {
			n++
			if !table.Has(code) {
				t.Errorf("%s (%d) has no row", name, code)
			}
		}
	}
	if n < 100 {
		t.Errorf("%d requests only: the walk is broken", n)
	}
}

// TestOffsetsAskForTopics: a right to one topic is none to the messages of others, by whatever offset they are named.
func TestOffsetsAskForTopics(t *testing.T) {
	s := guarded(t)
	p := s.dial(t)
	ok := func(r *protocol.Frame) *protocol.Frame {
		t.Helper()
		p.wantCode(r, protocol.ResSuccess, "")
		return r
	}
	const refused = "User:alice has no permission to access Topic:Secret from 127.0.0.1, no matched policies."
	ok(p.as("root", "top", protocol.ReqAuthCreateUser, `{"password":"a"}`, "username", "alice"))
	ok(p.as("root", "top", protocol.ReqAuthCreateACL, `{"subject":"User:alice","policies":[{"entries":[{"resource":"Topic:Mine","actions":["Pub","Sub","Get"],"decision":"Allow"},`+
		`{"resource":"Group:*","actions":["Sub"],"decision":"Allow"}]}]}`, "subject", "User:alice"))
	place := func(r *protocol.Frame) (id, offset string) {
		t.Helper()
		id = ok(r).Fields.String("msgId")
		_, at, err := message.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		return id, strconv.FormatInt(int64(at), 10)
	}
	for topic, code := range map[string]int32{"Mine": protocol.ResSuccess, "Secret": protocol.ResNoPermission} {
		want := func(r *protocol.Frame, code int32) {
			t.Helper()
			remark := ""
			if code == protocol.ResNoPermission {
				remark = refused
			}
			p.wantCode(r, code, remark)
		}
		id, at := place(p.sendAs("root", "top", topic))
		want(p.as("alice", "a", protocol.ReqViewMessageByID, "", "topic", "Mine", "offset", at), code)
		if code == protocol.ResNoPermission { // else a client is asked, and there is none
			want(p.as("alice", "a", protocol.ReqConsumeMessageDirectly, "", "topic", "Mine", "consumerGroup", "g", "clientId", "c", "msgId", id), code)
		}
		want(p.as("alice", "a", protocol.ReqConsumerSendMsgBack, "", "offset", at, "group", "g", "delayLevel", "-1"), code)
		for _, checked := range []string{"false", "true"} {
			half := ok(p.as("root", "top", protocol.ReqSendMessageV2, "half", "a", "pg", "b", topic, "c", "TBW102", "d", "4", "e", "0", "f", "4", "g", "1", "h", "0",
				"i", "TRAN_MSG\x01true\x02PGROUP\x01pg\x02UNIQ_KEY\x01U\x02"))
			id, at = place(half)
			p.wantCode(p.as("alice", "a", protocol.ReqViewMessageByID, "", "topic", "Mine", "offset", at), protocol.ResNoPermission, "Topic:RMQ_SYS_TRANS_HALF_TOPIC")
			want(p.as("alice", "a", protocol.ReqEndTransaction, "", "producerGroup", "pg", "tranStateTableOffset", half.Fields.String("queueOffset"), "commitLogOffset", at,
				"msgId", id, "commitOrRollback", "8", "fromTransactionCheck", checked, "topic", map[string]string{"false": "Mine", "true": message.TopicHalf}[checked]), code)
		}
	}
}
