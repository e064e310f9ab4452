package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// consumeAsked is a consumer that others ask for things: it reports each message that it is handed, until STOP. A message that comes for the second time
// is one that it was asked to handle; it does then what the message says.
func consumeAsked(l *lab) error {
	var mu sync.Mutex
	times := map[string]int{} // by what a message says
	handle := func(_ context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		m, text := batch[0], string(batch[0].Body)
		l.driver.say(fmt.Sprintf("GOT queue %d offset %d %s", m.Queue.QueueId, m.QueueOffset, text))
		mu.Lock()
		defer mu.Unlock()
		times[text]++
		switch {
		case times[text] == 2 && text == "later":
			return consumer.ConsumeRetryLater, nil
		case times[text] == 2 && text == "broken":
			return consumer.ConsumeRetryLater, errors.New("broken, as it says")
		}
		return consumer.ConsumeSuccess, nil
	}
	c, err := rocketmq.NewPushConsumer(consumer.WithNameServer(l.nameSrv), consumer.WithInstance(l.instance()), consumer.WithGroupName(os.Getenv("INTEROP_GROUP")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumeMessageBatchMaxSize(1))
	if err != nil {
		return err
	}
	if err := c.Subscribe(os.Getenv("INTEROP_TOPIC"), consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}, handle); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	<-l.driver.stop
	return c.Shutdown()
}
