// Command cachesync shows cache synchronisation: every node of a web shop keeps all prices in memory. A change is sent once and
// reaches every node, because they subscribe by broadcast; a node that joins later reads the changes from the beginning.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// change is a new price.
type change struct{ article, price string }

// node is one node of the shop: its cache, and what has just been put into it. Its client is its own, as if it were another
// process.
type node struct {
	name   string
	client *client.Client
	puts   chan change
	prices map[string]string // owned by who reads puts
}

// join starts a node. Its place in the topic is its own business: in broadcast, it lies in a file in dir.
func join(ctx context.Context, namesrv, topic, name, dir string) (*node, error) {
	c, err := client.New(client.Config{NameServers: []string{namesrv}, InstanceName: name})
	if err != nil {
		return nil, err
	}
	n := &node{name: name, client: c, puts: make(chan change), prices: map[string]string{}}
	_, err = c.NewPushConsumer(ctx, client.PushConfig{
		Group:         "price-caches",
		Broadcast:     true,
		OffsetDir:     filepath.Join(dir, name),
		Subscriptions: []client.Subscription{{Topic: topic}},
		From:          client.FromFirst,
		Concurrency:   1, // changes one after the other
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				select {
				case n.puts <- change{d.Keys[0], string(d.Body)}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		},
	})
	if err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return n, nil
}

// show waits until the node's cache is as it should be, and tells what it knows.
func (n *node) show(ctx context.Context, want map[string]string, out io.Writer) error {
	for !maps.Equal(n.prices, want) {
		select {
		case c := <-n.puts:
			n.prices[c.article] = c.price
		case <-ctx.Done():
			return fmt.Errorf("%s knows %v only: %w", n.name, n.prices, ctx.Err())
		}
	}
	var known []string
	for _, article := range slices.Sorted(maps.Keys(n.prices)) {
		known = append(known, article+"="+n.prices[article])
	}
	fmt.Fprintln(out, n.name, "knows", strings.Join(known, ", "))
	return nil
}

// tell runs the price office and the nodes over any RocketMQ cluster.
func tell(ctx context.Context, namesrv string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "offsets")
	if err != nil {
		return err
	}
	topic := fmt.Sprint("prices-", time.Now().UnixNano()) // a topic of its own, however often the example runs
	var nodes []*node
	defer func() {
		for _, n := range nodes {
			err = errors.Join(err, n.client.Close(ctx))
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := createTopic(ctx, namesrv, topic); err != nil {
		return err
	}
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		n, err := join(ctx, namesrv, topic, name, dir)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	want := map[string]string{}
	changes := []change{{"apple", "3"}, {"pear", "4"}, {"apple", "5"}, {"plum", "2"}}
	if err := publish(ctx, namesrv, topic, changes, want, out); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := n.show(ctx, want, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "node-4 joins")
	late, err := join(ctx, namesrv, topic, "node-4", dir)
	if err != nil {
		return err
	}
	nodes = append(nodes, late)
	return late.show(ctx, want, out)
}

// publish sends each change once. want becomes what a cache should know then.
func publish(ctx context.Context, namesrv, topic string, changes []change, want map[string]string, out io.Writer) error {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	office, err := c.NewProducer(client.ProducerConfig{Group: "price-office"})
	for _, change := range changes {
		if err == nil {
			_, err = office.Send(ctx, &client.Message{Topic: topic, Keys: []string{change.article}, Body: []byte(change.price)})
			fmt.Fprintln(out, "the price of", change.article, "is now", change.price)
			want[change.article] = change.price
		}
	}
	return errors.Join(err, c.Close(ctx))
}

// createTopic makes a topic with one queue: all nodes see all changes in one order.
func createTopic(ctx context.Context, namesrv, topic string) error {
	a, err := admin.New(admin.Options{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	_, err = a.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: topic, WriteQueueNums: 1})
	return errors.Join(err, a.Close())
}
