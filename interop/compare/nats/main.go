// Command nats puts a NATS server with JetStream under the loads that Aerobee gets from `aerobee bench`, and prints the
// result as one line of JSON with the names of `aerobee bench --json`. See README.md for what is the same and what is not.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// load is what one run does.
type load struct {
	url         string
	stream      string
	keep        bool
	connections int
	threads     int
	window      int
	size        int
	rate        float64
	count       int64
	warmUp      time.Duration
	duration    time.Duration
	serverPID   int

	began time.Time
}

func main() {
	mode, args := "", []string(nil)
	if len(os.Args) > 1 {
		mode, args = os.Args[1], os.Args[2:]
	}
	var l load
	f := flag.NewFlagSet(mode, flag.ExitOnError)
	f.StringVar(&l.url, "url", "nats://127.0.0.1:4222", "address of the server")
	f.StringVar(&l.stream, "stream", "bench", "stream and subject, made if it is not there")
	f.BoolVar(&l.keep, "keep", false, "do not delete the stream behind the run")
	f.IntVar(&l.connections, "connections", 1, "connections")
	f.IntVar(&l.threads, "threads", 64, "senders that wait for each answer, over all connections")
	f.IntVar(&l.window, "window", 0, "messages in flight on each connection, without senders that wait")
	f.IntVar(&l.size, "size", 1024, "bytes of a body")
	f.Float64Var(&l.rate, "rate", 1000, "e2e: messages per second")
	f.Int64Var(&l.count, "count", 1_000_000, "consume: messages of the backlog; first: starts")
	f.DurationVar(&l.warmUp, "warm-up", 2*time.Second, "do not measure for so long at first")
	f.DurationVar(&l.duration, "duration", 10*time.Second, "measured span")
	f.IntVar(&l.serverPID, "server-pid", 0, "process whose CPU time is read")
	check(f.Parse(args))
	ctx := context.Background()
	var out *result
	var err error
	switch mode {
	case "send":
		out, err = l.send(ctx)
	case "consume":
		out, err = l.consume(ctx)
	case "e2e":
		out, err = l.endToEnd(ctx)
	case "first":
		out, err = l.first(ctx, f.Args())
	default:
		err = fmt.Errorf("mode %q: want send, consume, e2e or first", mode)
	}
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// connect opens one connection; opts are of its publisher.
func (l *load) connect(opts ...jetstream.JetStreamOpt) (*nats.Conn, jetstream.JetStream, error) {
	conn, err := nats.Connect(l.url)
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn, opts...)
	return conn, js, err
}

// withStream makes the stream of one file store and one replica, runs work, and deletes the stream.
func (l *load) withStream(ctx context.Context, work func(jetstream.JetStream) error) error {
	conn, js, err := l.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	config := jetstream.StreamConfig{Name: l.stream, Subjects: []string{l.stream}, Storage: jetstream.FileStorage, Replicas: 1}
	if _, err := js.CreateOrUpdateStream(ctx, config); err != nil {
		return err
	}
	err = work(js)
	if !l.keep {
		err = errors.Join(err, js.DeleteStream(ctx, l.stream))
	}
	return err
}

// now is the time since the run's beginning.
func (l *load) now() time.Duration { return time.Since(l.began) }

// body is text, which compresses well.
func (l *load) body() []byte {
	return []byte(strings.Repeat("Aerobee was a small rocket that carried instruments. ", l.size/50+1)[:l.size])
}
