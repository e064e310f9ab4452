package request_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/request"
)

// A service that answers questions, and a program that asks one.
func Example() {
	ctx := context.Background()
	broker, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	names := []string{broker.Addr()}
	c, err := client.New(client.Config{NameServers: names})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	asks, err := request.New(request.Options{NameServers: names})
	if err != nil {
		log.Fatal(err)
	}
	defer asks.Close()
	// A first message makes the topic, where the broker is set to do so.
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Send(ctx, &client.Message{Topic: "greetings", Body: []byte("hello")}); err != nil {
		log.Fatal(err)
	}
	_, err = c.NewPushConsumer(ctx, client.PushConfig{
		Group:         "greeters",
		Subscriptions: []client.Subscription{{Topic: "greetings"}},
		From:          client.FromFirst,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				err := asks.Reply(ctx, d, &client.Message{Body: []byte("good day, " + string(d.Body))})
				if err != nil && !errors.Is(err, request.ErrNotAsked) {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	reply, err := asks.Request(ctx, &client.Message{Topic: "greetings", Body: []byte("Ada")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(reply.Body))
	// Output: good day, Ada
}
