// Command shop is a program of somebody else's: it runs with a broker of its own inside, and its tests run against one.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// Orders is where placed orders are told of.
const Orders = "orders"

// Shop takes orders.
type Shop struct{ producer *client.Producer }

// Place tells the world of an order and returns its number.
func (s *Shop) Place(ctx context.Context, article string) (string, error) {
	r, err := s.producer.Send(ctx, &client.Message{Topic: Orders, Tag: "placed", Body: []byte(article)})
	if err != nil {
		return "", fmt.Errorf("place an order for %s: %w", article, err)
	}
	return r.ID, nil
}

func main() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	// Twice, on one directory: the second broker has what the first one took.
	for range 2 {
		if err := run(context.Background(), dir); err != nil {
			log.Fatal(err)
		}
	}
}

func run(ctx context.Context, dir string) error {
	broker, err := aerobee.Start(aerobee.Config{Data: dir, Listen: []string{"127.0.0.1:0"}, Settings: map[string]string{"mappedFileSizeCommitLog": "16m"}})
	if err != nil {
		return err
	}
	defer broker.Close()
	c, err := client.New(client.Config{NameServers: []string{broker.Addr()}})
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	p, err := c.NewProducer(client.ProducerConfig{Group: "shop", DefaultTopicQueues: 1})
	if err != nil {
		return err
	}
	r, err := p.Send(ctx, &client.Message{Topic: Orders, Body: []byte("a bell")})
	if err != nil {
		return err
	}
	fmt.Println("order", r.Offset, "is", r.Status)
	return nil
}
