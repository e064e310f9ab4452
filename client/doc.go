// Package client sends messages to RocketMQ and takes them: producers, push consumers and pull consumers over one [Client]. It
// works with every broker that speaks RocketMQ's remoting protocol, Aerobee and Apache RocketMQ alike, and its members share
// groups with those of the Java client.
//
//	c, err := client.New(client.Config{NameServers: []string{"127.0.0.1:9876"}})
//	p, err := c.NewProducer(client.ProducerConfig{})
//	r, err := p.Send(ctx, &client.Message{Topic: "orders", Body: body})
//
// What there is:
//
//	[Producer]             Send, SendAsync, SendOneWay, SendBatch; DelayLevel, DeliverAt and Recall
//	[TransactionProducer]  messages that come only if a local transaction is committed; its Check answers brokers about what was left open
//	[PushConsumer]         a handler is called; free or ordered, shared or broadcast; RetryDelays, MaxReconsumeTimes, dead letters
//	[PullConsumer]         is asked for messages; queues shared by the group or assigned; Seek and Commit
//	[SimpleConsumer]       receives, acknowledges and keeps each message for a time of its own (pop consumption); Serve calls a handler
//	client/request         requests with a reply
//	admin                  what a consumer does not do to its own group: resets of offsets, topics, groups
//
// A Client owns the connections, one to each broker, and everything that runs in the background; nothing runs before something
// needs it. [Client.Close] ends it all in the right order and returns when no goroutine is left. There is no state outside of a
// Client, and nothing is logged unless [Config] has a logger.
//
// Calls that wait take a context and return when it ends. Errors can be asked with [errors.Is] for the sentinels of this package
// ([ErrTopicNotFound], [ErrBusy], …) and with [errors.As] for an [*Error], which has the broker's response code and remark.
//
// All methods of a Client, a [Producer] and the consumers are safe to call at once. A [Message] is read, never written, by the call
// that it is given to, until that call returns; of an asynchronous send until its callback runs.
package client
