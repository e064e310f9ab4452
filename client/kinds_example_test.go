package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
)

// A message can wait for one of the broker's levels (1 is a second), or for a point in time.
func ExampleMessage_delays() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		begin := time.Now()
		for _, m := range []*client.Message{
			{Topic: "reminders", Body: []byte("at its time"), DeliverAt: begin.Add(300 * time.Millisecond)},
			{Topic: "reminders", Body: []byte("after level 1"), DelayLevel: 1},
			{Topic: "reminders", Body: []byte("at once")},
		} {
			if _, err := p.Send(ctx, m); err != nil {
				log.Fatal(err)
			}
		}
		got := make(chan string)
		_, err := c.NewPushConsumer(ctx, client.PushConfig{
			Group: "people", Subscriptions: []client.Subscription{{Topic: "reminders"}}, From: client.FromFirst,
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				got <- string(ds[0].Body)
				return nil
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		for range 3 {
			fmt.Println(<-got)
		}
		fmt.Println(time.Since(begin) >= time.Second)
	})
	// Output:
	// at once
	// at its time
	// after level 1
	// true
}

// A group's retry policy: a failed message comes again after a second, then every five, and is a dead letter after the second retry.
func ExamplePushConfig_retries() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte("order 7")}); err != nil {
			log.Fatal(err)
		}
		tries := make(chan int)
		_, err := c.NewPushConsumer(ctx, client.PushConfig{
			Group: "billing", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst,
			RetryDelays:       []time.Duration{time.Second, 5 * time.Second},
			MaxReconsumeTimes: 2,
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				tries <- ds[0].ReconsumeTimes
				if ds[0].ReconsumeTimes == 0 {
					return errors.New("the bank is closed")
				}
				return nil
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(<-tries, <-tries)
	})
	// Output: 0 1
}

// An administrator sends a group back to the beginning while its consumer runs, which goes on from there at once.
func ExamplePushConsumer_reset() {
	ctx := context.Background()
	broker, err := aerobee.Start(aerobee.Config{Memory: true})
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
	a, err := admin.New(admin.Options{NameServers: names})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte("order 7")}); err != nil {
		log.Fatal(err)
	}
	got := make(chan string)
	_, err = c.NewPushConsumer(ctx, client.PushConfig{
		Group: "reports", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			got <- string(ds[0].Body)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-got)
	// Timestamp 0 is the beginning, -1 the end, any other a time in milliseconds.
	if _, err := a.Reset(ctx, admin.Reset{Group: "reports", Topic: "orders", Timestamp: 0}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-got)
	// Output:
	// order 7
	// order 7
}
