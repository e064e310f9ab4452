// Package aerobeetest gives a test a RocketMQ broker and a client, in one line each:
//
//	b := aerobeetest.Start(t)
//	p, err := b.Client().NewProducer(client.ProducerConfig{})
//
// The broker is real, runs in memory inside the test's process and is there in a few milliseconds, so every test can have its
// own: no Docker, no JVM, no fixed ports. Everything ends with the test. What the broker has to say is shown if the test
// fails. Tests may run in parallel, and all methods of a [Broker] are safe to call at once.
package aerobeetest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

// timeout bounds what a broker is asked for, and how long a client may take to end.
const timeout = 10 * time.Second

// Broker is a running broker, and NameServer, of one test. Addr of the embedded server is the NameServer address for clients of
// any language.
type Broker struct {
	*aerobee.Server
	tb testing.TB

	mu     sync.Mutex
	client *client.Client // made when it is first asked for; guarded by mu
}

// Start starts a broker in memory on a free port of 127.0.0.1 and closes it when the test ends.
func Start(tb testing.TB) *Broker {
	tb.Helper()
	return StartConfig(tb, aerobee.Config{})
}

// StartConfig is [Start] with settings of your own: a store on disk with Data, anything else with Settings. Memory is implied
// by an empty Data, a free port of 127.0.0.1 by an empty Listen. A Logger gets the log in place of the test.
func StartConfig(tb testing.TB, c aerobee.Config) *Broker {
	tb.Helper()
	c.Memory = c.Data == ""
	if len(c.Listen) == 0 {
		c.Listen = []string{"127.0.0.1:0"}
	}
	var log *lines
	if c.Logger == nil {
		log = &lines{}
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	s, err := aerobee.Start(c)
	if err != nil {
		tb.Fatalf("start a broker: %v", err)
	}
	b := &Broker{Server: s, tb: tb}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close the broker: %v", err)
		}
		if log != nil && tb.Failed() {
			tb.Logf("the broker at %s said:\n%s", s.Addr(), log)
		}
	})
	return b
}

// Client is the broker's client, always the same one. It is closed, with all that was made from it, when the test ends.
func (b *Broker) Client() *client.Client {
	b.tb.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client == nil {
		b.client = b.NewClient(client.Config{})
	}
	return b.client
}

// NewClient makes one more client: another process, as far as the broker can tell. NameServers of c may be empty. It is
// closed when the test ends.
func (b *Broker) NewClient(c client.Config) *client.Client {
	b.tb.Helper()
	if len(c.NameServers) == 0 && c.Discovery == "" {
		c.NameServers = []string{b.Addr()}
	}
	made, err := client.New(c)
	if err != nil {
		b.tb.Fatalf("make a client: %v", err)
	}
	b.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := made.Close(ctx); err != nil {
			b.tb.Errorf("close a client: %v", err)
		}
	})
	return made
}

// CreateTopic makes a topic with so many queues, or gives it so many. Without it a topic comes to be with its first message.
func (b *Broker) CreateTopic(topic string, queues int) {
	b.tb.Helper()
	a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
	if err != nil {
		b.tb.Fatalf("create topic %s: %v", topic, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err = a.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: topic, ReadQueueNums: int32(queues), WriteQueueNums: int32(queues)})
	if closeErr := a.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		b.tb.Fatalf("create topic %s with %d queues: %v", topic, queues, err)
	}
}
