// Command aerobee puts this repository's client under the load that all compared clients get, and prints what it cost as one
// line of JSON. See ../README.md for its arguments.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func main() {
	if file := os.Getenv("NUMBERS_PROFILE"); file != "" {
		f, err := os.Create(file)
		check(err)
		check(pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	switch args := os.Args[1:]; {
	case len(args) == 7 && args[0] == "send":
		check(send(args[1], args[2], number(args[3]), number(args[4]), seconds(args[5]), seconds(args[6])))
	case len(args) == 6 && args[0] == "consume":
		check(consume(args[1], args[2], args[3], int64(number(args[4])), int64(number(args[5]))))
	case len(args) == 4 && args[0] == "fill":
		check(fill(args[1], args[2], number(args[3])))
	case len(args) == 4 && args[0] == "clients":
		check(clients(args[1], args[2], number(args[3])))
	default:
		check(fmt.Errorf("want send, consume, fill or clients with their arguments, got %q", args))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func seconds(text string) time.Duration { return time.Duration(number(text)) * time.Second }

// mark is a moment of the run.
type mark struct {
	messages int64
	at       time.Time
	cpu      time.Duration
	mallocs  uint64
}

func markAt(messages int64) mark {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return mark{messages, time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs}
}

func report(from, to mark) error {
	n := float64(to.messages - from.messages)
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"messages": n, "seconds": to.at.Sub(from.at).Seconds(),
		"cpuSeconds": (to.cpu - from.cpu).Seconds(), "allocations": float64(to.mallocs-from.mallocs) / n})
}

// connect makes a client; the function that it returns closes it.
func connect(namesrv string) (*client.Client, func()) {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	check(err)
	return c, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		check(c.Close(ctx))
	}
}

func send(namesrv, topic string, threads, size int, warm, measured time.Duration) error {
	c, closeClient := connect(namesrv)
	defer closeClient()
	p, err := c.NewProducer(client.ProducerConfig{Group: "numbers-aerobee", SendTimeout: 30 * time.Second}) // a loaded machine must not fail the run
	if err != nil {
		return err
	}
	body := []byte(strings.Repeat("x", size))
	var sent atomic.Int64
	var failure atomic.Pointer[error]
	var stop atomic.Bool
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			for !stop.Load() {
				if _, err := p.Send(context.Background(), &client.Message{Topic: topic, Body: body}); err != nil {
					failure.CompareAndSwap(nil, &err)
					return
				}
				sent.Add(1)
			}
		})
	}
	time.Sleep(warm)
	from := markAt(sent.Load())
	time.Sleep(measured)
	to := markAt(sent.Load())
	stop.Store(true)
	workers.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return report(from, to)
}

func consume(namesrv, topic, group string, warm, measured int64) error {
	c, closeClient := connect(namesrv)
	defer closeClient()
	var received atomic.Int64
	var from mark
	ended := make(chan mark, 1)
	_, err := c.NewPushConsumer(context.Background(), client.PushConfig{Group: group, From: client.FromFirst,
		Subscriptions: []client.Subscription{{Topic: topic, Expression: "*"}},
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			switch n := received.Add(int64(len(ds))); n { // one at a time by default
			case warm:
				from = markAt(n)
			case warm + measured:
				ended <- markAt(n)
			}
			return nil
		}})
	if err != nil {
		return err
	}
	select {
	case to := <-ended:
		return report(from, to)
	case <-time.After(5 * time.Minute):
		return fmt.Errorf("received %d messages, want %d", received.Load(), warm+measured)
	}
}

// fill sends 1 KiB messages in batches, for the others to consume.
func fill(namesrv, topic string, messages int) error {
	c, closeClient := connect(namesrv)
	defer closeClient()
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		return err
	}
	const batch = 32
	ms := make([]*client.Message, batch)
	for i := range ms {
		ms[i] = &client.Message{Topic: topic, Body: []byte(strings.Repeat("x", 1024))}
	}
	var left atomic.Int64
	left.Store(int64(messages))
	errs := make([]error, 16)
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for left.Add(-batch) > -batch && errs[i] == nil {
				_, errs[i] = p.SendBatch(context.Background(), ms)
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// clients opens so many clients, each of which sends a message, and prints the memory that the process has then.
func clients(namesrv, topic string, count int) error {
	for range count {
		c, closeClient := connect(namesrv)
		defer closeClient()
		p, err := c.NewProducer(client.ProducerConfig{})
		if err != nil {
			return err
		}
		if _, err := p.Send(context.Background(), &client.Message{Topic: topic, Body: make([]byte, 1024)}); err != nil {
			return err
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	kib := func(name string) float64 {
		for line := range strings.Lines(string(status)) {
			if fields := strings.Fields(line); fields[0] == name+":" {
				return float64(number(fields[1]))
			}
		}
		return 0
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"clients": float64(count), "rssMB": kib("VmRSS") / 1024, "peakMB": kib("VmHWM") / 1024,
		"goroutines": float64(runtime.NumGoroutine())})
}
