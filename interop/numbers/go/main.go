// Command numbers puts rocketmq-client-go under the load that all compared clients get, and prints what it cost as one
// line of JSON. See ../README.md for its arguments.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	rlog.SetLogLevel("error")
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 7 && args[0] == "send":
		err = send(args[1], args[2], number(args[3]), number(args[4]), seconds(args[5]), seconds(args[6]))
	case len(args) == 6 && args[0] == "consume":
		err = consume(args[1], args[2], args[3], int64(number(args[4])), int64(number(args[5])))
	default:
		err = fmt.Errorf("want send or consume with their arguments, got %q", args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0) // not every goroutine of the client ends with Shutdown
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

func seconds(text string) time.Duration { return time.Duration(number(text)) * time.Second }

// mark is a moment of the run.
type mark struct {
	messages int64
	at       time.Time
	cpu      time.Duration
}

func markAt(messages int64) mark {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return mark{messages, time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

func report(from, to mark) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"messages": float64(to.messages - from.messages),
		"seconds": to.at.Sub(from.at).Seconds(), "cpuSeconds": (to.cpu - from.cpu).Seconds()})
}

func send(namesrv, topic string, threads, size int, warm, measured time.Duration) error {
	p, err := rocketmq.NewProducer(producer.WithNameServer([]string{namesrv}), producer.WithGroupName("numbers-go"),
		producer.WithSendMsgTimeout(30*time.Second)) // a loaded machine must not fail the run
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = 'x'
	}
	var sent atomic.Int64
	var failure atomic.Pointer[error]
	var workers sync.WaitGroup
	stop := make(chan struct{})
	for range threads {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := p.SendSync(context.Background(), primitive.NewMessage(topic, body)); err != nil {
					failure.CompareAndSwap(nil, &err)
					return
				}
				sent.Add(1)
			}
		}()
	}
	time.Sleep(warm)
	from := markAt(sent.Load())
	time.Sleep(measured)
	to := markAt(sent.Load())
	close(stop)
	workers.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return report(from, to)
}

func consume(namesrv, topic, group string, warm, measured int64) error {
	var received atomic.Int64
	var from mark
	ended := make(chan mark, 1)
	c, err := rocketmq.NewPushConsumer(consumer.WithNameServer([]string{namesrv}), consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset))
	if err != nil {
		return err
	}
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, ms ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		switch n := received.Add(int64(len(ms))); n { // one at a time by default
		case warm:
			from = markAt(n)
		case warm + measured:
			ended <- markAt(n)
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	select {
	case to := <-ended:
		return report(from, to)
	case <-time.After(5 * time.Minute):
		return fmt.Errorf("received %d messages, want %d", received.Load(), warm+measured)
	}
}
