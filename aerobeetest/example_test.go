package aerobeetest_test

import (
	"context"
	"testing"

	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/client"
)

// greeting is a test that sends a message and receives it.
func greeting(t *testing.T) {
	t.Parallel()
	b := aerobeetest.Start(t)
	b.CreateTopic("greetings", 1)
	received := make(chan string, 1)
	_, err := b.Client().NewPushConsumer(t.Context(), client.PushConfig{
		Group:         "readers",
		Subscriptions: []client.Subscription{{Topic: "greetings"}},
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			received <- string(ds[0].Body)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Client().NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), &client.Message{Topic: "greetings", Body: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != "hello" {
		t.Errorf("received %q", got)
	}
}

// A test is given its t by `go test`: func TestGreeting(t *testing.T).
func ExampleStart() {
	t := new(testing.T)
	greeting(t)
}
