package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// A consumer that has messages handled as they come.
func ExampleClient_NewPushConsumer() {
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
	if _, err := p.Send(ctx, &client.Message{Topic: "orders", Tag: "paid", Body: []byte("order 7")}); err != nil {
		log.Fatal(err)
	}

	handled := make(chan struct{})
	consumer, err := c.NewPushConsumer(ctx, client.PushConfig{
		Group:         "shipping",
		Subscriptions: []client.Subscription{{Topic: "orders", Expression: "paid || gift"}},
		From:          client.FromFirst,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				fmt.Printf("%s is %s\n", d.Body, d.Tag)
			}
			close(handled)
			return nil // an error has the messages come again later
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-handled
	if err := consumer.Close(ctx); err != nil { // waits for handlers and tells how far they have come
		log.Fatal(err)
	}
	// Output: order 7 is paid
}

// A consumer that is asked for messages.
func ExampleClient_NewPullConsumer() {
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
	if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte("order 7")}); err != nil {
		log.Fatal(err)
	}

	consumer, err := c.NewPullConsumer(ctx, client.PullConfig{Group: "audit", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst})
	if err != nil {
		log.Fatal(err)
	}
	ds, err := consumer.Poll(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range ds {
		fmt.Printf("%s\n", d.Body)
	}
	if err := consumer.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: order 7
}
