// Command peakshaving shows how a broker shaves a peak: 1,000 buyers of a flash sale press the button within a second. The
// broker takes all of them, and the stock database, which bears 4 at once, works them off at its own pace.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
)

const (
	buyers = 1000
	atOnce = 4
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

// stock is the slow part: it counts how many are in it at once.
type stock struct {
	mu                       sync.Mutex
	inside, mostInside, left int
	sold, told               int
}

func (s *stock) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside++
	s.mostInside = max(s.mostInside, s.inside)
}

// leave sells one if there is one left, and reports whether all buyers have been served.
func (s *stock) leave() (all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	if s.left > 0 {
		s.left--
		s.sold++
	} else {
		s.told++
	}
	return s.sold+s.told == buyers
}

// tell runs the sale over any RocketMQ cluster.
func tell(ctx context.Context, namesrv string, out io.Writer) error {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	sale := fmt.Sprintf("sale-%d", time.Now().UnixNano()) // a sale of its own, however often the example runs
	err = burst(ctx, c, sale, out)
	if err == nil {
		err = workOff(ctx, c, sale, out)
	}
	return errors.Join(err, c.Close(ctx))
}

// burst sends what the buyers want, all at once, and waits until the broker has all of it.
func burst(ctx context.Context, c *client.Client, sale string, out io.Writer) error {
	shop, err := c.NewProducer(client.ProducerConfig{Group: "shop", SendTimeout: 30 * time.Second}) // a buyer in such a crowd is patient
	if err != nil {
		return err
	}
	var accepted atomic.Int32
	var answers sync.WaitGroup
	for buyer := range buyers {
		answers.Add(1)
		err := shop.SendAsync(ctx, &client.Message{Topic: sale, Body: fmt.Appendf(nil, "buyer %d", buyer)}, func(_ client.SendResult, err error) {
			if err == nil {
				accepted.Add(1)
			}
			answers.Done()
		})
		if err != nil {
			return err
		}
	}
	answers.Wait()
	fmt.Fprintln(out, accepted.Load(), "buyers accepted, and the stock database has not been asked once")
	if n := accepted.Load(); n < buyers {
		return fmt.Errorf("%d buyers were turned away", buyers-n)
	}
	return nil
}

func workOff(ctx context.Context, c *client.Client, sale string, out io.Writer) error {
	s := &stock{left: 100}
	done := make(chan struct{})
	_, err := c.NewPushConsumer(ctx, client.PushConfig{
		Group:         sale,
		Subscriptions: []client.Subscription{{Topic: sale}},
		From:          client.FromFirst,
		Concurrency:   atOnce,
		Handler: func(context.Context, []*client.Delivery) error {
			s.enter()
			time.Sleep(2 * time.Millisecond) // the database at work
			if s.leave() {
				close(done)
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
		return ctx.Err()
	}
	fmt.Fprintln(out, "the stock database never had more than", s.mostInside, "at once")
	fmt.Fprintf(out, "%d sold, %d told that it is sold out\n", s.sold, s.told)
	return nil
}
