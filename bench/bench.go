package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
)

// run is one run under way.
type run struct {
	Config
	number  uint64 // tells this run's messages and names from others'
	clock   clock
	span    span
	left    atomic.Int64 // messages that may still begin, where Count bounds them
	stopped atomic.Bool  // the run was given up

	admin    *admin.Admin
	clients  []*client.Client // those that send come first
	offsets  string           // directory of broadcasting consumers; empty: none
	topics   []string
	made     []string    // topics, by this run
	ownGroup bool        // the consumer group, by this run
	counted  []*recorder // whose messages are the run's: the senders', or the receivers' if there are any

	first, last cpuTimes // of the measured span
	began       time.Time
}

// Run does what c says and returns what it found. When ctx ends, the run stops sending and returns what it has. An error
// means that there is nothing to return: a wrong setting, a cluster that cannot be reached. Whether messages were lost says
// [Result.Problem].
func Run(ctx context.Context, c Config) (*Result, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	r := &run{Config: c, number: rand.Uint64(), clock: systemClock{time.Now()}} // #nosec G404 -- a name, not a secret
	result, err := r.do(ctx)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return result, nil
}

func (r *run) do(ctx context.Context) (result *Result, err error) {
	if r.admin, err = admin.New(admin.Options{NameServers: r.NameServers, Dial: r.Dial, Logger: r.Logger}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if _, err := readCPU(r.ServerPID); err != nil { // before the work, not behind it
		return nil, err
	}
	if err := r.prepareTopics(ctx); err != nil {
		return nil, err
	}
	for range r.Connections + r.Consumers {
		cl, err := client.New(client.Config{NameServers: r.NameServers, Dial: r.Dial, Logger: r.Logger})
		if err != nil {
			return nil, err
		}
		r.clients = append(r.clients, cl)
	}
	stop := context.AfterFunc(ctx, func() { r.stopped.Store(true) })
	defer stop()
	switch r.Mode {
	case Consume:
		result, err = r.consume(ctx)
	case EndToEnd:
		result, err = r.endToEnd(ctx)
	default:
		result, err = r.send(ctx)
	}
	if err != nil {
		return nil, err
	}
	r.describe(context.WithoutCancel(ctx), result)
	return result, nil
}

// How long closing the clients and deleting what the run made may take, and what each of them adds to it.
const (
	closeLimit     = 10 * time.Second
	closeLimitEach = 10 * time.Millisecond
)

// close is the mirror of do: clients first, then what the run made in the cluster.
func (r *run) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit+closeLimitEach*time.Duration(len(r.clients)+len(r.made)))
	defer cancel()
	errs := []error{each(len(r.clients), func(i int) error { return r.clients[i].Close(ctx) })}
	if !r.Keep {
		errs = append(errs, each(len(r.made), func(i int) error {
			_, err := r.admin.DeleteTopic(ctx, admin.Target{}, r.made[i])
			return err
		}))
	}
	if r.offsets != "" {
		errs = append(errs, os.RemoveAll(r.offsets))
	}
	if r.ownGroup {
		_, err := r.admin.DeleteGroup(ctx, admin.Target{}, r.Group)
		if !errors.Is(err, admin.ErrGroupNotFound) { // the run ended before a consumer began
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, r.admin.Close())...)
}

// prepareTopics makes the topics that are not there.
func (r *run) prepareTopics(ctx context.Context) error {
	names, err := r.admin.TopicNames(ctx)
	if err != nil {
		return err
	}
	switch {
	case r.Topic == "":
		r.Topic = fmt.Sprintf("bench-%s-%x", r.Mode, r.number)
	case !slices.Contains(names, r.Topic) && r.Mode == Consume && r.Count == 0:
		return fmt.Errorf("there is no topic %s to consume: give a count to have it made and filled", r.Topic)
	}
	if r.Group == "" {
		r.Group = fmt.Sprintf("bench-%x", r.number)
		r.ownGroup = r.Mode != Send // a producer's group is nowhere kept
	}
	r.topics = topicNames(r.Topic, r.Topics)
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	absent := slices.DeleteFunc(slices.Clone(r.topics), func(name string) bool { return there[name] })
	r.made = absent // one that could not be made is deleted in vain
	queues := int32(r.Queues)
	return each(len(absent), func(i int) error {
		_, err := r.admin.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: absent[i], ReadQueueNums: queues, WriteQueueNums: queues})
		return err
	})
}

// topicNames are n topics of one name.
func topicNames(name string, n int) []string {
	if n == 1 {
		return []string{name}
	}
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s-%05d", name, i+1)
	}
	return out
}

// take claims up to want messages that are intended for one time and begin at another. 0: the run is over.
func (r *run) take(intended, begins time.Duration, want int) int {
	switch {
	case r.stopped.Load() || r.span.over(begins):
		return 0
	case r.Count == 0 || intended < r.span.from:
		return want
	}
	left := r.left.Add(-int64(want))
	return int(max(0, min(int64(want), int64(want)+left)))
}

// start lays the measured span, from now on.
func (r *run) start() {
	r.began = time.Now()
	r.span = span{begin: r.clock.now()}
	r.span.from = r.span.begin + r.WarmUp
	if r.Duration > 0 {
		r.span.until = r.span.from + r.Duration
	}
	r.left.Store(r.Count)
}

// observe runs work while it reads CPU times at the measured span's beginning and end, and reports progress.
func (r *run) observe(ctx context.Context, work func(ctx context.Context) error) error {
	var watchers sync.WaitGroup
	watching, cancel := context.WithCancel(ctx)
	var readErr error
	if r.WarmUp == 0 {
		r.first, readErr = readCPU(r.ServerPID)
	} else {
		watchers.Go(func() {
			if after(watching, r.WarmUp) {
				r.first, readErr = readCPU(r.ServerPID)
			}
		})
	}
	if r.Progress != nil {
		watchers.Go(func() { r.report(watching) })
	}
	err := work(ctx)
	cancel()
	watchers.Wait()
	var lastErr error
	r.last, lastErr = readCPU(r.ServerPID)
	return errors.Join(err, readErr, lastErr)
}

// after waits, and reports whether ctx has not ended.
func after(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// report writes a line each second.
func (r *run) report(ctx context.Context) {
	var before int64
	for second := 1; after(ctx, time.Second-time.Since(r.began)%time.Second); second++ {
		var done, failed int64
		for _, w := range r.counted {
			d, f := w.totals()
			done, failed = done+d, failed+f
		}
		warm := ""
		if time.Duration(second)*time.Second <= r.WarmUp {
			warm = ", warming up"
		}
		fmt.Fprintf(r.Progress, "%4d s  %12s/s  %s in all, %s failed%s\n", second, grouped(done-before), grouped(done), grouped(failed), warm)
		before = done
	}
}

// describe completes a result with what is the same in all modes.
func (r *run) describe(ctx context.Context, out *Result) {
	out.Mode, out.Topic, out.Started = r.Mode, r.Topic, r.began.UTC()
	out.Load = r.loadText()
	if out.Seconds > 0 {
		out.Rate = float64(out.Messages) / out.Seconds
		out.MB = out.Rate * float64(r.Size) / 1e6
	}
	out.CPU = costOf(r.first, r.last, out.Messages)
	out.Machine = thisMachine()
	out.Versions = Versions{Client: r.Version, Go: runtime.Version(), Server: r.serverVersion(ctx)}
}

func (r *run) loadText() string {
	var parts []string
	add := func(when bool, format string, args ...any) {
		if when {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	sends := r.Mode != Consume
	add(!sends && r.Pull, "pull")
	add(!sends && !r.Pull, "push, %s", plural(r.Threads, "handler"))
	add(sends && r.Window > 0, "%d in flight on each connection", r.Window)
	add(sends && r.Window == 0, "%s", plural(r.Threads, "sender"))
	add(r.OneWay, "one way")
	add(r.Batch > 1, "batches of %d", r.Batch)
	add(r.Rate > 0, "%s messages/s", decimal(r.Rate))
	add(true, "%s", plural(r.Connections, "connection"))
	add(r.Topics > 1, "%d topics", r.Topics)
	add(r.Consumers > 0, "%s", plural(r.Consumers, "consumer"))
	add(r.Broadcast, "each gets all")
	add(r.ConsumeRate > 0, "consuming at most %s/s", decimal(r.ConsumeRate))
	add(r.CompressOver < 0, "not compressed")
	body := "text"
	if r.Random {
		body = "random"
	}
	add(true, "%d bytes of %s", r.Size, body)
	return strings.Join(parts, ", ")
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// serverVersion is what the brokers say of themselves, "" if none does.
func (r *run) serverVersion(ctx context.Context) string {
	brokers, err := r.admin.Brokers(ctx)
	if err != nil {
		return ""
	}
	var all []string
	for _, b := range brokers {
		addr, ok := b.Master()
		if !ok {
			continue
		}
		info, err := r.admin.RuntimeInfo(ctx, addr)
		if version := info["brokerVersionDesc"]; err == nil && version != "" && !slices.Contains(all, version) {
			all = append(all, version)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
