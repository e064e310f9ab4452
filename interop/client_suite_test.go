package interop

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/cluster"
)

// scenarioLimit ends a scenario of our own client that hangs.
const scenarioLimit = 90 * time.Second

// clientsAtOnce is how many scenarios run side by side; nearly all only wait.
const clientsAtOnce = 8

// clientScenario is one thing that our client must be able to do.
type clientScenario struct {
	name string
	run  func(*clientLab)
}

// TestClient has our own client do against every chosen server what the suites of the official clients do with theirs.
func TestClient(t *testing.T) {
	for _, target := range clientTargets(t) {
		t.Run(target, func(t *testing.T) { runClientSuite(t, startServer(t, target)) })
	}
}

// runClientSuite runs what waits side by side, the slow ones first, and then one by one what measures time or kills the server.
func runClientSuite(t *testing.T, s *server) {
	runScenarios(t, s, slices.Concat(clientRetrying(), clientTiming(), clientSharing(), clientOrdering(), clientPulling(), clientInspecting(), clientSending()), clientAlone()...)
}

// runScenarios runs scenarios side by side, and then those of alone one by one.
func runScenarios(t *testing.T, s *server, scenarios []clientScenario, alone ...clientScenario) {
	a, err := admin.New(admin.Options{NameServers: []string{s.namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	start, count := time.Now(), 0
	run := strconv.FormatInt(start.UnixMilli(), 36)
	only := regexp.MustCompile(os.Getenv("AEROBEE_INTEROP_ONLY"))
	var wg sync.WaitGroup
	slots := make(chan struct{}, clientsAtOnce)
	for _, sc := range scenarios {
		if !only.MatchString(sc.name) {
			continue
		}
		count++
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			runClientScenario(t, s, a, run, sc)
		})
	}
	wg.Wait()
	for _, sc := range alone {
		if only.MatchString(sc.name) {
			count++
			runClientScenario(t, s, a, run, sc)
		}
	}
	t.Logf("our client on %s: %d scenarios in %v", s.name, count, time.Since(start).Round(100*time.Millisecond))
}

func runClientScenario(t *testing.T, s *server, a *admin.Admin, run string, sc clientScenario) {
	t.Run(sc.name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
		defer cancel()
		sc.run(&clientLab{T: t, ctx: ctx, s: s, admin: a, prefix: "own-" + run + "-" + sc.name})
	})
}

// clientLab holds one scenario's topics, groups and clients; names carry the run and the scenario, so scenarios never meet.
type clientLab struct {
	*testing.T
	ctx     context.Context
	s       *server
	admin   *admin.Admin // shared by all scenarios
	prefix  string
	clients int
}

func (l *clientLab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *clientLab) equal(what string, want, got any) {
	l.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// within waits until attempt succeeds, as long as the scenario may last.
func (l *clientLab) within(what string, attempt func() error) {
	l.Helper()
	l.must(eventually(30*time.Second, what, attempt))
}

func (l *clientLab) unique(kind string) string { return l.prefix + "-" + kind }

// topic makes the scenario's topic and waits for its route.
func (l *clientLab) topic(queues int) string { return l.topicNamed(l.unique("topic"), queues) }

func (l *clientLab) topicNamed(name string, queues int) string {
	l.Helper()
	l.must(createTopic(l.s.broker, name, queues))
	l.within("route of "+name, func() error { return routed(l.s.namesrv, name, l.s.broker) })
	return name
}

// group makes a consumer group of the scenario.
func (l *clientLab) group(kind string) string {
	l.Helper()
	l.must(createGroup(l.s.broker, l.unique(kind), defaultRetries))
	return l.unique(kind)
}

// client makes a client of its own, which looks for new topics every second as the official ones do in their suites.
func (l *clientLab) client(configure ...func(*client.Config)) *client.Client {
	l.Helper()
	l.clients++
	config := client.Config{NameServers: []string{l.s.namesrv}, InstanceName: l.unique(strconv.Itoa(l.clients)), RouteInterval: time.Second,
		Logger: slog.New(slog.NewTextHandler(l.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, c := range configure {
		c(&config)
	}
	c, err := client.New(config)
	l.must(err)
	l.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			l.Errorf("Close: %v", err)
		}
	})
	return c
}

// producer makes a producer on a client of its own; its limit is high so that a loaded machine does not fail the run.
func (l *clientLab) producer(configure ...func(*client.ProducerConfig)) *client.Producer {
	l.Helper()
	return l.producerOn(l.client(), configure...)
}

func (l *clientLab) producerOn(c *client.Client, configure ...func(*client.ProducerConfig)) *client.Producer {
	l.Helper()
	config := client.ProducerConfig{Group: l.unique("producer"), SendTimeout: 10 * time.Second}
	for _, c := range configure {
		c(&config)
	}
	p, err := c.NewProducer(config)
	l.must(err)
	return p
}

// send wants SendOK.
func (l *clientLab) send(p *client.Producer, m *client.Message, opts ...client.SendOption) client.SendResult {
	l.Helper()
	r, err := p.Send(l.ctx, m, opts...)
	l.must(err)
	l.equal("status", client.SendOK, r.Status)
	return r
}

func (l *clientLab) sendAll(p *client.Producer, topic string, bodies []string, opts ...client.SendOption) {
	l.Helper()
	for _, body := range bodies {
		l.send(p, &client.Message{Topic: topic, Body: []byte(body)}, opts...)
	}
}

// consumer starts a push consumer of everything in the topic from the first message on, on a client of its own.
func (l *clientLab) consumer(topic, group string, h client.Handler, configure ...func(*client.PushConfig)) *client.PushConsumer {
	l.Helper()
	return l.consumerOn(l.client(), topic, group, h, configure...)
}

func (l *clientLab) consumerOn(c *client.Client, topic, group string, h client.Handler, configure ...func(*client.PushConfig)) *client.PushConsumer {
	l.Helper()
	config := client.PushConfig{Group: group, Subscriptions: []client.Subscription{{Topic: topic}}, From: client.FromFirst, Handler: h,
		CommitInterval: 500 * time.Millisecond}
	for _, c := range configure {
		c(&config)
	}
	pc, err := c.NewPushConsumer(l.ctx, config)
	l.must(err)
	return pc
}

// consume starts a consumer that takes everything.
func (l *clientLab) consume(topic, group string, configure ...func(*client.PushConfig)) inbox {
	l.Helper()
	in := newInbox()
	l.consumer(topic, group, in.take, configure...)
	return in
}

// inbox is where a consumer's messages arrive, in the order in which its handler saw them.
type inbox chan *client.Delivery

func newInbox() inbox { return make(inbox, 10_000) }

func (in inbox) take(_ context.Context, ds []*client.Delivery) error {
	for _, d := range ds {
		in <- d.Clone()
	}
	return nil
}

// failing fails each message until it has failed so often; level says when it comes again.
func (in inbox) failing(failures, level int) client.Handler {
	return func(ctx context.Context, ds []*client.Delivery) error {
		_ = in.take(ctx, ds)
		if ds[0].ReconsumeTimes < failures {
			return &client.RetryError{Err: fmt.Errorf("failure %d", ds[0].ReconsumeTimes+1), DelayLevel: level}
		}
		return nil
	}
}

// next waits for a message.
func (l *clientLab) next(in inbox) *client.Delivery {
	l.Helper()
	select {
	case d := <-in:
		return d
	case <-l.ctx.Done():
		l.Fatal("no message as long as the scenario may last")
		return nil
	}
}

// bodies waits for so many messages and returns what they say.
func (l *clientLab) bodies(in inbox, count int) []string {
	l.Helper()
	var got []string
	for range count {
		select {
		case d := <-in:
			got = append(got, string(d.Body))
		case <-l.ctx.Done():
			l.Fatalf("%d of %d messages as long as the scenario may last: %q", len(got), count, got)
		}
	}
	return got
}

// expect wants exactly these bodies, in any order.
func (l *clientLab) expect(in inbox, want []string) {
	l.Helper()
	got := l.bodies(in, len(want))
	slices.Sort(got)
	l.equal("received", slices.Sorted(slices.Values(want)), got)
}

// nothing wants no message within the time.
func (l *clientLab) nothing(in inbox, limit time.Duration) {
	l.Helper()
	select {
	case d := <-in:
		l.Fatalf("unexpected message %.80q", d.Body)
	case <-time.After(limit):
	}
}

func (l *clientLab) close(c interface{ Close(context.Context) error }) {
	l.Helper()
	l.must(c.Close(l.ctx))
}

// queue is one of the topic's.
func (l *clientLab) queue(topic string, id int32) client.Queue {
	l.Helper()
	r, err := l.admin.Topic(l.ctx, topic)
	l.must(err)
	for _, q := range r.Queues {
		if q.QueueID == id {
			return q.Queue
		}
	}
	l.Fatalf("%s has no queue %d", topic, id)
	return cluster.Queue{}
}

func numbered(prefix string, count int) []string {
	texts := make([]string, count)
	for i := range texts {
		texts[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return texts
}

func messages(topic string, bodies []string) []*client.Message {
	ms := make([]*client.Message, len(bodies))
	for i, body := range bodies {
		ms[i] = &client.Message{Topic: topic, Body: []byte(body)}
	}
	return ms
}

// compressible is a word of so many bytes that becomes small.
func compressible(size int) string { return strings.Repeat("compressible-", size/13+1)[:size] }
