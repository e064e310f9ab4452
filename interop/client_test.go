package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

const sharedQueues = 8

// roll is what the members of a group have reported: who handled which message of which queue, in the order of arrival.
type roll struct {
	mu    sync.Mutex // guards all below
	by    map[string][]string
	queue map[string][]string // bodies by "member/queue"
	times map[string]string   // reconsume times of the last handling
	ready map[string]bool
}

func newRoll() *roll {
	return &roll{by: map[string][]string{}, queue: map[string][]string{}, times: map[string]string{}, ready: map[string]bool{}}
}

func (r *roll) got(member, queue, times, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[body] = append(r.by[body], member)
	r.queue[member+"/"+queue] = append(r.queue[member+"/"+queue], body)
	r.times[body] = times
}

// onLine takes what the Java member says.
func (r *roll) onLine(line string) {
	words := strings.Fields(line)
	switch {
	case len(words) == 5 && words[0] == "GOT":
		r.got("java", words[1], words[2], words[4])
	case len(words) == 1:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ready[words[0]] = true
	}
}

func (r *roll) said(word string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ready[word] {
		return errors.New("the Java member has not said " + word)
	}
	return nil
}

// handle is the Go member's handler, with the Java member's manners.
func (r *roll) handle(_ context.Context, ds []*client.Delivery) error {
	for _, d := range ds {
		if strings.HasPrefix(string(d.Body), "fail") && d.ReconsumeTimes == 0 {
			return errors.New("the first time it fails")
		}
		r.got("go", strconv.Itoa(int(d.Queue.QueueID)), strconv.Itoa(d.ReconsumeTimes), string(d.Body))
	}
	return nil
}

// owners says who handled the round's message of each queue; it is an error as long as one is missing.
func (r *roll) owners(round string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var owners []string
	for q := range sharedQueues {
		by := r.by[fmt.Sprintf("%s-%d", round, q)]
		if len(by) == 0 {
			return nil, fmt.Errorf("round %s: queue %d's message has not been handled", round, q)
		}
		owners = append(owners, by[0])
	}
	return owners, nil
}

// TestClientInOneGroupWithJava has our consumer and Java's share the queues of one group, each in its turn alone too. Java 4.9 has its
// turn when all targets are chosen.
func TestClientInOneGroupWithJava(t *testing.T) {
	t.Parallel()
	versions := []string{javaNew}
	if os.Getenv("AEROBEE_INTEROP_TARGET") == "all" {
		versions = append(versions, javaOld)
	}
	for _, target := range clientTargets(t) {
		for _, version := range versions {
			for _, mode := range []string{"free", "orderly"} {
				t.Run(target+"/"+version+"/"+mode, func(t *testing.T) {
					java := javaProgram(t, version)
					java.command[len(java.command)-1] = "interop.Member"
					java.command = append(java.command, mode)
					(&sharing{t: t, s: startServer(t, target), java: java, mode: mode, r: newRoll()}).play()
				})
			}
		}
	}
}

// sharing is one play of the story.
type sharing struct {
	t     *testing.T
	s     *server
	java  program
	mode  string
	r     *roll
	round int
}

func (p *sharing) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *sharing) play() {
	topic, group := "shared-"+p.mode, "shared-group-"+p.mode
	p.must(createTopic(p.s.broker, topic, sharedQueues))
	p.must(createGroup(p.s.broker, group, defaultRetries))
	p.must(eventually(routeLimit, "the topic's route", func() error { return routed(p.s.namesrv, topic, p.s.broker) }))
	names := []string{"INTEROP_TOPIC=" + topic, "INTEROP_GROUP=" + group}

	member := p.java.begin(p.t, p.s, p.r.onLine, names...)
	p.must(eventually(60*time.Second, "the Java member is ready", func() error { return p.r.said("READY") }))
	c, err := client.New(client.Config{NameServers: []string{p.s.namesrv}})
	p.must(err)
	defer c.Close(context.Background())
	join := func() *client.PushConsumer {
		consumer, err := c.NewPushConsumer(context.Background(), client.PushConfig{Group: group, Subscriptions: []client.Subscription{{Topic: topic}},
			From: client.FromFirst, Orderly: p.mode == "orderly", Handler: p.r.handle})
		p.must(err)
		return consumer
	}
	consumer := join()
	half := append(slices.Repeat([]string{"?"}, sharedQueues/2), slices.Repeat([]string{"!"}, sharedQueues/2)...)
	p.settles(topic, "half of the queues each, in one run", func(owners []string) bool { return halves(owners, half) })
	p.failOnce(topic)
	p.burst(topic)
	p.must(consumer.Close(context.Background()))
	p.settles(topic, "all queues with Java", func(owners []string) bool { return only(owners, "java") })
	consumer = join()
	p.settles(topic, "half of the queues each again", func(owners []string) bool { return halves(owners, half) })
	member.tell("STOP")
	p.must(eventually(30*time.Second, "the Java member leaves", func() error { return p.r.said("LEFT") }))
	p.settles(topic, "all queues with Go", func(owners []string) bool { return only(owners, "go") })
	p.must(consumer.Close(context.Background()))
	p.checkOrder()
}

func halves(owners, like []string) bool {
	first, last := owners[0], owners[len(owners)-1]
	for i, o := range owners {
		if (like[i] == "?") != (o == first) {
			return false
		}
	}
	return first != last
}

func only(owners []string, member string) bool {
	return !slices.ContainsFunc(owners, func(o string) bool { return o != member })
}

// settles sends rounds of one message to each queue until their owners are right.
func (p *sharing) settles(topic, what string, right func(owners []string) bool) {
	p.t.Helper()
	start := time.Now()
	p.must(eventually(90*time.Second, what, func() error {
		round := p.send(topic, 1)
		var owners []string
		if err := eventually(30*time.Second, "the round's messages", func() (err error) {
			owners, err = p.r.owners(round)
			return err
		}); err != nil {
			return err
		}
		if !right(owners) {
			return fmt.Errorf("the queues are with %v", owners)
		}
		return nil
	}))
	p.t.Logf("%s after %v", what, time.Since(start).Round(10*time.Millisecond))
}

// send puts n messages into each queue.
func (p *sharing) send(topic string, n int) (round string) {
	p.t.Helper()
	for range n {
		p.round++
		round = strconv.Itoa(p.round)
		for q := range sharedQueues {
			p.must(sendTo(p.s.broker, topic, q, fmt.Sprintf("%s-%d", round, q)))
		}
	}
	return round
}

func sendTo(broker, topic string, queue int, body string) error {
	_, err := invoke(broker, codeSend, map[string]string{
		"producerGroup": "interop-driver", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": strconv.Itoa(queue), "sysFlag": "0", "bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10), "flag": "0",
		"properties": "", "reconsumeTimes": "0", "unitMode": "false",
	}, []byte(body))
	return err
}

// failOnce has a message of each half fail once; any member may handle it then.
func (p *sharing) failOnce(topic string) {
	p.t.Helper()
	for _, q := range []int{0, sharedQueues - 1} {
		body := fmt.Sprintf("fail-%d", q)
		p.must(sendTo(p.s.broker, topic, q, body))
		p.must(eventually(60*time.Second, body+" comes again", func() error {
			p.r.mu.Lock()
			defer p.r.mu.Unlock()
			if len(p.r.by[body]) == 0 || p.r.times[body] != "1" {
				return fmt.Errorf("handled by %v, reconsume times %q", p.r.by[body], p.r.times[body])
			}
			return nil
		}))
	}
}

// burst sends many messages while nothing changes: each is handled exactly once, by its queue's owner.
func (p *sharing) burst(topic string) {
	p.t.Helper()
	from := p.round + 1
	last := p.send(topic, 50)
	p.must(eventually(30*time.Second, "the burst", func() error {
		_, err := p.r.owners(last)
		return err
	}))
	for round := from; round <= p.round; round++ {
		owners, err := p.r.owners(strconv.Itoa(round))
		p.must(err)
		for q := range sharedQueues {
			p.r.mu.Lock()
			by := p.r.by[fmt.Sprintf("%d-%d", round, q)]
			p.r.mu.Unlock()
			if len(by) != 1 || by[0] != owners[q] {
				p.t.Errorf("message %d-%d was handled by %v", round, q, by)
			}
		}
	}
}

// checkOrder looks that an orderly member's queues came in order, but for what came twice when a queue changed hands.
func (p *sharing) checkOrder() {
	if p.mode != "orderly" {
		return
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	for name, bodies := range p.r.queue {
		_, queue, _ := strings.Cut(name, "/")
		highest := 0
		for _, body := range bodies {
			round, _, _ := strings.Cut(body, "-")
			n, err := strconv.Atoi(round)
			if err != nil {
				continue // one that failed once
			}
			for skipped := highest + 1; highest > 0 && skipped < n; skipped++ {
				if slices.Contains(bodies, fmt.Sprintf("%d-%s", skipped, queue)) {
					p.t.Errorf("%s: message %d came before %d", name, n, skipped)
				}
			}
			highest = max(highest, n)
		}
	}
}
