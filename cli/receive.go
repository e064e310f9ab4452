package cli

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/filter"
)

// receiving is what the flags of `aerobee receive` say.
type receiving struct {
	*connection
	topic  string
	group  string
	from   string
	place  moment
	queue  string
	tags   string
	sql    string
	count  int
	follow bool
	idle   time.Duration
	bodies bool
	pop    bool

	received int
}

func newReceive(e env) *cobra.Command {
	r := &receiving{}
	cmd := &cobra.Command{
		Use:   "receive TOPIC",
		Short: "Print a topic's messages, as a bystander or as a member of a group",
		Long: "Print a topic's messages. Without --group nobody notices: no offset is moved and no group is made. It begins with the\n" +
			"first message, or where --from says, and ends with the last one, or goes on with --follow.\n\n" +
			"With --group it is a member of that consumer group, shares the queues with the others, and what it has printed is\n" +
			"consumed. It ends when nothing has come for --idle, or goes on with --follow. --from is where a new group begins.\n\n" +
			"A place for --from is " + momentHelp + ".",
		Example: "  aerobee receive Orders\n" +
			"  aerobee receive Orders --follow --from last\n" +
			"  aerobee receive Orders --from 10m --tag 'created || paid' --json\n" +
			"  aerobee receive Orders --sql \"price > 5 AND region IN ('eu', 'us')\"\n" +
			"  aerobee receive Orders --queue broker-a:0 --from 42 --count 1\n" +
			"  aerobee receive Orders --group billing --follow\n" +
			"  aerobee receive Orders --group billing --pop --count 1",
		Args: exactArgs("TOPIC"),
	}
	r.connection = connected(e, cmd)
	f := cmd.Flags()
	f.StringVar(&r.group, "group", "", "consume with the group `NAME`")
	f.StringVar(&r.from, "from", "first", "`PLACE` to begin")
	f.BoolVar(&r.pop, "pop", false, "with --group: pop, as RocketMQ's simple consumers do, and acknowledge what is printed one by one")
	f.StringVar(&r.queue, "queue", "", "only this queue, `BROKER:NUMBER`; not with --group")
	f.StringVar(&r.tags, "tag", "", "only messages with these tags, `EXPRESSION` such as 'a || b'")
	f.StringVar(&r.sql, "sql", "", "only messages for whose properties the SQL92 `EXPRESSION` is true, such as \"price > 5 AND region = 'eu'\"")
	f.IntVar(&r.count, "count", 0, "end after `N` messages")
	f.BoolVarP(&r.follow, "follow", "f", false, "wait for more messages, until Ctrl-C")
	f.DurationVar(&r.idle, "idle", 3*time.Second, "with --group: end when nothing has come for so long")
	f.BoolVar(&r.bodies, "body", false, "print bodies only, each on a line of its own")
	cmd.ValidArgsFunction = r.completeTopics
	_ = cmd.RegisterFlagCompletionFunc("group", r.completeGroupFlag) // fails for a flag that is not there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.topic = args[0]
		if err := r.check(); err != nil {
			return err
		}
		if r.group == "" {
			return r.asBystander(cmd)
		}
		err := r.run(cmd, subject{topic: r.topic}, func(ctx context.Context, a *admin.Admin) error {
			_, err := a.Topic(ctx, r.topic)
			return err
		})
		switch { // to wait for a topic is one thing; to make a group for a mistyped one another
		case err != nil && r.follow && errors.Is(err, client.ErrTopicNotFound):
			fmt.Fprintf(e.stderr, "aerobee: %v; waiting for it\n", err)
		case err != nil:
			return err
		}
		if r.pop {
			return r.withClient(cmd, subject{topic: r.topic, group: r.group}, r.popping)
		}
		return r.withClient(cmd, subject{topic: r.topic, group: r.group}, r.asMember)
	}
	return cmd
}

func (r *receiving) check() error {
	var err error
	if r.place, err = parseMoment(r.from, time.Now()); err != nil {
		return err
	}
	if r.sql != "" {
		if _, err := filter.Compile(filter.SQL92, r.sql); err != nil {
			return usageErrorf("--sql: %v", err)
		}
	}
	switch {
	case r.count < 0:
		return usageErrorf("--count %d: give the number of messages to receive", r.count)
	case r.sql != "" && r.tags != "":
		return usageErrorf("--sql and --tag exclude each other: TAGS is a property too, as in --sql \"TAGS = 'a' AND price > 5\"")
	case r.pop && (r.group == "" || !r.place.first && !r.place.last):
		return usageErrorf("--pop is for a group, and begins --from first or last: name it with --group")
	case r.group != "" && r.queue != "":
		return usageErrorf("--queue is not for groups, whose members share the queues out: leave --group or --queue out")
	case r.group != "" && r.place.offset >= 0:
		return usageErrorf("--from %d is not for groups: move one with `aerobee group reset %s %s --to %d --queue BROKER:NUMBER`", r.place.offset, r.group, r.topic, r.place.offset)
	case r.place.offset >= 0 && r.queue == "":
		return usageErrorf("--from %d is an offset of one queue: name it with --queue BROKER:NUMBER", r.place.offset)
	case r.group == "" && r.place.last && !r.follow:
		return usageErrorf("--from last: there is nothing behind the last message yet; add --follow to wait for it")
	}
	return nil
}

// asBystander reads the queues without being anybody.
func (r *receiving) asBystander(cmd *cobra.Command) error {
	a, err := r.creds.Admin(r.e.variable, admin.Options{NameServers: r.nameServers(), Timeout: r.timeout, Dial: r.tls.dial()})
	if err != nil {
		return usageError{error: err}
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	err = r.read(cmd.Context(), a)
	if cmd.Context().Err() != nil {
		return nil // a signal ends it as it should
	}
	return r.explain(cmd.Context(), a, subject{topic: r.topic}, err)
}

func (r *receiving) read(ctx context.Context, a *admin.Admin) error {
	readers, ends, err := r.readers(ctx, a)
	if err != nil {
		return err
	}
	if err := r.readStored(ctx, readers, ends); err != nil || r.enough() {
		return err
	}
	if !r.follow {
		return r.sayNothing()
	}
	return r.readOn(ctx, readers)
}

// sayNothing tells a person that there was no message.
func (r *receiving) sayNothing() error {
	if r.received > 0 || r.asJSON || r.bodies {
		return nil
	}
	return r.e.printf("No messages in %s\n", r.topic)
}

// readers are the queues at the place where to begin, and where each ends now.
func (r *receiving) readers(ctx context.Context, a *admin.Admin) ([]*admin.Reader, []int64, error) {
	readers, err := a.Readers(ctx, r.topic)
	if err != nil {
		return nil, nil, err
	}
	if r.queue != "" {
		q, err := parseQueue(r.topic, r.queue)
		if err != nil {
			return nil, nil, err
		}
		i := sort.Search(len(readers), func(i int) bool {
			have := readers[i].Queue
			return have.BrokerName > q.BrokerName || have.BrokerName == q.BrokerName && have.QueueID >= q.QueueID
		})
		if i == len(readers) || readers[i].Queue != q {
			return nil, nil, fmt.Errorf("topic %s has no queue %s to read; `aerobee topic describe %s` lists them", r.topic, r.queue, r.topic)
		}
		readers = readers[i : i+1]
	}
	ends := make([]int64, len(readers))
	for i, reader := range readers {
		reader.Tags, reader.SQL = r.tags, r.sql
		if ends[i], err = a.MaxOffset(ctx, reader.Queue); err != nil {
			return nil, nil, err
		}
		switch {
		case r.place.last:
			reader.Next = ends[i]
		case r.place.offset >= 0:
			reader.Next = r.place.offset
		case !r.place.first:
			if reader.Next, err = a.OffsetAt(ctx, reader.Queue, r.place.at); err != nil {
				return nil, nil, err
			}
		}
	}
	return readers, ends, nil
}

// readStored prints what the queues hold up to their ends, in the order in which it was stored.
func (r *receiving) readStored(ctx context.Context, readers []*admin.Reader, ends []int64) error {
	waiting := make([][]admin.Message, len(readers))
	for !r.enough() {
		oldest := -1
		for i, reader := range readers {
			for len(waiting[i]) == 0 && reader.Next < ends[i] {
				before := reader.Next
				var err error
				if waiting[i], err = reader.Read(ctx, 0); err != nil {
					return err
				}
				if len(waiting[i]) == 0 && reader.Next <= before {
					break // the broker gives nothing more up to the end
				}
			}
			if len(waiting[i]) > 0 && (oldest < 0 || waiting[i][0].StoredAt.Before(waiting[oldest][0].StoredAt)) {
				oldest = i
			}
		}
		if oldest < 0 {
			return nil
		}
		m := waiting[oldest][0]
		waiting[oldest] = waiting[oldest][1:]
		if m.Offset >= ends[oldest] && !r.follow {
			continue
		}
		if err := r.print(lineOfMessage(&m)); err != nil {
			return err
		}
	}
	return nil
}

// holdTime is how long a broker holds a read that waits for a message.
const holdTime = 15 * time.Second

// readOn prints what comes, until ctx ends or there is enough. Every queue is read by a goroutine of its own, since each waits.
func (r *receiving) readOn(ctx context.Context, readers []*admin.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	type batch struct {
		list []admin.Message
		err  error
	}
	arrived := make(chan batch)
	for _, reader := range readers {
		reading.Go(func() {
			for {
				list, err := reader.Read(ctx, holdTime)
				select {
				case arrived <- batch{list, err}:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		})
	}
	for {
		select {
		case b := <-arrived:
			if b.err != nil {
				return b.err
			}
			for i := range b.list {
				if err := r.print(lineOfMessage(&b.list[i])); err != nil || r.enough() {
					return err
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// asMember consumes with the group.
func (r *receiving) asMember(ctx context.Context, c *client.Client) error {
	config := client.PullConfig{Group: r.group, From: client.FromFirst, CommitInterval: -1, // what is printed is committed, at once
		Subscriptions: []client.Subscription{{Topic: r.topic, Expression: r.tags + r.sql, SQL: r.sql != ""}}}
	switch {
	case r.place.last:
		config.From = client.FromLast
	case !r.place.first:
		config.From = client.FromTime(r.place.at)
	}
	if r.count > 0 {
		config.PullBatch = 1 // what has been polled counts as consumed, so it must not be more than is printed
	}
	starting, cancel := context.WithTimeout(ctx, r.timeout)
	p, err := c.NewPullConsumer(starting, config)
	cancel()
	if err != nil && ctx.Err() != nil {
		return nil // a signal ends it as it should
	}
	if err != nil {
		return err
	}
	err = r.poll(ctx, p)
	end, cancelEnd := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancelEnd()
	if err == nil {
		err = r.sayNothing()
	}
	return errors.Join(err, p.Close(end))
}

// poll prints what the group gets. A signal and idleness are no errors.
func (r *receiving) poll(ctx context.Context, p *client.PullConsumer) error {
	for !r.enough() {
		waiting, cancel := context.WithCancel(ctx)
		if !r.follow {
			waiting, cancel = context.WithTimeout(ctx, r.idle)
		}
		ds, err := p.Poll(waiting)
		ended := waiting.Err() != nil
		cancel()
		switch {
		case err != nil && ended:
			return nil
		case err != nil:
			return err
		}
		for _, d := range ds {
			if err := r.print(lineOfDelivery(d)); err != nil {
				return err
			}
		}
		if err := r.commit(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// commit counts what has been printed as consumed, also when a signal came meanwhile.
func (r *receiving) commit(ctx context.Context, p *client.PullConsumer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	return p.Commit(ctx)
}

func (r *receiving) enough() bool { return r.count > 0 && r.received >= r.count }

func lineOfDelivery(d *client.Delivery) messageLine {
	l := messageLine{ID: d.ID, OffsetID: d.OffsetID, Topic: d.Topic, Broker: d.Queue.BrokerName, Queue: d.Queue.QueueID, Offset: int64(d.Offset), Tag: d.Tag,
		BornAt: stamp(d.BornAt), BornHost: d.BornHost.String(), StoredAt: stamp(d.StoredAt), StoreHost: d.StoreHost.String(), ReconsumeTimes: d.ReconsumeTimes}
	return l.with(d.Keys, d.Properties, d.Body)
}

// print prints one message in the form that was asked for.
func (r *receiving) print(l messageLine) error {
	r.received++
	switch {
	case r.asJSON:
		return r.e.printJSON(l)
	case r.bodies:
		_, err := r.e.stdout.Write(append(l.raw[:len(l.raw):len(l.raw)], '\n'))
		return err
	}
	about := ""
	if l.Tag != "" {
		about += " tag=" + l.Tag
	}
	if len(l.Keys) > 0 {
		about += " keys=" + strings.Join(l.Keys, ",")
	}
	if l.ReconsumeTimes > 0 {
		about += fmt.Sprintf(" retries=%d", l.ReconsumeTimes)
	}
	stored := "-"
	if l.StoredAt != nil {
		stored = clock(*l.StoredAt)
	}
	return r.e.printf("%s %s:%d offset=%d%s  %s\n", stored, l.Broker, l.Queue, l.Offset, about, bodyText(l.raw))
}
