package aerobee_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

// A broker in this process, and a message sent to it.
func Example() {
	s, err := aerobee.Start(aerobee.Config{Memory: true})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx := context.Background()
	c, err := client.New(client.Config{NameServers: []string{s.Addr()}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	r, err := p.Send(ctx, &client.Message{Topic: "greetings", Body: []byte("hello")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, "at offset", r.Offset)
	// Output: SEND_OK at offset 0
}

// A node that keeps its messages, on a port of one's own choice, with settings as a broker.conf has them.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := aerobee.Start(aerobee.Config{
		Data:   dir,
		Listen: []string{"127.0.0.1:0"},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Settings: map[string]string{
			"brokerName":              "broker-a",
			"mappedFileSizeCommitLog": "64m",
			"fileReservedTime":        "24", // hours
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.DataDir() == dir)
	// Output: true
}
