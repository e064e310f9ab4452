package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/client"
)

// TestPlace places an order and looks whether it is told of.
func TestPlace(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := aerobeetest.Start(t)
			p, err := b.Client().NewProducer(client.ProducerConfig{})
			if err != nil {
				t.Fatal(err)
			}
			id, err := (&Shop{p}).Place(t.Context(), "a bell")
			if err != nil {
				t.Fatal(err)
			}
			seen := make(chan *client.Delivery, 1)
			_, err = b.Client().NewPushConsumer(t.Context(), client.PushConfig{
				Group: "readers", From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: Orders, Expression: "placed"}},
				Handler: func(_ context.Context, ds []*client.Delivery) error {
					seen <- ds[0].Clone()
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if d := <-seen; d.ID != id || string(d.Body) != "a bell" {
				t.Errorf("the order %s is told of as %s, %s", id, d.ID, d.Body)
			}
		})
	}
}

// TestPlaceWithoutABroker finds the broker gone.
func TestPlaceWithoutABroker(t *testing.T) {
	b := aerobeetest.Start(t)
	p, err := b.Client().NewProducer(client.ProducerConfig{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Shop{p}).Place(t.Context(), "a bell"); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("without a broker: %v", err)
	}
}
