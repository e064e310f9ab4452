package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/client"
)

// TestTransaction ends two transactions in their producer's place: the one's message is received then, the other's is not, and the record of acts has who
// did it, and why.
func TestTransaction(t *testing.T) {
	s := session{startNode(t)}
	has := func(command string, wants ...string) {
		t.Helper()
		got := s.run(t, command)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", command, want, got)
			}
		}
	}
	has("aerobee transaction list", "0 of 0 half messages")
	s.run(t, "aerobee topic create Deals --queues 1")
	c, err := client.New(client.Config{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context()) //nolint:errcheck // what was sent is acknowledged
	unknown := func(context.Context, *client.Delivery) client.TransactionState { return client.TransactionUnknown }
	p, err := c.NewTransactionProducer(t.Context(), client.TransactionConfig{ProducerConfig: client.ProducerConfig{Group: "traders"}, Check: unknown, Immunity: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"kept", "dropped"} {
		if _, err := p.Begin(t.Context(), &client.Message{Topic: "Deals", Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	has("aerobee transaction list", "HANDLE", "Deals", "traders", "2 of 2 half messages")
	has("aerobee transaction list --limit 1", "1 of 2 half messages")
	var all v1.Transactions
	if err := json.Unmarshal([]byte(s.run(t, "aerobee transaction list --json")), &all); err != nil || len(all.Transactions) != 2 {
		t.Fatalf("%v, %+v", err, all)
	}
	kept, dropped := all.Transactions[0].Handle, all.Transactions[1].Handle
	has(fmt.Sprint("aerobee transaction commit ", kept), "--why is missing", "[exit 2]")
	has("aerobee transaction commit soon --why paid", "is no handle", "[exit 2]")
	has(fmt.Sprintf("aerobee transaction commit %d --why paid", kept), fmt.Sprintf("commit of %d is on disk", kept))
	has(fmt.Sprintf("aerobee transaction rollback %d --why cancelled", dropped), fmt.Sprintf("rollback of %d is on disk", dropped))
	has(fmt.Sprintf("aerobee transaction commit %d --why again", kept), "[exit 1]")
	has("aerobee transaction list", "0 of 0 half messages")
	if got := s.run(t, "aerobee receive Deals --body"); got != "kept\n" {
		t.Errorf("received is %q", got)
	}
	var acts []audit.Record
	if err := json.Unmarshal([]byte(s.run(t, "aerobee cluster audit --json")), &acts); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(acts) // what was read can be written
	for _, want := range []string{"paid", "cancelled", "again"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not among %s", want, text)
		}
	}
}
