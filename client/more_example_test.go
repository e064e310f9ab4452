package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// inExample gives an example a broker in memory, a client and a producer.
func inExample(run func(ctx context.Context, c *client.Client, p *client.Producer)) {
	ctx := context.Background()
	broker, err := aerobee.Start(aerobee.Config{Memory: true})
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
	run(ctx, c, p)
}

// Messages of one key are handled strictly in the order in which they were sent, whichever member of the group has their queue.
func ExamplePushConfig_orderly() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		for _, step := range []string{"created", "paid", "shipped"} {
			if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte(step)}, client.ByKey("order 7")); err != nil {
				log.Fatal(err)
			}
		}
		steps := make(chan string)
		_, err := c.NewPushConsumer(ctx, client.PushConfig{
			Group: "shipping", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst, Orderly: true,
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				for _, d := range ds {
					steps <- string(d.Body)
				}
				return nil // with an error the queue waits, and the same messages come again
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(<-steps, <-steps, <-steps)
	})
	// Output: created paid shipped
}

// Every member gets every message, as caches that are kept in step want it.
func ExamplePushConfig_broadcast() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if _, err := p.Send(ctx, &client.Message{Topic: "prices", Body: []byte("tea costs 3")}); err != nil {
			log.Fatal(err)
		}
		dir, err := os.MkdirTemp("", "offsets")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		news := make(chan string)
		consumer, err := c.NewPushConsumer(ctx, client.PushConfig{
			Group: "caches", Subscriptions: []client.Subscription{{Topic: "prices"}}, From: client.FromFirst,
			Broadcast: true, OffsetDir: dir, // how far this host has come is kept here
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				news <- string(ds[0].Body)
				return nil
			},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(<-news)
		if err := consumer.Close(ctx); err != nil {
			log.Fatal(err)
		}
	})
	// Output: tea costs 3
}

// A handler says which messages failed and when they shall come again; DelayLevel -1 gives them up into %DLQ%group.
func ExampleRetryError() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if _, err := p.Send(ctx, &client.Message{Topic: "orders", Body: []byte("order 7")}); err != nil {
			log.Fatal(err)
		}
		tries := make(chan int)
		_, err := c.NewPushConsumer(ctx, client.PushConfig{
			Group: "billing", Subscriptions: []client.Subscription{{Topic: "orders"}}, From: client.FromFirst,
			Handler: func(_ context.Context, ds []*client.Delivery) error {
				tries <- ds[0].ReconsumeTimes
				if ds[0].ReconsumeTimes == 0 {
					return &client.RetryError{Err: errors.New("the bank is closed"), DelayLevel: 1} // after 1 s
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

// A pull consumer chooses its queues and goes where it wants in them. Its group learns nothing of it before Commit.
func ExamplePullConsumer_Seek() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		var last client.SendResult
		for i := range 3 {
			var err error
			m := &client.Message{Topic: "orders", Body: fmt.Appendf(nil, "order %d", i)}
			if last, err = p.Send(ctx, m, client.ByKey("one queue")); err != nil {
				log.Fatal(err)
			}
		}
		consumer, err := c.NewPullConsumer(ctx, client.PullConfig{Group: "audit", CommitInterval: -1})
		if err != nil {
			log.Fatal(err)
		}
		if err := consumer.Assign(ctx, last.Queue); err != nil {
			log.Fatal(err)
		}
		if err := consumer.Seek(last.Queue, last.Offset-1); err != nil {
			log.Fatal(err)
		}
		ds, err := consumer.Poll(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, d := range ds {
			fmt.Printf("%s\n", d.Body)
		}
	})
	// Output:
	// order 1
	// order 2
}

// A message can wait for a point in time, and be taken back until then.
func ExampleProducer_Recall() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		r, err := p.Send(ctx, &client.Message{Topic: "reminders", Body: []byte("pay"), DeliverAt: time.Now().Add(time.Hour)})
		if err != nil {
			log.Fatal(err)
		}
		if err := p.Recall(ctx, r.RecallHandle); err != nil {
			log.Fatal(err)
		}
		fmt.Println("the reminder is not needed any more")
	})
	// Output:
	// the reminder is not needed any more
}

// A one-way send is as cheap as can be, and nobody learns whether it came.
func ExampleProducer_SendOneWay() {
	inExample(func(ctx context.Context, c *client.Client, p *client.Producer) {
		if err := p.SendOneWay(ctx, &client.Message{Topic: "clicks", Body: []byte("button 3")}); err != nil {
			log.Fatal(err)
		}
	})
	// Output:
}
