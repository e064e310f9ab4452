package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// send publishes as fast as it goes.
func (l *load) send(ctx context.Context) (out *result, err error) {
	err = l.withStream(ctx, func(jetstream.JetStream) error {
		var all []*publisher
		for range l.connections {
			p, err := l.publisher()
			if err != nil {
				return err
			}
			defer p.conn.Close()
			all = append(all, p)
		}
		out, err = l.measure(all, func(until time.Duration) { l.publish(ctx, all, until) })
		return err
	})
	return out, err
}

// publish runs the senders of all connections until the time given.
func (l *load) publish(ctx context.Context, all []*publisher, until time.Duration) {
	var senders sync.WaitGroup
	if l.window > 0 {
		for _, p := range all {
			senders.Go(func() { p.pipeline(func() (time.Duration, bool) { return l.now(), l.now() < until }) })
		}
	} else {
		for i := range l.threads {
			senders.Go(func() { all[i%len(all)].waiting(ctx, until) })
		}
	}
	senders.Wait()
}

// publisher is one connection and what was recorded on it.
type publisher struct {
	*load
	*recorder
	conn   *nats.Conn
	js     jetstream.JetStream
	flying chan time.Duration // intended times of what is in flight; JetStream answers in order
	failed atomic.Int64
}

func (l *load) publisher() (*publisher, error) {
	p := &publisher{load: l, recorder: newRecorder(), flying: make(chan time.Duration, max(l.window, 1))}
	opts := []jetstream.JetStreamOpt{
		jetstream.WithPublishAsyncMaxPending(max(l.window, 1) + 1),
		jetstream.WithPublishAsyncAckHandler(func(jetstream.JetStream, *nats.Msg, *jetstream.PubAck) {
			p.record(<-p.flying, l.now(), 1)
		}),
		jetstream.WithPublishAsyncErrHandler(func(jetstream.JetStream, *nats.Msg, error) {
			<-p.flying
			p.failed.Add(1)
		}),
	}
	var err error
	if p.conn, p.js, err = l.connect(opts...); err != nil {
		return nil, err
	}
	return p, nil
}

// waiting is one sender that waits for each answer.
func (p *publisher) waiting(ctx context.Context, until time.Duration) {
	body := p.body()
	for now := p.now(); now < until; {
		_, err := p.js.Publish(ctx, p.stream, body)
		done := p.now()
		if err != nil {
			p.failed.Add(1)
		} else {
			p.record(now, done, 1)
		}
		now = done
	}
}

// pipeline publishes without waiting, at most a window in flight, while next gives intended times, and waits for the rest.
func (p *publisher) pipeline(next func() (intended time.Duration, more bool)) {
	body := p.body()
	for {
		intended, more := next()
		if !more {
			break
		}
		if len(body) >= 8 {
			binary.BigEndian.PutUint64(body, uint64(intended))
		}
		p.flying <- intended
		if _, err := p.js.PublishAsync(p.stream, body); err != nil {
			<-p.flying
			p.failed.Add(1)
		}
	}
	<-p.js.PublishAsyncComplete()
}

// fill publishes the run's count of messages.
func (l *load) fill() error {
	filling := *l
	filling.window, filling.began = 1000, time.Now()
	p, err := filling.publisher()
	if err != nil {
		return err
	}
	defer p.conn.Close()
	left := l.count
	p.pipeline(func() (time.Duration, bool) {
		left--
		return 0, left >= 0
	})
	if n := p.failed.Load(); n > 0 {
		return fmt.Errorf("%d of %d messages failed", n, l.count)
	}
	return nil
}
