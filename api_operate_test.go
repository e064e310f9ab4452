package aerobee

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

// asking makes requests of /api/v1, wants their status, and returns the problem where it is no success.
func (s *Server) asking(t *testing.T) func(method, path, body string, status int, out any) string {
	t.Helper()
	return func(method, path, body string, status int, out any) string {
		t.Helper()
		var text json.RawMessage
		got := s.apiCall(t, method, path, body, &text)
		if got != status {
			t.Errorf("%s %s: %d %s, want %d", method, path, got, text, status)
		}
		if got != 200 {
			var p v1.Problem
			if err := json.Unmarshal(text, &p); err != nil {
				t.Errorf("%s %s: %v: %s", method, path, err, text)
			}
			return p.Detail
		}
		if out != nil {
			if err := json.Unmarshal(text, out); err != nil {
				t.Errorf("%s %s: %v: %s", method, path, err, text)
			}
		}
		return ""
	}
}

// second starts a broker with a NameServer of its own, which a first node knows too, and waits until that one lists it.
func second(t *testing.T, first *Server) *Server {
	t.Helper()
	s := start(t, "brokerName", "broker-u", "namesrvAddr", first.Addr())
	var all v1.Brokers
	for until := time.Now().Add(time.Minute); len(all.Brokers) != 2; {
		if time.Now().After(until) {
			t.Fatalf("the first node knows %+v", all)
		}
		first.apiCall(t, "GET", "/brokers", "", &all)
	}
	return s
}

// TestAPIACLs makes, changes, explains and deletes lists over HTTP, which both brokers of the cluster keep.
func TestAPIACLs(t *testing.T) {
	s := start(t)
	second(t, s)
	do, both := s.asking(t), []string{"broker-t", "broker-u"}
	const alice = "/acls/alice"
	do("PUT", "/users/alice", `{"password":"x"}`, 200, nil)
	do("PUT", "/users/svc.example.com", `{"password":"x"}`, 200, nil) // as certificates name them

	var list rights.ACL
	do("GET", alice, "", 200, &list)
	if want := (rights.ACL{User: "alice", Entries: []rights.ACLEntry{}, Unanswered: map[string]string{}}); !cmp.Equal(list, want) {
		t.Errorf("%+v", list)
	}
	do("PUT", alice, `{"entries":[{"actions":["Pub","Sub"],"resource":"Topic:Orders*"},{"actions":["All"],"resource":"Topic:OrdersSecret","decision":"Deny","from":["10.0.0.0/8","::1"]}]}`, 200, &list)
	do("PUT", alice, `{"entries":[{"actions":["Pub"],"resource":"Topic:Orders*"},{"policy":"Default","actions":["Get"],"resource":"*"}]}`, 200, &list)
	want := rights.ACL{User: "alice", Unanswered: map[string]string{}, Entries: []rights.ACLEntry{
		{Policy: "Custom", Decision: "Allow", Actions: []string{"Pub"}, Resource: "Topic:Orders*", From: []string{}, Brokers: both},
		{Policy: "Custom", Decision: "Deny", Actions: []string{"All"}, Resource: "Topic:OrdersSecret", From: []string{"10.0.0.0/8", "::1"}, Brokers: both},
		{Policy: "Default", Decision: "Allow", Actions: []string{"Get"}, Resource: "*", From: []string{}, Brokers: both},
	}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("the list after two changes (-want +got)\n%s", diff)
	}

	explain := func(query, rule string, allowed bool) {
		t.Helper()
		var got rights.Explanation
		do("GET", alice+"/explain?"+query, "", 200, &got)
		if want := []rights.Ruling{{Broker: "broker-t", Allowed: allowed, Rule: rule}, {Broker: "broker-u", Allowed: allowed, Rule: rule}}; !slices.Equal(got.Rulings, want) {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
	explain("action=Pub&resource=Topic:OrdersSecret", "Custom: Allow Pub on Topic:Orders*", true)
	explain("action=Pub&resource=Topic:OrdersSecret&from=10.1.2.3", "Custom: Deny All on Topic:OrdersSecret from 10.0.0.0/8,::1", false)
	explain("action=Sub&resource=Group:billing", "no entry fits", false)

	refused := func(method, path, body string, status int, why string) {
		t.Helper()
		if got := do(method, path, body, status, nil); !strings.Contains(got, why) {
			t.Errorf("%s %s %s: %q, want %q", method, path, body, got, why)
		}
	}
	const grant = `{"entries":[{"actions":["Pub"],"resource":"Topic:T"}]}`
	refused("PUT", "/acls/nobody", grant, 404, "there is no user nobody")
	refused("GET", "/acls/nobody", "", 404, "there is no user nobody")
	refused("GET", "/acls/nobody/explain?action=Pub&resource=Topic:T", "", 404, "there is no user nobody")
	refused("GET", alice+"/explain?action=Pub&resource=Topic:T&from=here", "", 409, `from is "here", it must be an address`)
	refused("PUT", alice, `{"entries":[{"actions":["Pub"],"resource":"Topic:T","from":["10.0.0.0/33"]}]}`, 409, `entries[0].from[0] is "10.0.0.0/33"`)
	refused("PUT", alice, `{"entries":[{"actions":["Pub"],"resource":"Topic:T"},{"actions":["Sub"],"resource":"Topic:T"}]}`, 409, `entries[1] is about "Topic:T"`)
	refused("DELETE", "/acls/svc.example.com", "", 404, "user svc.example.com has no access control list")
	refused("DELETE", alice+"?resource=Topic:T", "", 404, "says nothing of Topic:T in its policy Custom")

	do("PUT", "/acls/svc.example.com", grant, 200, nil)
	var page rights.ACLs
	do("GET", "/acls?limit=1", "", 200, &page)
	if len(page.ACLs) != 1 || page.ACLs[0].User != "alice" || page.Next != "alice" {
		t.Errorf("%+v", page)
	}
	do("GET", "/acls?limit=1&after="+page.Next, "", 200, &page)
	if len(page.ACLs) != 1 || page.ACLs[0].User != "svc.example.com" || page.Next != "" {
		t.Errorf("%+v", page)
	}
	do("GET", "/acls?resource=Secret", "", 200, &page)
	if len(page.ACLs) != 1 || len(page.ACLs[0].Entries) != 1 || page.ACLs[0].Entries[0].Resource != "Topic:OrdersSecret" {
		t.Errorf("%+v", page)
	}

	var changed v1.Changed
	do("DELETE", alice+"?resource=*&policy=Default", "", 200, &changed)
	do("GET", alice, "", 200, &list)
	if len(list.Entries) != 2 || !slices.Equal(changed.Brokers, both) {
		t.Errorf("%+v, %+v", changed, list)
	}
	do("DELETE", alice, "", 200, &changed)
	do("GET", alice, "", 200, &list)
	if len(list.Entries) != 0 {
		t.Errorf("%+v", list)
	}
	var record audit.Page
	do("GET", "/audit?limit=1", "", 200, &record)
	if last := record.Records[0]; last.What != "DELETE /api/v1/acls/alice" || last.Outcome != audit.Done {
		t.Errorf("%+v", last)
	}
}

// TestStrangersKeepNoListFromBeingChanged: what somebody has registered as a broker of the cluster is named in the error, and all others have been changed. Its name
// comes before theirs.
func TestStrangersKeepNoListFromBeingChanged(t *testing.T) {
	s := start(t)
	do := s.asking(t)
	do("PUT", "/users/alice", `{"password":"x"}`, 200, nil)
	do("PUT", "/acls/alice", `{"entries":[{"actions":["Pub"],"resource":"Topic:T"}]}`, 200, nil)
	const nowhere = "255.255.255.255:10911" // to which no system connects
	body := `{"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"topicConfigTable":{}},"filterServerList":[]}`
	r := s.dial(t).call(protocol.ReqRegisterBroker, body, "brokerName", "a-stranger", "brokerAddr", nowhere, "clusterName", s.cfg.ClusterName,
		"haServerAddr", nowhere, "brokerId", "0", "compressed", "false", "bodyCrc32", "0")
	if r.Code != protocol.ResSuccess {
		t.Fatalf("%d %s", r.Code, r.Remark)
	}
	if why := do("DELETE", "/acls/alice?resource=Topic:T", "", 503, nil); !strings.Contains(why, nowhere) {
		t.Error(why)
	}
	if r := s.dial(t).call(protocol.ReqAuthGetACL, "", "subject", "User:alice"); len(r.Body) != 0 {
		t.Errorf("a stranger keeps this node's list from being cut: %s", r.Body)
	}
	if why := do("DELETE", "/acls/alice?policy=Custom", "", 409, nil); !strings.Contains(why, "leave policy out to delete the whole list of user alice") {
		t.Error(why)
	}
	do("PUT", "/acls/alice", `{"entries":[{"actions":["Pub"],"resource":"Topic:pay*-eu*"}]}`, 400, nil)
	do("PUT", "/users/alice", `{"password":"unsaid","enabled":true}`, 409, nil)

	for _, path := range []string{"/users", "/acls", "/acls/alice", "/acls/alice/explain?action=Pub&resource=Topic:T", "/producers"} {
		var answer struct{ Unanswered map[string]string }
		if do("GET", path, "", 200, &answer); !strings.Contains(answer.Unanswered["a-stranger"], nowhere) || len(answer.Unanswered) != 1 {
			t.Errorf("%s: %v", path, answer)
		}
	}
	if why := do("GET", "/users/carol", "", 404, nil); why != "there is no user carol; these brokers did not answer: a-stranger" {
		t.Error(why)
	}

	var page struct {
		Records []struct{ What, About, Outcome, Why string }
	}
	do("GET", "/audit?limit=100", "", 200, &page)
	f := func(what, outcome string, about ...string) {
		t.Helper()
		for _, r := range page.Records {
			if r.What == "PUT /api/v1/users/alice" && strings.Contains(r.About, "unsaid") {
				t.Errorf("a password: %+v", r)
			}
			if r.What == what && r.Outcome == outcome && !slices.ContainsFunc(about, func(part string) bool { return !strings.Contains(r.About, part) }) {
				return
			}
		}
		t.Errorf("no record of %s with %q, %s: %+v", what, about, outcome, page.Records)
	}
	f("DELETE /api/v1/acls/alice", "done", "resource=Topic:T", "broker=broker-t")
	f("DELETE /api/v1/acls/alice", "failed", "resource=Topic:T", "broker=a-stranger")
	f("PUT /api/v1/acls/alice", "done", "Topic:T", "Pub")
	f("PUT /api/v1/users/alice", "done", `"password":"***"`, `"enabled":true`, "broker=broker-t")
	f("PUT /api/v1/users/alice", "failed", "broker=a-stranger")
}

// TestAPIUsersInPages reads users one by one, and one alone.
func TestAPIUsersInPages(t *testing.T) {
	s := start(t)
	do := s.asking(t)
	for _, name := range []string{"bob", "client.example.com", "alice"} {
		do("PUT", "/users/"+name, `{"password":"x"}`, 200, nil)
	}
	var seen []string
	var page v1.Users
	for after := ""; ; after = page.Next {
		do("GET", "/users?limit=1&after="+after, "", 200, &page)
		for _, u := range page.Users {
			seen = append(seen, u.Name)
		}
		if page.Next == "" {
			break
		}
	}
	if want := []string{"alice", "bob", "client.example.com"}; !slices.Equal(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
	do("GET", "/users?match=EXAMPLE", "", 200, &page)
	if len(page.Users) != 1 || page.Users[0].Name != "client.example.com" {
		t.Errorf("%+v", page)
	}
	var one v1.User
	if do("GET", "/users/bob", "", 200, &one); one != (v1.User{Name: "bob", Enabled: true}) {
		t.Errorf("%+v", one)
	}
	if why := do("GET", "/users/carol", "", 404, nil); why != "there is no user carol" {
		t.Error(why)
	}
}

// TestAPISettings changes a running broker's settings over HTTP: those of the closed list, all of a request or none.
func TestAPISettings(t *testing.T) {
	s := start(t, "initAuthenticationUser", `{"username":"admin","password":"hidden-word"}`, "innerClientAuthenticationCredentials", `{"accessKey":"admin","secretKey":"hidden-word"}`)
	w := &web{t: t, s: s, header: map[string][]string{"Authorization": {basic("admin", "hidden-word")}}}
	const path = "/brokers/broker-t/settings"
	var page operate.BrokerSettings
	w.ask("GET", path+"?match=reserved", "", 200, &page)
	if len(page.Settings) == 0 || page.Settings[0] != (operate.BrokerSetting{Key: "fileReservedTime", Value: "72", Live: true}) {
		t.Errorf("%+v", page)
	}
	w.ask("GET", path+"?limit=1000", "", 200, &page)
	for _, one := range page.Settings {
		if strings.Contains(one.Value, "hidden-word") || one.Key == "listen" && one.Live {
			t.Errorf("%+v", one)
		}
	}
	if len(page.Settings) < 50 {
		t.Errorf("%d settings", len(page.Settings))
	}
	w.ask("PUT", path, `{"settings":{"fileReservedTime":"48","autoCreateTopicEnable":"false"}}`, 200, &page)
	if want := []operate.BrokerSetting{{Key: "autoCreateTopicEnable", Value: "false", Live: true}, {Key: "fileReservedTime", Value: "48", Live: true}}; !slices.Equal(page.Settings, want) {
		t.Errorf("%+v, want %+v", page.Settings, want)
	}
	before := s.inForce.Load().Properties()
	refused := func(path, body string, status int, why string) {
		t.Helper()
		var p v1.Problem
		if w.ask("PUT", path, body, status, &p); !strings.Contains(p.Detail, why) {
			t.Errorf("%s: %q, want %q", body, p.Detail, why)
		}
	}
	refused(path, `{"settings":{"fileReservedTime":"24","listen":":1"}}`, 400, `settings has a member "listen", which cannot be changed here; these can: autoCreateSubscriptionGroup, `)
	refused(path, `{"settings":{"FileReservedTime":"24"}}`, 400, `settings has a member "FileReservedTime"`)
	refused(path, `{"settings":{"fileReservedTime":"24","maxMessageSize":"much"}}`, 409, `maxMessageSize is not changed: "much" is not a size`)
	refused(path, `{"settings":{}}`, 400, "settings has 0 items")
	refused("/brokers/other/settings", `{"settings":{"fileReservedTime":"24"}}`, 404, "there is no broker other")
	if after := s.inForce.Load().Properties(); after != before {
		t.Errorf("settings have changed:\n%s\n%s", before, after)
	}
	var all v1.Settings
	w.ask("GET", "/settings", "", 200, &all)
	for _, one := range all.Settings {
		if one.Key == "fileReservedTime" && (!one.Live || one.Value != "48") || one.Key == "data" && one.Live {
			t.Errorf("%+v", one)
		}
	}
}

// TestAPIWrites closes a broker to sends, at both NameServers that know it, and opens it again.
func TestAPIWrites(t *testing.T) {
	first := start(t)
	s := second(t, first)
	do := s.asking(t)
	do("PUT", "/topics/Orders", `{"readQueues":2,"writeQueues":2}`, 200, nil)
	permission := func(of *Server, want string) {
		t.Helper()
		var route operate.Route
		for until := time.Now().Add(time.Minute); ; {
			of.apiCall(t, "GET", "/topics/Orders/route", "", &route)
			if len(route.Brokers) == 1 && route.Brokers[0].Permission == want || time.Now().After(until) {
				break
			}
		}
		if len(route.Brokers) != 1 || route.Brokers[0].Broker != "broker-u" || route.Brokers[0].Permission != want || route.Brokers[0].WriteQueues != 2 || route.Brokers[0].Addrs["0"] == "" {
			t.Errorf("%+v, want %s", route, want)
		}
	}
	permission(s, "rw")
	permission(first, "rw")
	var writes operate.Writes
	do("PUT", "/brokers/broker-u/writes", `{"open":false}`, 200, &writes)
	if writes.Open || len(writes.NameServers) != 2 || writes.NameServers[0].Topics == 0 || writes.NameServers[1].Topics == 0 {
		t.Errorf("%+v", writes)
	}
	permission(s, "r")
	permission(first, "r")
	if why := do("POST", "/topics/Orders/messages", `{"body":"x"}`, 404, nil); !strings.Contains(why, "no route") {
		t.Error(why)
	}
	do("PUT", "/brokers/broker-u/writes", `{"open":true}`, 200, &writes)
	permission(s, "rw")
	permission(first, "rw")
	if why := do("PUT", "/brokers/other/writes", `{"open":true}`, 404, nil); !strings.Contains(why, "there is no broker other") {
		t.Error(why)
	}
	do("PUT", "/brokers/broker-u/writes", `{}`, 400, nil)
	for _, what := range []string{"expired-queues", "unused-topics", "expired-log"} {
		var done v1.Changed
		if do("POST", "/brokers/broker-u/clean", `{"what":"`+what+`"}`, 200, &done); done.Name != what || !slices.Equal(done.Brokers, []string{"broker-u"}) {
			t.Errorf("%+v", done)
		}
	}
	do("POST", "/brokers/broker-u/clean", `{"what":"everything"}`, 400, nil)
}

// TestAPIKV sets, reads, lists and deletes values and order configurations, which all NameServers keep.
func TestAPIKV(t *testing.T) {
	first := start(t)
	s := second(t, first)
	do, elsewhere := s.asking(t), first.asking(t)
	var kv operate.KV
	var kvs operate.KVs
	if why := do("GET", "/kv/NS/a", "", 404, nil); !strings.Contains(why, "NS") {
		t.Error(why)
	}
	do("GET", "/kv/NS", "", 404, nil)
	for _, key := range []string{"b", "a", "c.d"} {
		do("PUT", "/kv/NS/"+key, `{"value":"of `+key+`"}`, 200, &kv)
	}
	for _, do := range []func(string, string, string, int, any) string{do, elsewhere} {
		if do("GET", "/kv/NS/c.d", "", 200, &kv); kv != (operate.KV{Namespace: "NS", Key: "c.d", Value: "of c.d"}) {
			t.Errorf("%+v", kv)
		}
	}
	do("GET", "/kv/NS?limit=2", "", 200, &kvs)
	if len(kvs.KVs) != 2 || kvs.KVs[0].Key != "a" || kvs.KVs[1].Value != "of b" || kvs.Next != "b" {
		t.Errorf("%+v", kvs)
	}
	if do("DELETE", "/kv/NS/a", "", 200, &kv); kv.Value != "of a" {
		t.Errorf("%+v", kv)
	}
	do("DELETE", "/kv/NS/a", "", 404, nil)
	elsewhere("GET", "/kv/NS/a", "", 404, nil)
	do("PUT", "/kv/NS/a", `{"value":""}`, 400, nil)
	do("PUT", "/kv/NS/a", `{"value":"`+strings.Repeat("x", 16385)+`"}`, 400, nil)

	var order operate.Order
	if why := do("GET", "/topics/Orders/order", "", 404, nil); why != "topic Orders has no order configuration" {
		t.Error(why)
	}
	do("PUT", "/topics/Orders/order", `{"brokers":[{"broker":"broker-u","queues":4},{"broker":"b.2","queues":8}]}`, 200, &order)
	want := operate.Order{Topic: "Orders", Value: "broker-u:4;b.2:8", Brokers: []operate.OrderQueues{{Broker: "broker-u", Queues: 4}, {Broker: "b.2", Queues: 8}}}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	elsewhere("GET", "/topics/Orders/order", "", 200, &order)
	if r := first.dial(t).call(protocol.ReqGetKVConfig, "", "namespace", protocol.NamespaceOrderTopic, "key", "Orders"); r.Fields.String("value") != want.Value {
		t.Errorf("the NameServer keeps %q", r.Fields.String("value"))
	}
	if why := do("PUT", "/topics/Orders/order", `{"brokers":[{"broker":"a","queues":4},{"broker":"a","queues":8}]}`, 409, nil); !strings.Contains(why, "brokers[1] is a, as one before it") {
		t.Error(why)
	}
	do("PUT", "/topics/Orders/order", `{"brokers":[{"broker":"a:1;b","queues":4}]}`, 400, nil)
	do("DELETE", "/topics/Orders/order", "", 200, &order)
	do("DELETE", "/topics/Orders/order", "", 404, nil)
}

// TestAPISend sends messages as somebody does who tries a topic out, and finds them.
func TestAPISend(t *testing.T) {
	s := start(t)
	do := s.asking(t)
	const path = "/topics/Orders/messages"
	if why := do("POST", path, `{"body":"x"}`, 404, nil); !strings.Contains(why, "Orders") {
		t.Error(why)
	}
	do("GET", "/topics/Orders", "", 404, nil) // the message that was refused made no topic
	do("PUT", "/topics/Orders", `{"readQueues":4,"writeQueues":4}`, 200, nil)
	var sent operate.Sent
	do("POST", path, `{"body":"hello","tag":"created","keys":["order-17","eu"],"properties":{"region":"eu"},"queue":{"broker":"broker-t","queue":2}}`, 200, &sent)
	if sent.Topic != "Orders" || sent.Broker != "broker-t" || sent.Queue != 2 || sent.Offset != 0 || sent.Status != "SEND_OK" || sent.ID == "" {
		t.Errorf("%+v", sent)
	}
	var found v1.Message
	do("GET", "/messages/"+sent.OffsetID, "", 200, &found)
	if *found.Body != "hello" || found.Tag != "created" || !slices.Equal(found.Keys, []string{"order-17", "eu"}) || found.Properties["region"] != "eu" || found.ID != sent.ID {
		t.Errorf("%+v", found)
	}
	do("POST", path, `{"bodyBase64":"AP8=","orderKey":"customer-4"}`, 200, &sent)
	queue := sent.Queue
	if do("POST", path, `{"body":"x","orderKey":"customer-4"}`, 200, &sent); sent.Queue != queue || sent.Offset == 0 {
		t.Errorf("%+v, want queue %d", sent, queue)
	}
	if do("POST", path, `{"body":"later","delaySeconds":3600}`, 200, &sent); sent.Recall == "" {
		t.Errorf("%+v", sent)
	}
	var timers v1.Timers
	if do("GET", "/timers?topic=Orders", "", 200, &timers); len(timers.Timers) != 1 {
		t.Errorf("%+v", timers)
	}
	refused := func(body string, status int, why string) {
		t.Helper()
		if got := do("POST", path, body, status, nil); !strings.Contains(got, why) {
			t.Errorf("%s: %q, want %q", body, got, why)
		}
	}
	refused(`{}`, 400, "either body or bodyBase64")
	refused(`{"body":"x","bodyBase64":"AP8="}`, 400, "either body or bodyBase64")
	refused(`{"bodyBase64":"A!8="}`, 400, "bodyBase64 is")
	refused(`{"body":"x","orderKey":"k","queue":{"broker":"b","queue":0}}`, 400, "either orderKey or queue")
	refused(`{"body":"x","properties":{"UNIQ_KEY":"mine"}}`, 409, "UNIQ_KEY")
	refused(`{"body":"x","queue":{"broker":"broker-t","queue":9}}`, 404, "no route")
	var clients v1.Clients
	if do("GET", "/connections/clients", "", 200, &clients); len(clients.Clients) != 0 {
		t.Errorf("who sent for a test is still there: %+v", clients)
	}
}

// TestAPIWatch asks for what passed, who produces, and what a member of a group says of itself, and has it handle a message again.
func TestAPIWatch(t *testing.T) {
	s := start(t)
	do := s.asking(t)
	do("PUT", "/topics/Orders", `{"readQueues":1,"writeQueues":1}`, 200, nil)
	c, err := client.New(client.Config{NameServers: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	handled := make(chan string, 10)
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				handled <- string(d.Body)
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	p, err := c.NewProducer(client.ProducerConfig{Group: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := p.Send(t.Context(), &client.Message{Topic: "Orders", Body: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	next := func() string {
		t.Helper()
		select {
		case body := <-handled:
			return body
		case <-time.After(time.Minute):
			t.Fatal("no message came")
			return ""
		}
	}
	if got := next(); got != "hello" {
		t.Errorf("handled %q", got)
	}

	var group v1.Group
	do("GET", "/groups/billing", "", 200, &group)
	if len(group.Clients) != 1 {
		t.Fatalf("%+v", group)
	}
	id := group.Clients[0].ClientID
	var said struct {
		Properties map[string]string `json:"properties"`
		Stack      string            `json:"jstack"`
	}
	if do("GET", "/groups/billing/clients/"+url.PathEscape(id), "", 200, &said); said.Properties["consumerGroup"] != "billing" || said.Stack != "" {
		t.Errorf("%+v", said)
	}
	if do("GET", "/groups/billing/clients/"+url.PathEscape(id)+"?stack=true", "", 200, &said); !strings.Contains(said.Stack, "goroutine") {
		t.Errorf("the stack is %.100q", said.Stack)
	}
	if why := do("GET", "/groups/billing/clients/nobody", "", 404, nil); !strings.Contains(why, "group billing has no member nobody") {
		t.Error(why)
	}

	var tried operate.Tried
	do("POST", "/groups/billing/try", `{"topic":"Orders","id":"`+sent.ID+`","clientId":"`+id+`"}`, 200, &tried)
	if got := next(); got != "hello" || tried.Result != "CR_SUCCESS" {
		t.Errorf("handled %q: %+v", got, tried)
	}
	do("POST", "/groups/billing/try", `{"topic":"Orders","id":"nothing","clientId":"`+id+`"}`, 404, nil)
	if why := do("POST", "/groups/billing/try", `{"topic":"Orders","id":"`+sent.ID+`","clientId":"nobody"}`, 409, nil); !strings.Contains(why, "not online") {
		t.Error(why)
	}

	var producers operate.Producers
	for len(producers.Producers) == 0 && t.Context().Err() == nil { // a client tells brokers of a new producer soon, not at once
		do("GET", "/producers?group=shop", "", 200, &producers)
	}
	if len(producers.Producers) != 1 || producers.Producers[0].ClientID != id || producers.Producers[0].Broker != "broker-t" || !strings.HasPrefix(producers.Producers[0].Address, "127.0.0.1") || producers.Producers[0].LastSeen == nil {
		t.Errorf("%+v", producers)
	}
	if do("GET", "/producers?match=nothing-like-it", "", 200, &producers); len(producers.Producers) != 0 {
		t.Errorf("%+v", producers)
	}
	var stats operate.Statistics
	do("GET", "/topics/Orders/statistics?group=billing", "", 200, &stats)
	var names []string
	for _, one := range stats.Statistics {
		names = append(names, one.Broker+" "+one.Name)
	}
	if want := []string{"broker-t TOPIC_PUT_NUMS", "broker-t TOPIC_PUT_SIZE", "broker-t GROUP_GET_NUMS", "broker-t GROUP_GET_SIZE", "broker-t SNDBCK_PUT_NUMS"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	do("GET", "/topics/Nothing/statistics", "", 404, nil)
}

// TestAPIRefusals: what clients were told is there with how often, and acts are found by what they hold.
func TestAPIRefusals(t *testing.T) {
	s := start(t, "autoCreateTopicEnable", "false")
	do := s.asking(t)
	p, remark := s.dial(t), ""
	for range 3 {
		remark = p.send("Nowhere", "x").Remark
	}
	p.send("Elsewhere", "x")
	var told rights.Refusals
	do("GET", "/refusals", "", 200, &told)
	if len(told.Refusals) != 2 {
		t.Fatalf("%+v", told)
	}
	if r := told.Refusals[0]; r.Remark != remark || r.Times != 3 || r.Code != "17" || !strings.HasPrefix(r.Peer, "127.0.0.1:") || r.Last.Before(r.First) || r.First.IsZero() {
		t.Errorf("%+v, want %q", r, remark)
	}
	do("GET", "/refusals?limit=1", "", 200, &told)
	if len(told.Refusals) != 1 || !strings.Contains(told.Refusals[0].Remark, "Elsewhere") {
		t.Errorf("%+v", told)
	}
	do("GET", "/refusals?match=nowhere", "", 200, &told)
	if len(told.Refusals) != 1 || told.Refusals[0].Remark != remark {
		t.Errorf("%+v", told)
	}
	do("PUT", "/topics/Orders", `{}`, 200, nil)
	do("DELETE", "/topics/Orders", "", 200, nil)
	do("DELETE", "/topics/Orders", "", 404, nil)
	outcomes := func(query, want string) {
		t.Helper()
		var page audit.Page
		do("GET", "/audit?"+query, "", 200, &page)
		var got []string
		for _, r := range page.Records {
			got = append(got, r.What+" "+r.Outcome)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	outcomes("match=orders", "PUT /api/v1/topics/Orders done; DELETE /api/v1/topics/Orders done; DELETE /api/v1/topics/Orders failed")
	outcomes("match=orders&limit=1", "DELETE /api/v1/topics/Orders failed")
	outcomes("match=delete&outcome=done", "DELETE /api/v1/topics/Orders done")
}
