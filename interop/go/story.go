package main

import (
	"context"
	"os"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// consumeStory is the consuming half of the main story: it reports each message it receives until STOP.
func consumeStory(l *lab) error {
	_, err := l.consumer(os.Getenv("INTEROP_TOPIC"), os.Getenv("INTEROP_GROUP"), "*",
		func(_ context.Context, m *primitive.MessageExt) consumer.ConsumeResult {
			l.driver.say("GOT " + string(m.Body))
			return consumer.ConsumeSuccess
		})
	if err != nil {
		return err
	}
	<-l.driver.stop
	l.close()
	return nil
}
