package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// A consumer that chooses messages by their properties.
func ExampleSubscription_sql() {
	ctx := context.Background()
	broker, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	c, err := client.New(client.Config{NameServers: []string{broker.Addr()}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for i, price := range []string{"3", "12", "40"} {
		m := client.Message{Topic: "orders", Properties: map[string]string{"price": price, "region": "eu"}, Body: fmt.Appendf(nil, "order %d", i)}
		if _, err := p.Send(ctx, &m); err != nil {
			log.Fatal(err)
		}
	}
	consumer, err := c.NewPullConsumer(ctx, client.PullConfig{
		Group:         "expensive",
		Subscriptions: []client.Subscription{{Topic: "orders", Expression: "price BETWEEN 10 AND 20 AND region IN ('eu', 'us')", SQL: true}},
		From:          client.FromFirst,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer consumer.Close(ctx)
	ds, err := consumer.Poll(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d message: %s for %s\n", len(ds), ds[0].Body, ds[0].Properties["price"])
	// Output: 1 message: order 1 for 12
}

func TestSQLThatCannotBeRead(t *testing.T) {
	c := newLab(t).client()
	defer closed(t, c)
	_, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "g", Handler: newSeen().handle,
		Subscriptions: []client.Subscription{{Topic: "t", Expression: "price > 'x'", SQL: true}}})
	if !errors.Is(err, client.ErrIllegal) || !strings.Contains(err.Error(), "line 1, column 7: only numbers have an order") {
		t.Error(err)
	}
}
