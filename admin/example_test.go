package admin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
)

// A topic is made on the only cluster there is, and looked at.
func ExampleAdmin_PutTopic() {
	ctx := context.Background()
	broker, err := aerobee.Start(aerobee.Config{Memory: true})
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()
	a, err := admin.New(admin.Options{NameServers: []string{broker.Addr()}})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	config := protocol.TopicConfig{TopicName: "orders", ReadQueueNums: 8, WriteQueueNums: 8, Perm: protocol.PermRead | protocol.PermWrite}
	if _, err := a.PutTopic(ctx, admin.Target{}, config); err != nil {
		log.Fatal(err)
	}
	topic, err := a.Topic(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(topic.Name, len(topic.Queues), "queues")
	// Output: orders 8 queues
}
