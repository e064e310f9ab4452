// Command decoupling shows asynchronous decoupling: a shop takes orders while the notification service is down, and the
// notification service catches up when it comes. Neither knows the other.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

const topic = "orders"

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// run tells the story over a broker in this process, or over the cluster whose NameServer is given as argument.
func run(arguments []string) error {
	if len(arguments) > 0 {
		return tell(context.Background(), arguments[0], os.Stdout)
	}
	broker, err := aerobee.Start(aerobee.Config{Memory: true})
	if err != nil {
		return err
	}
	err = tell(context.Background(), broker.Addr(), os.Stdout)
	return errors.Join(err, broker.Close())
}

// tell runs the shop, and then the notification service beside it, over any RocketMQ cluster.
func tell(ctx context.Context, namesrv string, out io.Writer) error {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	err = shopAndNotifications(ctx, c, out)
	return errors.Join(err, c.Close(ctx)) // closes what was made from it, too
}

func shopAndNotifications(ctx context.Context, c *client.Client, out io.Writer) error {
	shop, err := c.NewProducer(client.ProducerConfig{Group: "shop"})
	if err != nil {
		return err
	}
	for order := 1001; order <= 1003; order++ {
		if err := accept(ctx, shop, order, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "3 orders accepted, and nobody has been notified yet")

	mails := make(chan struct{})
	var notified sync.Map // a message may come twice, when an answer was lost; a mail should not
	_, err = c.NewPushConsumer(ctx, client.PushConfig{
		Group:         "notifications",
		Subscriptions: []client.Subscription{{Topic: topic, Expression: "placed"}},
		From:          client.FromFirst,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				if _, twice := notified.LoadOrStore(d.Keys[0], true); twice {
					continue
				}
				fmt.Fprintln(out, "mail to the buyer of order", d.Keys[0])
				select {
				case mails <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err() // an error brings the messages again later
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the notification service is up")
	if err := accept(ctx, shop, 1004, out); err != nil {
		return err
	}
	for range 4 {
		select {
		case <-mails:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Fprintln(out, "4 buyers notified")
	return nil
}

// accept takes an order: it is accepted once the message is safe. What others make of it is not waited for.
func accept(ctx context.Context, shop *client.Producer, order int, out io.Writer) error {
	id := strconv.Itoa(order)
	if _, err := shop.Send(ctx, &client.Message{Topic: topic, Tag: "placed", Keys: []string{id}, Body: []byte("order " + id)}); err != nil {
		return fmt.Errorf("order %s is not accepted: %w", id, err)
	}
	fmt.Fprintln(out, "order", id, "accepted")
	return nil
}
