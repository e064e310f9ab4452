package cli

import (
	"context"
	"errors"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// invisible is how long a message may take to be printed and acknowledged.
const invisible = 30 * time.Second

// popping consumes with the group message by message: each is acknowledged when it is printed, and nobody owns a queue.
func (r *receiving) popping(ctx context.Context, c *client.Client) error {
	config := client.SimpleConfig{Group: r.group, From: client.FromFirst, Invisible: invisible,
		Subscriptions: []client.Subscription{{Topic: r.topic, Expression: r.tags + r.sql, SQL: r.sql != ""}}}
	if r.place.last {
		config.From = client.FromLast
	}
	if !r.follow {
		config.Wait = r.idle
	}
	s, err := c.NewSimpleConsumer(ctx, config)
	if err != nil && ctx.Err() != nil {
		return nil // a signal ends it as it should
	}
	if err != nil {
		return err
	}
	err = r.pops(ctx, s)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	if err == nil {
		err = r.sayNothing()
	}
	return errors.Join(err, s.Close(end))
}

func (r *receiving) pops(ctx context.Context, s *client.SimpleConsumer) error {
	for !r.enough() {
		most := 32
		if r.count > 0 {
			most = min(most, r.count-r.received)
		}
		ds, err := s.Receive(ctx, most)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case len(ds) == 0 && !r.follow:
			return nil
		}
		for _, d := range ds {
			if err := r.print(lineOfDelivery(d)); err != nil {
				return err
			}
			if err := s.Ack(context.WithoutCancel(ctx), d); err != nil {
				return err
			}
		}
	}
	return nil
}
