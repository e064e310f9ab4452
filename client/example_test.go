package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// exampleClient is a client of a broker in memory, which the returned function ends.
func exampleClient() (*client.Client, func()) {
	broker, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{NameServers: []string{broker.Addr()}})
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			log.Print(err)
		}
		_ = broker.Close()
	}
}

func ExampleProducer_Send() {
	c, end := exampleClient() // client.New(client.Config{NameServers: []string{"127.0.0.1:9876"}})
	defer end()
	p, err := c.NewProducer(client.ProducerConfig{Group: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := p.Send(ctx, &client.Message{Topic: "orders", Tag: "new", Keys: []string{"order-4711"}, Body: []byte("3 apples")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, r.Queue.Topic, r.Offset)
	// Output: SEND_OK orders 0
}

// Messages of one order keep their order, because they go to one queue.
func ExampleByKey() {
	c, end := exampleClient()
	defer end()
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for _, event := range []string{"created", "paid", "shipped"} {
		r, err := p.Send(context.Background(), &client.Message{Topic: "orders", Body: []byte(event)}, client.ByKey("order-4711"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event, "is number", r.Offset)
	}
	// Output:
	// created is number 0
	// paid is number 1
	// shipped is number 2
}

func ExampleProducer_SendAsync() {
	c, end := exampleClient()
	defer end()
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for range 3 {
		err := p.SendAsync(ctx, &client.Message{Topic: "clicks", Body: []byte("click")}, func(r client.SendResult, err error) {
			fmt.Println(r.Status, err)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	_ = p.Close(ctx) // waits for the callbacks
	// Output:
	// SEND_OK <nil>
	// SEND_OK <nil>
	// SEND_OK <nil>
}

func ExampleProducer_SendBatch() {
	c, end := exampleClient()
	defer end()
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	results, err := p.SendBatch(context.Background(), []*client.Message{
		{Topic: "readings", Body: []byte("21.5")},
		{Topic: "readings", Body: []byte("21.7")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Offset)
	}
	// Output:
	// 0
	// 1
}

// An interceptor counts, measures, or puts a trace context into the messages.
func ExampleInterceptor() {
	count := client.Interceptor{
		Send: func(_ context.Context, s *client.Sending) (context.Context, func(client.SendResult, error)) {
			began := time.Now()
			s.Messages[0].Properties["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
			return nil, func(r client.SendResult, err error) {
				fmt.Println("sent:", err == nil, time.Since(began) > 0)
			}
		},
	}
	broker, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	c, err := client.New(client.Config{NameServers: []string{broker.Addr()}, Interceptors: []client.Interceptor{count}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(context.Background())
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := p.Send(context.Background(), &client.Message{Topic: "orders", Body: []byte("3 apples")}); err != nil {
		log.Fatal(err)
	}
	// Output: sent: true true
}

// What went wrong can be asked by kind, or by the broker's own code and words.
func ExampleError() {
	c, end := exampleClient()
	defer end()
	p, err := c.NewProducer(client.ProducerConfig{NoAutoCreate: true})
	if err != nil {
		log.Fatal(err)
	}
	_, err = p.Send(context.Background(), &client.Message{Topic: "absent", Body: []byte("hello")})
	fmt.Println(errors.Is(err, client.ErrTopicNotFound))
	if refusal := (*client.Error)(nil); errors.As(err, &refusal) {
		fmt.Println(refusal.Code)
	}
	// Output:
	// true
	// 17
}
