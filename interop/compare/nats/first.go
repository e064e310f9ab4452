package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// startLimit bounds how long a server may take from exec to its first answer.
const startLimit = time.Minute

// first starts the server given by its command line over and over, and measures from exec to the first acknowledged
// publish, by a client that is running already. The stream is there, but for the first start, which is not measured.
func (l *load) first(ctx context.Context, command []string) (*result, error) {
	if len(command) == 0 {
		return nil, errors.New("first: no command line of a server is given")
	}
	r := newRecorder()
	for i := range l.count + 1 {
		took, err := l.firstOnce(ctx, command)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			r.record(0, took, 1)
		}
	}
	return &result{Messages: l.count, Latency: latencyOf(r.latency), Rate: 1}, nil
}

func (l *load) firstOnce(ctx context.Context, command []string) (took time.Duration, err error) {
	server := exec.Command(command[0], command[1:]...)
	began := time.Now()
	if err := server.Start(); err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, server.Process.Signal(syscall.SIGTERM))
		_ = server.Wait() // its exit code tells of the signal
	}()
	addr := strings.TrimPrefix(l.url, "nats://")
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(began) > startLimit {
			return 0, fmt.Errorf("not listening within %v: %w", startLimit, err)
		}
		time.Sleep(200 * time.Microsecond)
	}
	conn, js, err := l.connect()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for {
		_, err = js.Publish(ctx, l.stream, l.body(), jetstream.WithRetryAttempts(0))
		if err == nil {
			return time.Since(began), nil
		}
		if time.Since(began) > startLimit {
			return 0, err
		}
		config := jetstream.StreamConfig{Name: l.stream, Subjects: []string{l.stream}, Storage: jetstream.FileStorage, Replicas: 1}
		if _, err := js.CreateOrUpdateStream(ctx, config); err != nil {
			time.Sleep(200 * time.Microsecond) // JetStream is not up yet
		}
	}
}
