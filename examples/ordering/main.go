// Command ordering shows strictly ordered messages, in both ways: a ledger that everybody must see in one order (a topic with
// one queue), and orders whose steps must keep their order while different orders go side by side (many queues, chosen by
// order id).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

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

// tell shows both ways over any RocketMQ cluster.
func tell(ctx context.Context, namesrv string, out io.Writer) error {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	run := fmt.Sprint("-", time.Now().UnixNano()) // topics of its own, however often the example runs
	err = createTopics(ctx, namesrv, map[string]int32{"ledger" + run: 1, "order-steps" + run: 4})
	if err == nil {
		err = ledger(ctx, c, "ledger"+run, out)
	}
	if err == nil {
		err = orders(ctx, c, "order-steps"+run, out)
	}
	return errors.Join(err, c.Close(ctx))
}

// createTopics makes topics with so many queues. `aerobee topic create` does it, too.
func createTopics(ctx context.Context, namesrv string, queues map[string]int32) error {
	a, err := admin.New(admin.Options{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	for topic, n := range queues {
		_, putErr := a.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: topic, WriteQueueNums: n})
		err = errors.Join(err, putErr)
	}
	return errors.Join(err, a.Close())
}

// ledger sends numbered entries to the only queue, and reads them.
func ledger(ctx context.Context, c *client.Client, topic string, out io.Writer) error {
	const entries = 20
	bank, err := c.NewProducer(client.ProducerConfig{Group: "bank"})
	if err != nil {
		return err
	}
	for entry := 1; entry <= entries; entry++ {
		if _, err := bank.Send(ctx, &client.Message{Topic: topic, Body: fmt.Append(nil, entry)}); err != nil {
			return err
		}
	}
	var read []string
	err = consume(ctx, c, topic, entries, func(d *client.Delivery) { read = append(read, string(d.Body)) })
	fmt.Fprintln(out, "the ledger reads", strings.Join(read, " "))
	return err
}

// orders sends the steps of several orders side by side, those of one order to one queue, and reads them.
func orders(ctx context.Context, c *client.Client, topic string, out io.Writer) error {
	steps, orders := []string{"created", "paid", "packed", "shipped"}, 5
	shop, err := c.NewProducer(client.ProducerConfig{Group: "shop"})
	if err != nil {
		return err
	}
	for _, step := range steps {
		for order := 1; order <= orders; order++ {
			id := fmt.Sprint("order-", order)
			if _, err := shop.Send(ctx, &client.Message{Topic: topic, Keys: []string{id}, Body: []byte(step)}, client.ByKey(id)); err != nil {
				return err
			}
		}
	}
	seen := map[string][]string{}
	err = consume(ctx, c, topic, len(steps)*orders, func(d *client.Delivery) {
		seen[d.Keys[0]] = append(seen[d.Keys[0]], string(d.Body))
	})
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintln(out, id, "was", strings.Join(seen[id], ", "))
	}
	return err
}

// consume hands so many messages of the topic to read, each queue's in its order, one at a time.
func consume(ctx context.Context, c *client.Client, topic string, count int, read func(*client.Delivery)) error {
	var mu sync.Mutex // queues go side by side, and read is for one
	left, done := count, make(chan struct{})
	consumer, err := c.NewPushConsumer(ctx, client.PushConfig{
		Group:         topic + "-readers",
		Subscriptions: []client.Subscription{{Topic: topic}},
		From:          client.FromFirst,
		Orderly:       true, // one message of a queue at a time; one that fails holds up those behind it
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			for _, d := range ds {
				read(d)
				if left--; left == 0 {
					close(done)
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, consumer.Close(ctx))
}
