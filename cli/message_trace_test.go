package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client"
)

// TestMessageTrace follows messages of which nobody has written a trace.
func TestMessageTrace(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 1")
	for _, group := range []string{"billing", "failing", "popping", "late"} {
		s.run(t, "aerobee group create "+group+" --max-retries 0")
	}
	s.run(t, "aerobee send Orders hello --key k1 --tag paid")
	id := messageWith(t, s, "k1").ID
	if got := s.run(t, "aerobee message trace "+id+" --topic Orders"); !strings.Contains(got, "  the index finds it by unique id, key k1\n  no group reads its topic\n") || !strings.Contains(got, " stored  ") {
		t.Errorf("%s", got)
	}
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	got := make(chan string, 10)
	consume := func(group, tags string, result error) *client.PushConsumer {
		p, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: group, Subscriptions: []client.Subscription{{Topic: "Orders", Expression: tags}}, From: client.FromFirst, MaxReconsumeTimes: -1,
			Handler: func(context.Context, []*client.Delivery) error {
				got <- group
				return result
			}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	billing := consume("billing", "paid", nil)
	<-got
	if err := billing.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	consume("failing", "*", errors.New("not today"))
	<-got
	popping, err := c.NewSimpleConsumer(t.Context(), client.SimpleConfig{Group: "popping", Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst, Invisible: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	popped, err := popping.Receive(t.Context(), 1)
	if err != nil || len(popped) != 1 {
		t.Fatalf("%d messages, %v", len(popped), err)
	}
	consume("late", "gift", nil)
	s.run(t, "aerobee send Orders more --tag paid")

	awaitState(t, s, id, "failing", "dead", "given up after 1 tries")
	awaitState(t, s, id, "billing", "acknowledged", "behind the message's 0")
	awaitState(t, s, id, "popping", "in-flight", "1 messages of the queue are in flight")
	if err := popping.Ack(t.Context(), popped...); err != nil {
		t.Fatal(err)
	}
	awaitState(t, s, id, "popping", "acknowledged", "the group pops the queue, and has acknowledged the message")
	v := awaitState(t, s, id, "late", "passed-over", `wants TAG "gift", and the message has tag "paid"`)
	if v.ID != id || v.Topic != "Orders" || v.Offset != 0 || v.Copies != 1 || !slices.Equal(v.Indexed, []string{"unique id", "key k1"}) || len(v.Missing) > 0 || v.StoredAt == nil {
		t.Errorf("%+v", v)
	}
	var what []string
	for _, e := range v.Events {
		what = append(what, e.What)
	}
	for _, want := range []string{"born", "stored", "pulled", "dead"} {
		if !slices.Contains(what, want) {
			t.Errorf("no event %s in %v", want, what)
		}
	}
	if got := s.run(t, "aerobee message trace xyz"); !strings.Contains(got, "xyz is no offset message id; if it is the unique id that a client printed, add --topic TOPIC") {
		t.Errorf("%s", got)
	}
	if got := s.run(t, "aerobee message trace xyz --topic Orders"); !strings.Contains(got, "nothing in topic Orders has the id xyz") {
		t.Errorf("%s", got)
	}
}

// TestMessageTraceRetried follows a message that one group sends back once, so that it comes again and is handled then, and another for two hours.
func TestMessageTraceRetried(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create Orders --queues 1")
	s.run(t, "aerobee send Orders hello --key k1")
	id := messageWith(t, s, "k1").ID
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	again, let := make(chan int, 10), make(chan struct{})
	release := sync.OnceFunc(func() { close(let) })
	t.Cleanup(release)
	consume := func(group string, level int) {
		s.run(t, "aerobee group create "+group)
		if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: group, Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst, CommitInterval: 100 * time.Millisecond,
			Handler: func(_ context.Context, d []*client.Delivery) error {
				if d[0].ReconsumeTimes == 0 {
					return &client.RetryError{Err: errors.New("not yet"), DelayLevel: level}
				}
				again <- d[0].ReconsumeTimes
				<-let
				return nil
			}}); err != nil {
			t.Fatal(err)
		}
	}
	consume("twice", 1)
	consume("later", 18)
	if times := <-again; times != 1 {
		t.Fatalf("it came again as number %d", times)
	}
	retried := func(v v1.Trace, group, says string) {
		t.Helper()
		if !slices.ContainsFunc(v.Events, func(e v1.TraceEvent) bool { return e.What == "retried" && e.Group == group && e.Says == says }) {
			t.Errorf("%s is not told in %+v", says, v)
		}
	}
	const came = "stored in %RETRY%twice at offset 0 for time 1"
	retried(awaitState(t, s, id, "twice", "retrying", "it has come back 1 times, the last time at offset 0 of %RETRY%twice"), "twice", came)
	retried(awaitState(t, s, id, "later", "retrying", "the group has sent it back 1 times, the last time for delay level 18: it waits for its time"), "later",
		"sent back for time 1, to come by %RETRY%later")
	release()
	retried(awaitState(t, s, id, "twice", "acknowledged", "it came back 1 times, and the group is at offset 1 of %RETRY%twice, behind its last copy at 0"), "twice", came)
	if got := s.run(t, "aerobee message trace "+id+" --topic Orders"); strings.Count(got, " retried ") != 2 {
		t.Errorf("%s", got)
	}
}

// messageWith is the message with a key.
func messageWith(t *testing.T, s session, key string) messageLine {
	t.Helper()
	var list []messageLine
	text := s.run(t, "aerobee message search Orders --key "+key+" --json")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	return list[0]
}

// awaitState asks until a message is in a state for a group.
func awaitState(t *testing.T, s session, id, group, state, says string) v1.Trace {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		var v v1.Trace
		text := s.run(t, "aerobee message trace "+id+" --topic Orders --json")
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		i := slices.IndexFunc(v.Groups, func(g v1.TraceGroup) bool { return g.Group == group })
		if i >= 0 && v.Groups[i].State == state && strings.Contains(v.Groups[i].Says, says) {
			return v
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("group %s is not %s: %s", group, state, text)
		}
	}
}
