package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/bench"
)

// newBench measures a server under load.
func newBench(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure rate, latency and CPU time of a server under load",
		Long: "Measure how fast a RocketMQ server takes and gives messages, how long each takes, and what CPU time it costs. It works\n" +
			"on Aerobee and on Apache RocketMQ. A topic is made for the run, and deleted behind it, unless --topic names one.\n" +
			"At a given --rate, latency counts from the time at which each message was meant to leave, so that a server\n" +
			"which stops for a moment shows up in the percentiles (they are corrected for coordinated omission).",
		Example: "  aerobee bench send                                          64 senders, 1 KiB, 10 s\n" +
			"  aerobee bench send --connections 4 --window 1000            4 connections with 1,000 messages in flight each\n" +
			"  aerobee bench send --batch 32 --server-pid $(pgrep aerobee) batches, and what they cost the server\n" +
			"  aerobee bench consume --count 2000000                       fill a backlog, then drain it\n" +
			"  aerobee bench e2e --rate 1000 --duration 60s --json         latency from sending to receipt",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchMode(e, bench.Send), newBenchMode(e, bench.Consume), newBenchMode(e, bench.EndToEnd))
	return cmd
}

// benchRun is one command line of bench.
type benchRun struct {
	*connection
	config   bench.Config
	progress bool
	profile  string
}

func newBenchMode(e env, mode bench.Mode) *cobra.Command {
	cmd := &cobra.Command{Use: string(mode), Args: noArgs}
	r := &benchRun{connection: &connection{e: e}, config: bench.Config{Mode: mode, Version: "aerobee " + aerobee.Version()}}
	r.where(cmd)
	r.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("topic", r.completeTopicFlag)
	_ = cmd.RegisterFlagCompletionFunc("group", r.completeGroupFlag) // fails for a flag that is not there: senders have no group
	switch mode {
	case bench.Send:
		cmd.Short = "Send as fast as it goes, or at a rate"
		cmd.Example = "  aerobee bench send --threads 64                            64 senders, each waits for its answer\n" +
			"  aerobee bench send --window 64                             64 messages in flight without waiting\n" +
			"  aerobee bench send --connections 4 --window 1000           on 4 connections, 1,000 in flight on each\n" +
			"  aerobee bench send --threads 64 --batch 32                 64 batches of 32 in flight\n" +
			"  aerobee bench send --rate 20000 --duration 60s             at a rate: latency from the intended time\n" +
			"  aerobee bench send --connections 5000 --rate 5000          many connections, each a message a second\n" +
			"  aerobee bench send --topics 1000 --queues 100              in 100,000 queues\n" +
			"  aerobee bench send --count 5000000 --topic t --size 256    fill a topic that stays"
	case bench.Consume:
		cmd.Short = "Work off a backlog, which is filled first unless --topic names one"
		cmd.Example = "  aerobee bench consume --count 2000000                      fill a topic with 2 million messages, then drain it\n" +
			"  aerobee bench consume --topic t                            drain what a topic holds\n" +
			"  aerobee bench consume --topic t --pull --connections 4     with four pull consumers of one group"
	case bench.EndToEnd:
		cmd.Short = "Measure the way of each message from its sender to its consumer"
		cmd.Example = "  aerobee bench e2e --rate 1000                              1,000 messages a second for 10 s\n" +
			"  aerobee bench e2e --rate 50000 --window 1000 --connections 2\n" +
			"  aerobee bench e2e --rate 10000 --consume-rate 1000         a peak, and how its backlog is worked off\n" +
			"  aerobee bench e2e --rate 100 --consumers 50 --broadcast    each message to 50 consumers"
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f := cmd.Flags(); f.Changed("threads") && f.Changed("window") {
			return usageErrorf("--threads wait for each answer, --window has messages in flight without: give one of them")
		}
		return r.run(cmd.Context())
	}
	return cmd
}

func (r *benchRun) flags(cmd *cobra.Command) {
	f, c := cmd.Flags(), &r.config
	sends, consumes := c.Mode != bench.Consume, c.Mode != bench.Send
	f.StringVarP(&c.Topic, "topic", "t", "", "`TOPIC` to use, made if it is not there (default: one of this run alone)")
	f.IntVar(&c.Queues, "queues", 8, "queues of a topic that the run makes")
	f.BoolVar(&c.Keep, "keep", false, "do not delete a topic that the run made")
	f.IntVar(&c.Size, "size", 1024, "bytes of a body")
	f.BoolVar(&c.Random, "random", false, "bodies of random bytes, instead of text that compresses well")
	f.Uint64Var(&c.Seed, "seed", 1, "seed of random bodies")
	f.StringVar(&c.Tag, "tag", "", "tag of every message")
	f.BoolVar(&c.Keys, "keys", false, "give every message a key")
	f.IntVar(&c.Connections, "connections", 1, "clients, each with connections of its own")
	f.IntVar(&c.Batch, "batch", 1, "messages per request; for a consumer, per call of its handler")
	f.Int64Var(&c.Count, "count", 0, "end after so many messages")
	f.DurationVar(&c.Duration, "duration", 0, "end after so long (default 10s to send, without end to consume)")
	f.DurationVar(&c.Timeout, "timeout", 0, "for one answer (default 5s)")
	f.IntVar(&c.ServerPID, "server-pid", 0, "`PID` of the server, whose CPU time is read")
	f.BoolVar(&r.progress, "progress", false, "print progress even if standard error is no terminal")
	f.BoolVar(&r.asJSON, "json", false, "print JSON")
	f.StringVar(&r.profile, "cpuprofile", "", "write a CPU profile of this process to `FILE`")
	if sends {
		f.IntVar(&c.Threads, "threads", 0, "senders that wait for each answer, over all connections (default 64)")
		f.IntVar(&c.Window, "window", 0, "messages in flight on each connection, without senders that wait")
		f.Float64Var(&c.Rate, "rate", 0, "messages per second over all senders (default: as fast as it goes)")
		f.IntVar(&c.CompressOver, "compress-over", 4096, "compress bodies of more bytes before they are sent; -1: never")
		f.DurationVar(&c.WarmUp, "warm-up", 0, "do not measure for so long at first (default 2s, none with --count)")
	}
	if c.Mode == bench.Send {
		f.BoolVar(&c.OneWay, "one-way", false, "want no answers")
		f.IntVar(&c.Topics, "topics", 1, "take turns in so many topics, TOPIC-00001 and on")
	}
	if consumes {
		f.StringVarP(&c.Group, "group", "g", "", "consumer `GROUP` (default: one of this run alone)")
		f.Float64Var(&c.ConsumeRate, "consume-rate", 0, "messages per second that consumers take at most; of e2e: while messages are sent")
		f.DurationVar(&c.Patience, "patience", 0, "how long nothing may come before what is missing counts as lost (default 15s)")
	}
	if c.Mode == bench.EndToEnd {
		f.IntVar(&c.Consumers, "consumers", 0, "clients that consume, beside those that send (default: those that send)")
		f.BoolVar(&c.Broadcast, "broadcast", false, "give all messages to each consumer; each delivery counts as a message")
	}
	if c.Mode == bench.Consume {
		f.IntVar(&c.Threads, "threads", 0, "handlers at once, over all connections (default 64)")
		f.BoolVar(&c.Pull, "pull", false, "use pull consumers")
	}
}

func (r *benchRun) run(ctx context.Context) error {
	r.config.NameServers, r.config.Dial = r.nameServers(), r.tls.dial()
	if r.progress || isTerminal(r.e.stderr) {
		r.config.Progress = r.e.stderr
	}
	stop, err := startProfile(r.profile)
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, r.config)
	if err = errors.Join(err, stop()); err != nil {
		return r.explained(ctx, err)
	}
	if r.asJSON {
		err = r.e.printJSON(result)
	} else {
		err = result.WriteTable(r.e.stdout)
	}
	return errors.Join(err, result.Problem())
}

// explained says what to try, as all commands do.
func (r *benchRun) explained(ctx context.Context, err error) error {
	a, adminErr := r.creds.Admin(r.e.variable, admin.Options{NameServers: r.nameServers(), Dial: r.tls.dial()})
	if adminErr != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	return r.explain(ctx, a, subject{}, err)
}

// startProfile writes a CPU profile until the function that it returns is called. Without a file it does nothing.
func startProfile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file) // #nosec G304 -- the user's choice
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// isTerminal reports whether a person reads what is written.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
