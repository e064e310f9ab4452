package cli

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// TestDoctorGroup has two members of a group subscribe to different tags of a topic.
func TestDoctorGroup(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 2")
	s.run(t, "aerobee group create billing")
	if got, want := s.run(t, "aerobee doctor group billing"), "Group billing: 0 members, lag 0\nnote nobody-online: nobody consumes; 0 messages wait\n  why: "; !strings.HasPrefix(got, want) {
		t.Errorf("%q", got)
	}
	join := func(instance, group, tags string, broadcast bool) {
		c, err := client.New(client.Config{NameServers: []string{s.namesrv}, InstanceName: instance})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: group, Broadcast: broadcast, OffsetDir: t.TempDir(), Subscriptions: []client.Subscription{{Topic: "Orders", Expression: tags}},
			Handler: func(context.Context, []*client.Delivery) error { return nil }}); err != nil {
			t.Fatal(err)
		}
	}
	join("one", "billing", "paid || gift", false)
	join("two", "billing", "paid", false)
	join("three", "mixed", "*", false)
	join("four", "mixed", "*", true)
	if got := s.run(t, "aerobee doctor group mixed"); !strings.Contains(got, "PROBLEM subscriptions-differ: message model: ") || !strings.Contains(got, ": BROADCASTING") {
		t.Errorf("%s", got)
	}
	var v doctorView
	text, told, _ := strings.Cut(s.run(t, "aerobee doctor group billing --json"), "\n")
	if told != "aerobee: group billing: 1 problem\n[exit 1]\n" {
		t.Errorf("%q", told)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(v.Findings) == 0 || v.Findings[0].Rule != "subscriptions-differ" || !v.Findings[0].Problem || !strings.Contains(v.Findings[0].Says, "TAG gift || paid") {
		t.Errorf("%s", text)
	}
	if got := s.run(t, "aerobee doctor group billing"); !strings.Contains(got, "PROBLEM subscriptions-differ: topic Orders: ") {
		t.Errorf("%s", got)
	}
	if got := s.run(t, "aerobee doctor group nobody"); !strings.Contains(got, "there is no group nobody") {
		t.Errorf("%s", got)
	}
}

// TestDoctorNamesTheLockHolder has a client hold the lock of a queue that a member of an orderly group is to consume.
func TestDoctorNamesTheLockHolder(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 1")
	s.run(t, "aerobee group create billing --orderly")
	s.run(t, "aerobee send Orders one")
	conn, err := remoting.Dial(t.Context(), s.namesrv, remoting.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); conn.Wait() })
	body := protocol.MarshalBody(protocol.LockBatchRequest{ConsumerGroup: "billing", ClientID: "ghost@1", Queues: []protocol.MessageQueue{{BrokerName: "broker-a", Topic: "Orders"}}})
	got, err := conn.Invoke(t.Context(), &protocol.Frame{Code: protocol.ReqLockBatchMQ, Body: body})
	if err != nil || !strings.Contains(string(got.Body), "Orders") {
		t.Fatalf("%v, %v", got, err)
	}
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}, InstanceName: "waiting"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", Orderly: true, From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: "Orders"}},
		Handler: func(context.Context, []*client.Delivery) error { t.Error("it came without the lock"); return nil }}); err != nil {
		t.Fatal(err)
	}
	awaitDoctor(t, s, "billing", `PROBLEM locked-by-another: queue 0 of topic Orders on broker broker-a is locked by ghost@1, which renewed the lock \d+ s ago, and \S*waiting\S* has the queue: 1 messages wait; the lock ends in \d+ s\n  why: `)
}

// TestDoctorNamesWhatIsInFlight has a group pop messages and acknowledge some of them.
func TestDoctorNamesWhatIsInFlight(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 1")
	s.run(t, "aerobee group create billing")
	for _, body := range []string{"one", "two", "three"} {
		s.run(t, "aerobee send Orders "+body)
	}
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	p, err := c.NewSimpleConsumer(t.Context(), client.SimpleConfig{Group: "billing", Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst, Invisible: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var popped []*client.Delivery
	for len(popped) < 3 {
		more, err := p.Receive(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		popped = append(popped, more...)
	}
	awaitDoctor(t, s, "billing", `note in-flight: 3 messages of queue 0 of topic Orders on broker broker-a are popped and not acknowledged, 0 are about to come again; 3 wait\n  why: `)
	if err := p.Ack(t.Context(), popped[0]); err != nil {
		t.Fatal(err)
	}
	awaitDoctor(t, s, "billing", `note in-flight: 2 messages of queue 0 of topic Orders on broker broker-a are popped and not acknowledged, 0 are about to come again; 2 wait\n  why: `)
	if err := p.Ack(t.Context(), popped[1:]...); err != nil {
		t.Fatal(err)
	}
	if got := s.run(t, "aerobee doctor group billing"); strings.Contains(got, "in-flight") {
		t.Errorf("nothing is in flight: %s", got)
	}
}

// awaitDoctor asks until what the doctor says of a group matches.
func awaitDoctor(t *testing.T, s session, group, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		text := s.run(t, "aerobee doctor group "+group)
		if want.MatchString(text) {
			return
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%s\ndoes not match %s", text, pattern)
		}
	}
}

// TestDoctor finds nothing wrong with a new node, and exits with 1 where something is.
func TestDoctor(t *testing.T) {
	s := session{startNode(t)}
	if got, code := s.main(t, strings.NewReader(""), "doctor"); code != 0 || strings.Contains(got, "PROBLEM") || !strings.Contains(got, "note address-guessed: broker broker-a is known at ") {
		t.Errorf("%d: %s", code, got)
	}
	f := func(code int, want string, args ...string) {
		t.Helper()
		got, exit := s.main(t, strings.NewReader(""), args...)
		if exit != code || !strings.Contains(got, want) {
			t.Errorf("%v: exit code %d: %s; want %d and %q", args, exit, got, code, want)
		}
	}
	f(1, `"rule":"nameserver-unreachable","problem":true`, "doctor", "--json", "--namesrv", "127.0.0.1:1,"+s.namesrv)
	f(1, "aerobee: topic Ordres: 1 problem\n", "doctor", "topic", "Ordres")
	s.run(t, "aerobee topic create Orders --queues 2")
	f(1, "PROBLEM topic-missing: none of 1 brokers has topic Ordres; there is Orders\n  why: clients get no route for it; the first message would make it", "doctor", "topic", "Ordres")
	f(0, "nothing is wrong\n", "doctor", "topic", "Orders")
	f(0, `{"subject":"topic Orders","problems":0,"findings":[]}`, "doctor", "topic", "Orders", "--json")
}

// TestDoctorFilter has a group ask for a tag that no message has.
func TestDoctorFilter(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 1")
	s.run(t, "aerobee group create billing")
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	s.run(t, "aerobee send Orders one --tag paid")
	s.run(t, "aerobee send Orders two --tag paid")
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", Subscriptions: []client.Subscription{{Topic: "Orders", Expression: "gift"}}, From: client.FromFirst,
		CommitInterval: time.Hour, Handler: func(context.Context, []*client.Delivery) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	awaitDoctor(t, s, "billing", `messages in queue 0 of topic Orders on broker broker-a is wanted by TAG "gift"; their tags are: paid`)
}
