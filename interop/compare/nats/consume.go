package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Patience is how long a consumer may receive nothing.
const patience = 15 * time.Second

// consume drains a backlog with an ordered consumer, the fastest that JetStream has: it acknowledges nothing.
func (l *load) consume(ctx context.Context) (out *result, err error) {
	err = l.withStream(ctx, func(js jetstream.JetStream) error {
		if err := l.fill(); err != nil {
			return err
		}
		l.began = time.Now()
		var received, first atomic.Int64
		done := make(chan time.Duration, 1)
		before, err := readCPU(l.serverPID)
		if err != nil {
			return err
		}
		stop, err := l.subscribe(ctx, js, func([]byte) {
			switch n := received.Add(1); n {
			case 1:
				first.Store(int64(l.now()))
			case l.count:
				done <- l.now()
			}
		})
		if err != nil {
			return err
		}
		defer stop()
		select {
		case last := <-done:
			after, err := readCPU(l.serverPID)
			out = &result{Messages: l.count, Seconds: (last - time.Duration(first.Load())).Seconds(), CPU: costOf(before, after, l.count)}
			out.Rate = float64(l.count) / out.Seconds
			return err
		case <-time.After(2 * time.Minute):
			return fmt.Errorf("%d of %d messages came", received.Load(), l.count)
		}
	})
	return out, err
}

// subscribe hands every message's body to the handler until stop is called.
func (l *load) subscribe(ctx context.Context, js jetstream.JetStream, handler func([]byte)) (stop func(), err error) {
	c, err := js.OrderedConsumer(ctx, l.stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	consuming, err := c.Consume(func(m jetstream.Msg) { handler(m.Data()) }, jetstream.PullMaxMessages(5000))
	if err != nil {
		return nil, err
	}
	return consuming.Stop, nil
}

// endToEnd publishes at a rate and measures from each message's intended time to the handler.
func (l *load) endToEnd(ctx context.Context) (out *result, err error) {
	l.window = 1000
	err = l.withStream(ctx, func(js jetstream.JetStream) error {
		p, err := l.publisher()
		if err != nil {
			return err
		}
		defer p.conn.Close()
		got := &publisher{load: l, recorder: newRecorder()}
		var received atomic.Int64
		stop, err := l.subscribe(ctx, js, func(body []byte) {
			got.record(time.Duration(binary.BigEndian.Uint64(body)), l.now(), 1)
			received.Add(1)
		})
		if err != nil {
			return err
		}
		defer stop()
		sent := int64(0)
		out, err = l.measure([]*publisher{got}, func(until time.Duration) {
			p.pipeline(func() (time.Duration, bool) {
				intended := time.Duration(float64(sent) / l.rate * float64(time.Second))
				if intended >= until {
					return 0, false
				}
				waitUntil(l.now, intended)
				sent++
				return intended, true
			})
			for quiet := time.Now(); received.Load() < sent && time.Since(quiet) < patience; time.Sleep(time.Millisecond) {
			}
		})
		if err == nil && (received.Load() != sent || p.failed.Load() > 0) {
			err = errors.Join(err, fmt.Errorf("%d of %d messages came, %d failed", received.Load(), sent, p.failed.Load()))
		}
		return err
	})
	return out, err
}
