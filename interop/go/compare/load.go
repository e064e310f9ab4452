package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
)

const (
	drainLimit = 240 * time.Second
	readyLimit = 60 * time.Second
	lastLimit  = 30 * time.Second
	probe      = 0 // instead of a time
)

// senders are goroutines that share one producer; each waits for the answer to what it sent. Settings: topic, threads, size, warm, seconds.
func senders(c *command) (map[string]float64, error) {
	threads, body, warm, measured := int(c.number("threads")), make([]byte, int(c.number("size"))), c.seconds("warm"), c.seconds("seconds")
	if err := c.ok(); err != nil {
		return nil, err
	}
	p, err := c.producer()
	if err != nil {
		return nil, err
	}
	defer p.GracefulStop()
	message := func() *rmq.Message { return &rmq.Message{Topic: c.settings["topic"], Body: body} }
	if _, err := p.Send(context.Background(), message()); err != nil { // the connection stands before all come
		return nil, err
	}
	s := &span{}
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			for !s.isOver() {
				began := time.Now()
				if _, err := p.Send(context.Background(), message()); err != nil {
					s.fail(err)
					continue
				}
				s.done(time.Since(began))
			}
		})
	}
	s.pass(warm, measured)
	all.Wait()
	return s.numbers()
}

// drain has a push consumer work off what a topic holds, from the first message that it gets to the count-th. Settings: topic, group, count.
func drain(c *command) (map[string]float64, error) {
	count := int64(c.number("count"))
	if err := c.ok(); err != nil {
		return nil, err
	}
	s := &span{}
	ended := make(chan struct{})
	var received atomic.Int64
	consumer, err := c.consumer(func(*rmq.MessageView) {
		n := received.Add(1)
		if n == 1 {
			s.begin()
		}
		if n == count {
			s.end()
			close(ended)
		}
	})
	if err != nil {
		return nil, err
	}
	defer func() { go consumer.GracefulStop() }() // it waits for its polls
	select {
	case <-ended:
	case <-time.After(drainLimit):
		return nil, fmt.Errorf("received %d of %d messages in %v", received.Load(), count, drainLimit)
	}
	s.count(int(count))
	return s.numbers()
}

// ends is what an end to end load counts.
type ends struct {
	span
	base                             time.Time
	from                             atomic.Int64 // nanoseconds behind base of the first message that counts, 0 before
	ready                            chan struct{}
	once                             sync.Once
	acknowledged, answered, received atomic.Int64
}

// endToEnd sends at a rate without waiting, and receives in the same process. Latency counts from the time at which a message was meant to leave, which
// its first eight bytes hold, in nanoseconds. Settings: topic, group, rate, size, warm, seconds.
func endToEnd(c *command) (map[string]float64, error) {
	rate, size, warm, measured := c.number("rate"), int(c.number("size")), c.seconds("warm"), c.seconds("seconds")
	if err := c.ok(); err != nil {
		return nil, err
	}
	p, err := c.producer()
	if err != nil {
		return nil, err
	}
	defer p.GracefulStop()
	e := &ends{base: time.Now(), ready: make(chan struct{})}
	consumer, err := c.consumer(e.receive)
	if err != nil {
		return nil, err
	}
	defer func() { go consumer.GracefulStop() }()
	if _, err := p.Send(context.Background(), &rmq.Message{Topic: c.settings["topic"], Body: make([]byte, 8)}); err != nil {
		return nil, err
	}
	select {
	case <-e.ready:
	case <-time.After(readyLimit):
		return nil, fmt.Errorf("the first message has not come in %v", readyLimit)
	}
	e.send(p, c.settings["topic"], rate, size, warm, measured)
	numbers, err := e.numbers()
	if err == nil {
		numbers["lost"] = float64(max(0, e.acknowledged.Load()-e.received.Load()))
	}
	return numbers, err
}

func (e *ends) receive(m *rmq.MessageView) {
	intended := int64(binary.BigEndian.Uint64(m.GetBody()))
	if intended == probe {
		e.once.Do(func() { close(e.ready) })
		return
	}
	e.received.Add(1)
	if from := e.from.Load(); from > 0 && intended >= from {
		e.late(time.Since(e.base) - time.Duration(intended))
	}
}

func (e *ends) send(p rmq.Producer, topic string, rate float64, size int, warm, measured time.Duration) {
	first, total := int(warm.Seconds()*rate), int((warm+measured).Seconds()*rate)
	begin := time.Since(e.base)
	for i := range total {
		intended := begin + time.Duration(float64(i)/rate*float64(time.Second))
		time.Sleep(intended - time.Since(e.base))
		if i == first {
			e.from.Store(int64(intended))
			e.begin()
		}
		body := make([]byte, max(size, 8))
		binary.BigEndian.PutUint64(body, uint64(intended))
		p.SendAsync(context.Background(), &rmq.Message{Topic: topic, Body: body}, func(_ context.Context, _ []*rmq.SendReceipt, err error) {
			if err == nil {
				e.acknowledged.Add(1)
			} else {
				e.fail(err)
			}
			e.answered.Add(1)
		})
	}
	e.end()
	for waited := time.Now(); (e.answered.Load() < int64(total) || e.received.Load() < e.acknowledged.Load()) && time.Since(waited) < lastLimit; {
		time.Sleep(50 * time.Millisecond)
	}
}
