package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client"
)

// TestDeadLetters has a group fail messages for good, and sends them to it again.
func TestDeadLetters(t *testing.T) {
	s := session{startNode(t)}
	f := func(command, want string) {
		t.Helper()
		if got := s.run(t, command); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	f("aerobee dlq list", "No group has dead letters\n")
	f("aerobee dlq list billing", "Group billing has no dead letters\n")
	f("aerobee dlq resend billing --all", "no dead letter of group billing")
	f("aerobee dlq resend billing", "name the letters, or give --all for all of the group")
	s.run(t, "aerobee topic create Orders --queues 1")
	s.run(t, "aerobee group create billing --max-retries 0")
	s.run(t, "aerobee send Orders poison --key k7 --tag paid")
	s.run(t, "aerobee send Orders venom")
	got := make(chan *client.Delivery, 100)
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "billing", Subscriptions: []client.Subscription{{Topic: "Orders"}}, From: client.FromFirst, MaxReconsumeTimes: -1,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				got <- d
			}
			return errors.New("not today")
		}}); err != nil {
		t.Fatal(err)
	}
	<-got
	<-got
	letters := awaitLetters(t, s, 2)
	var poison v1.DeadLetter
	for _, l := range letters {
		if l.Keys == "k7" {
			poison = l
		}
	}
	if poison.Topic != "Orders" || poison.Reconsumed != 1 || poison.Tag != "paid" || poison.Bytes != 6 || poison.Body != nil {
		t.Errorf("%+v", poison)
	}
	f("aerobee dlq list", "\nbilling        2  ")
	f("aerobee dlq show billing "+poison.ID, "sent to Orders, came back 1 time, died ")
	f("aerobee dlq show billing "+poison.ID, "\n  TAGS=paid\n")
	f("aerobee dlq show billing "+poison.ID, "\npoison\n")
	f("aerobee dlq show other "+poison.ID, "is in topic %DLQ%billing")
	f("aerobee dlq show billing xyz", "no dead letter of group billing")
	f("aerobee dlq resend billing "+poison.ID, "sent 1 dead letter to group billing again\n")
	again := <-got
	if again.Topic != "Orders" || string(again.Body) != "poison" || again.Tag != "paid" || again.ReconsumeTimes != 0 {
		t.Errorf("again: topic %s, body %s, tag %s, failed %d times", again.Topic, again.Body, again.Tag, again.ReconsumeTimes)
	}
	awaitLetters(t, s, 3) // it has failed again
	f("aerobee dlq resend billing --all --json", `{"group":"billing","ids":["`)
	for range 3 {
		if d := <-got; d.Topic != "Orders" {
			t.Errorf("again: topic %s", d.Topic)
		}
	}
}

// awaitLetters waits until the group billing has so many dead letters.
func awaitLetters(t *testing.T, s session, count int) []v1.DeadLetter {
	t.Helper()
	for t.Context().Err() == nil {
		var v v1.DeadLetters
		text := s.run(t, "aerobee dlq list billing --json")
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if len(v.Letters) >= count {
			return v.Letters
		}
	}
	return nil
}
