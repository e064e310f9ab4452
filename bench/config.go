package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"
)

// Mode is what a run does.
type Mode string

// The modes of a run.
const (
	Send     Mode = "send"    // send as fast as it goes, or at a rate
	Consume  Mode = "consume" // work off a backlog, which is filled first if the topic is not given
	EndToEnd Mode = "e2e"     // send and receive, latency from the intended time of sending to the receipt
)

// Config says what a run does. Zero values mean the default.
type Config struct {
	Mode        Mode
	NameServers []string                                                 // "host:port"
	Dial        func(ctx context.Context, addr string) (net.Conn, error) // nil is TCP

	Topic  string // default: a topic of this run alone, made before it and deleted behind it
	Topics int    // senders take turns in so many topics, named Topic-00001 and on; default 1, which is Topic itself
	Queues int    // queues of a topic that the run makes; default 8
	Keep   bool   // do not delete the topics that the run made
	Group  string // consumer group; default: one of this run alone

	Connections int     // clients, each with a connection of its own to each broker; default 1
	Threads     int     // senders that wait for each answer, or handlers of a consumer, over all connections; default 64
	Window      int     // messages in flight on each connection without waiting; 0: senders wait for each answer
	Batch       int     // messages per request; 1 by default
	OneWay      bool    // want no answers
	Rate        float64 // messages per second over all senders; 0: as fast as it goes

	Duration time.Duration // measured span; default 10 s unless Count is given
	Count    int64         // messages to send, or to consume; 0: no limit
	WarmUp   time.Duration // before the measured span; default 2 s unless Count is given, negative for none
	Timeout  time.Duration // for one answer; default 5 s
	Patience time.Duration // how long a consumer may receive nothing before what is missing counts as lost; default 15 s

	Size   int    // bytes of a body; default 1024
	Random bool   // bodies of random bytes; default is text, which compresses well
	Seed   uint64 // of random bodies
	Tag    string // tag of every message
	Keys   bool   // give every message a key

	CompressOver int // bodies of more bytes are compressed before they are sent; default 4096, as clients have it; negative: never

	Pull        bool    // consume with a PullConsumer instead of a PushConsumer
	Consumers   int     // end to end: clients that consume, beside those that send; 0: those that send do
	Broadcast   bool    // end to end: each consumer gets all messages, instead of sharing them; each delivery counts as a message
	ConsumeRate float64 // messages per second that all consumers together take at most, end to end while messages are sent; 0: no limit

	ServerPID int    // process whose CPU time is read; 0: none
	Version   string // of this program, for the result

	Progress io.Writer    // gets a line each second; nil: none
	Logger   *slog.Logger // of the clients; nil: silent
}

// Limits of a run: what is kept per message in flight and per worker must fit a small machine.
const (
	maxTopics   = 99_999
	maxQueues   = 1 << 16
	maxWorkers  = 100_000
	maxInFlight = 1_000_000
	maxBody     = 4 << 20 // RocketMQ's own default limit of a message
)

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	if c.Mode == "" {
		c.Mode = Send
	}
	setDefault(&c.Topics, 1)
	setDefault(&c.Queues, 8)
	setDefault(&c.Connections, 1)
	setDefault(&c.Batch, 1)
	setDefault(&c.Size, 1024)
	setDefault(&c.Timeout, 5*time.Second)
	setDefault(&c.Patience, 15*time.Second)
	if c.Mode == EndToEnd && c.Rate > 0 && c.Threads == 0 && c.Window == 0 && c.Batch == 1 {
		c.Window = 1000 // senders that wait could not keep a rate on a slow server
	}
	if c.Threads == 0 {
		c.Threads = max(64, c.Connections)
	}
	if c.Count == 0 {
		setDefault(&c.Duration, 10*time.Second)
		setDefault(&c.WarmUp, 2*time.Second)
	}
	if c.Mode == Consume && c.Topic == "" && c.Count == 0 {
		c.Count = 1_000_000
	}
	c.WarmUp = max(0, c.WarmUp)
	return c
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// validate says what is wrong with c, after withDefaults.
func (c Config) validate() error {
	var errs []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Mode != Send && c.Mode != Consume && c.Mode != EndToEnd, "mode %q: want send, consume or e2e", c.Mode)
	check(len(c.NameServers) == 0, "no NameServer is given")
	check(c.Size < 0 || c.Size > maxBody, "size %d: want 0 to %d bytes", c.Size, maxBody)
	check(c.Mode == EndToEnd && c.Size < stampSize, "size %d: end to end needs %d bytes for the time of sending", c.Size, stampSize)
	check(c.Topics < 1 || c.Topics > maxTopics, "topics %d: want 1 to %d", c.Topics, maxTopics)
	check(c.Topics > 1 && c.Mode != Send, "topics %d: several are for sending alone", c.Topics)
	check(c.Queues < 1 || c.Queues > maxQueues, "queues %d: want 1 to %d", c.Queues, maxQueues)
	check(c.Connections < 1 || c.Connections > maxWorkers, "connections %d: want 1 to %d", c.Connections, maxWorkers)
	check(c.Threads < 1 || c.Threads > maxWorkers, "threads %d: want 1 to %d", c.Threads, maxWorkers)
	check(c.Mode != Consume && c.Window == 0 && c.Threads < c.Connections, "threads %d are fewer than connections %d: some would send nothing", c.Threads, c.Connections)
	check(c.Window < 0 || c.Window > maxInFlight/max(1, c.Connections), "window %d on %d connections: want at most %d in flight in all", c.Window, c.Connections, maxInFlight)
	check(c.Batch < 1 || c.Batch > 10_000, "batch %d: want 1 to 10000 messages", c.Batch)
	check(c.Window > 0 && c.Batch > 1, "batches wait for their answers: use threads, not window, to have several in flight")
	check(c.OneWay && (c.Batch > 1 || c.Window > 0), "one-way messages have neither batches nor a window")
	check(c.OneWay && c.Mode == EndToEnd, "end to end counts what was acknowledged, so it cannot be one-way")
	check(c.Rate < 0, "rate %g: want 0 (as fast as it goes) or more", c.Rate)
	check(c.ConsumeRate < 0, "consume rate %g: want 0 (as fast as it goes) or more", c.ConsumeRate)
	check(c.Mode == Send && c.ConsumeRate > 0, "consume rate %g: nobody consumes", c.ConsumeRate)
	check(c.Consumers < 0 || c.Consumers > maxWorkers, "consumers %d: want 0 (those that send) to %d", c.Consumers, maxWorkers)
	check(c.Mode != EndToEnd && (c.Consumers > 0 || c.Broadcast), "consumers beside the senders, and broadcasting, are for end to end")
	check(c.Duration < 0 || c.Count < 0 || c.Timeout < 0 || c.Patience < 0, "duration, count, timeout and patience may not be negative")
	return errors.Join(errs...)
}
