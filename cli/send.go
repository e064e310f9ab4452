package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/message"
)

// sentLine is a sent message in JSON.
type sentLine struct {
	ID       string `json:"id"`
	OffsetID string `json:"offsetId"`
	Topic    string `json:"topic"`
	Broker   string `json:"broker"`
	Queue    int32  `json:"queue"`
	Offset   int64  `json:"offset"`
	Status   string `json:"status"`
	Recall   string `json:"recallHandle,omitempty"` // takes it back until its time
}

// sending is what the flags of `aerobee send` say.
type sending struct {
	*connection
	topic      string
	file       string
	tag        string
	keys       []string
	properties []string
	delay      string
	at         string
	orderKey   string
	queue      string
	group      string
	count      int
	unordered  bool

	isNew bool // there was no such topic before

	mu   sync.Mutex
	sent int   // guarded by mu, as err
	err  error // the first failure
}

func newSend(e env) *cobra.Command {
	s := &sending{}
	cmd := &cobra.Command{
		Use:   "send TOPIC [BODY]",
		Short: "Send messages: an argument, a file, or each line of standard input",
		Long: "Send messages to a topic. The body is the argument, or the file of --file (- is standard input), or else every line of\n" +
			"standard input is a message. A topic that does not exist is made, where the broker is set to do so.",
		Example: "  aerobee send Orders hello\n" +
			"  aerobee send Orders '{\"id\":17}' --tag created --key order-17 --property region=eu\n" +
			"  aerobee send Orders --file order.json --order-key customer-4\n" +
			"  aerobee send Orders remind --delay 10s\n" +
			"  aerobee send Orders remind --at 36h\n" +
			"  cat orders.jsonl | aerobee send Orders --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageErrorf("%s takes a topic and a body, got %d arguments: put a body with blanks in quotes", cmd.CommandPath(), len(args))
			}
			return nil
		},
	}
	s.connection = connected(e, cmd)
	f := cmd.Flags()
	f.StringVar(&s.file, "file", "", "send this `FILE` as one message")
	f.StringVar(&s.tag, "tag", "", "`TAG` that consumers can choose by")
	f.StringArrayVar(&s.keys, "key", nil, "`KEY` by which the message can be found; several are allowed")
	f.StringArrayVar(&s.properties, "property", nil, "property `NAME=VALUE`; several are allowed")
	f.StringVar(&s.delay, "delay", "", "deliver later: a delay `LEVEL` of the broker (3) or its time (10s)")
	f.StringVar(&s.at, "at", "", "deliver at a `TIME` (2026-01-31T15:04:05Z, \"2026-01-31 15:04\"), or so long from now (90s); RocketMQ has it from 5.0 on")
	f.StringVar(&s.orderKey, "order-key", "", "messages of one `KEY` keep their order: all go to one queue")
	f.StringVar(&s.queue, "queue", "", "send to this queue, `BROKER:NUMBER`")
	f.StringVar(&s.group, "group", "", "the producer's group `NAME`")
	f.IntVar(&s.count, "count", 1, "send every message `N` times")
	f.BoolVar(&s.unordered, "unordered", false, "do not wait for each message: faster, but they may overtake each other")
	cmd.ValidArgsFunction = s.completeTopics
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s.topic = args[0]
		prototype, option, err := s.prototype()
		if err != nil {
			return err
		}
		bodies, err := s.bodies(cmd.Context(), cmd.InOrStdin(), args[1:])
		if err != nil {
			return err
		}
		return s.withClient(cmd, subject{topic: s.topic}, func(ctx context.Context, c *client.Client) error {
			p, err := c.NewProducer(client.ProducerConfig{Group: s.group})
			if err != nil {
				return err
			}
			s.route(ctx)
			err = s.sendAll(ctx, p, prototype, bodies, option...)
			if s.queue != "" && errors.Is(err, client.ErrNoRoute) {
				return &hint{fmt.Sprintf("topic %s has no queue %s to write; `aerobee topic describe %s` lists them", s.topic, s.queue, s.topic), err}
			}
			return err
		})
	}
	return cmd
}

// withClient gives do a client, closes it and explains the error. Messages come for as long as somebody writes them, so ctx ends
// with a signal only; --timeout is for closing.
func (c *connection) withClient(cmd *cobra.Command, about subject, do func(ctx context.Context, cl *client.Client) error) error {
	cl, err := c.creds.Client(c.e.variable, client.Config{NameServers: c.nameServers(), Dial: c.tls.dial()})
	if err != nil {
		return usageError{error: err}
	}
	err = do(cmd.Context(), cl)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), c.timeout)
	defer cancel()
	err = errors.Join(err, cl.Close(ctx))
	if err == nil {
		return nil
	}
	a, errAdmin := c.creds.Admin(c.e.variable, admin.Options{NameServers: c.nameServers(), Timeout: explainTimeout, Dial: c.tls.dial()})
	if errAdmin != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	return c.explain(cmd.Context(), a, about, err)
}

// route looks whether the topic is there. If it is not, the first send makes it, which may not be what somebody wanted who has mistyped
// its name.
func (s *sending) route(ctx context.Context) {
	a, err := s.creds.Admin(s.e.variable, admin.Options{NameServers: s.nameServers(), Timeout: explainTimeout, Dial: s.tls.dial()})
	if err != nil {
		return
	}
	defer a.Close() //nolint:errcheck // it has nothing that could be lost
	names, err := a.TopicNames(ctx)
	s.isNew = err == nil && !slices.Contains(names, s.topic)
}

// prototype is a message with all but its body, and what says which queue it goes to.
func (s *sending) prototype() (client.Message, []client.SendOption, error) {
	m := client.Message{Topic: s.topic, Tag: s.tag, Keys: s.keys, Properties: map[string]string{}}
	for _, p := range s.properties {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return m, nil, usageErrorf("--property %q is not NAME=VALUE", p)
		}
		m.Properties[name] = value
	}
	var err error
	if m.DelayLevel, err = delayLevel(s.delay); err != nil {
		return m, nil, err
	}
	if m.DeliverAt, err = deliverAt(s.at, time.Now()); err != nil {
		return m, nil, err
	}
	switch {
	case s.at != "" && s.delay != "":
		return m, nil, usageErrorf("--at and --delay both say when: give one of them")
	case s.count < 1:
		return m, nil, usageErrorf("--count %d: send a message at least once", s.count)
	case s.unordered && s.orderKey != "":
		return m, nil, usageErrorf("--unordered and --order-key contradict each other: give one of them")
	case s.queue != "" && s.orderKey != "":
		return m, nil, usageErrorf("--queue and --order-key both choose the queue: give one of them")
	case s.orderKey != "":
		return m, []client.SendOption{client.ByKey(s.orderKey)}, nil
	case s.queue != "":
		q, err := parseQueue(s.topic, s.queue)
		return m, []client.SendOption{client.ToQueue(q)}, err
	}
	return m, nil, nil
}

// delayLevel reads a level, or a time that one of the usual levels has.
func delayLevel(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	usual := config.Default().DelayLevels
	levels, err := message.ParseDelayLevels(usual)
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 {
		return n, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		for i, level := range levels {
			if level == d {
				return i + 1, nil
			}
		}
	}
	return 0, usageErrorf("--delay %q is no delay level: give a number, or one of %s", text, usual)
}

// deliverAt reads a time, or how long it is until then; the zero time for no text.
func deliverAt(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	if t, ok := parseTime(text, now); ok {
		return t, nil
	}
	return time.Time{}, usageErrorf("--at %q is no time: give one such as 2026-01-31T15:04:05Z or \"2026-01-31 15:04\", or so long from now, such as 90s", text)
}

// bodies returns a function that gives one body after the other, and false behind the last.
func (s *sending) bodies(ctx context.Context, stdin io.Reader, args []string) (next func() ([]byte, bool, error), err error) {
	one := func(body []byte) func() ([]byte, bool, error) {
		given := false
		return func() ([]byte, bool, error) {
			first := !given
			given = true
			return body, first, nil
		}
	}
	switch {
	case len(args) > 0 && s.file != "":
		return nil, usageErrorf("a body and --file are both given: give one of them")
	case len(args) > 0:
		return one([]byte(args[0])), nil
	case s.file == "-":
		body, err := io.ReadAll(stdin)
		return one(body), err
	case s.file != "":
		body, err := os.ReadFile(s.file) // #nosec G304 -- the user names the file
		return one(body), err
	}
	if f, ok := stdin.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintln(s.e.stderr, "Every line is a message; end with Ctrl-D.")
		}
	}
	return readLines(ctx, stdin), nil
}

// readLines gives the lines of a reader. The end of ctx is the end of the lines: the goroutine that reads may then wait in a
// read that nobody can interrupt, and ends with the process.
func readLines(ctx context.Context, r io.Reader) func() ([]byte, bool, error) {
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line)
	go func() {
		defer close(read)
		lines := bufio.NewReader(r)
		for {
			text, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(text) == 0 {
				return
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			select {
			case read <- line{bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func() ([]byte, bool, error) {
		select {
		case l, more := <-read:
			return l.text, more, l.err
		case <-ctx.Done():
			return nil, false, nil
		}
	}
}

// sendAll sends the messages one after the other, or without waiting for each: then brokers may store them in another order,
// as Apache's do.
func (s *sending) sendAll(ctx context.Context, p *client.Producer, m client.Message, next func() ([]byte, bool, error), option ...client.SendOption) error {
	for s.failure() == nil {
		body, more, err := next()
		if err != nil || !more {
			s.done(client.SendResult{}, err)
			break
		}
		for range s.count {
			one := m
			one.Body = body
			if !s.unordered {
				bounded, cancel := context.WithTimeout(ctx, s.timeout)
				s.done(p.Send(bounded, &one, option...))
				cancel()
			} else if err := p.SendAsync(ctx, &one, s.done, option...); err != nil {
				s.done(client.SendResult{}, err)
			}
			if s.failure() != nil {
				break
			}
		}
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	errClose := p.Close(closing) // waits for what is in flight
	err := errors.Join(s.failure(), errClose)
	if s.sent > 1 && !s.asJSON {
		err = errors.Join(err, s.e.printf("sent %d messages\n", s.sent))
	}
	if err != nil && s.sent > 0 {
		return fmt.Errorf("%d sent, then: %w", s.sent, err)
	}
	return err
}

func (s *sending) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// maxShown is how many sent messages are told to a person one by one.
const maxShown = 10

// done takes the outcome of one send.
func (s *sending) done(r client.SendResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && r.ID != "" {
		if s.sent++; s.sent == 1 && s.isNew {
			fmt.Fprintf(s.e.stderr, "topic %s is new\n", s.topic)
		}
		switch {
		case s.asJSON:
			err = s.e.printJSON(sentLine{r.ID, r.OffsetID, s.topic, r.Queue.BrokerName, r.Queue.QueueID, int64(r.Offset), r.Status.String(), r.RecallHandle})
		case s.sent <= maxShown && s.delay+s.at != "": // where it lies until then is not where it will be
			err = s.e.printf("sent %s, to be delivered later (%s)%s\n", r.ID, s.delay+s.at, unlessOK(r.Status))
		case s.sent <= maxShown:
			err = s.e.printf("sent %s to %s queue %d, offset %d%s\n", r.ID, r.Queue.BrokerName, r.Queue.QueueID, r.Offset, unlessOK(r.Status))
		case s.sent == maxShown+1:
			err = s.e.printf("…\n")
		}
	}
	if s.err == nil {
		s.err = err
	}
}

// unlessOK names a status that is stored, but not as safely as it should be.
func unlessOK(status client.SendStatus) string {
	if status == client.SendOK {
		return ""
	}
	return " (" + status.String() + ")"
}
