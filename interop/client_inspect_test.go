package interop

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
)

func clientInspecting() []clientScenario {
	return []clientScenario{
		{"trace", ownTrace}, {"namespace", ownNamespace}, {"query-by-key", ownQueryByKey}, {"view-by-id", ownViewByID},
		{"name-server-discovery", ownDiscovery}, {"name-server-dead", ownDeadNameServer}, {"running-info", ownRunningInfo}, {"reset", ownReset},
	}
}

// ownTrace wants the lines of the producer and the consumer in the trace topic, found by the message's id and its key.
func ownTrace(l *clientLab) {
	topic, group, key := l.topic(1), l.group("group"), l.unique("key")
	c := l.client(func(c *client.Config) { c.Trace = true })
	r := l.send(l.producerOn(c), &client.Message{Topic: topic, Tag: "tagged", Keys: []string{key}, Body: []byte("traced")})
	in := newInbox()
	l.consumerOn(c, topic, group, in.take)
	l.next(in)
	for _, by := range []string{r.ID, key} {
		for _, line := range []string{
			strings.Join([]string{"DefaultRegion", l.unique("producer"), topic, r.ID, "tagged", key, l.s.broker, "6"}, "\x01"),
			strings.Join([]string{"DefaultRegion", group, "*", r.ID, "0", key}, "\x01"),
			strings.Join([]string{"SubAfter", "*", r.ID}, "\x01"),
		} {
			l.within(fmt.Sprintf("a trace with %q by %s", line, by), func() error { return l.traced(by, line) })
		}
	}
}

// traced is an error until a trace found by the key has the text; "*" in it stands for one field.
func (l *clientLab) traced(key, text string) error {
	found, err := l.admin.Messages(l.ctx, admin.Query{Topic: message.TopicTrace, Key: key})
	if err != nil {
		return err
	}
	before, after, _ := strings.Cut(text, "*")
	var all []string
	for _, m := range found {
		for line := range strings.SplitSeq(string(m.Body), "\x02") {
			all = append(all, line)
			_, rest, ok := strings.Cut(line, before)
			if ok && (after == "" || strings.HasPrefix(rest[max(0, strings.IndexByte(rest, 1)):], after)) {
				return nil
			}
		}
	}
	return fmt.Errorf("not among %q", all)
}

// ownNamespace wants prefixed names at the broker and names without the prefix here, also when a message comes again.
func ownNamespace(l *clientLab) {
	topic, group := l.unique("topic"), l.unique("group")
	l.topicNamed("space%"+topic, 1)
	l.must(createGroup(l.s.broker, "space%"+group, defaultRetries))
	spaced := func(c *client.Config) { c.Namespace = "space" }
	r := l.send(l.producerOn(l.client(spaced)), &client.Message{Topic: topic, Body: []byte("spaced")})
	l.equal("topic of the result", topic, r.Queue.Topic)
	in := newInbox()
	l.consumerOn(l.client(spaced), topic, group, in.failing(1, 1))
	for times := range 2 {
		d := l.next(in)
		l.equal("topic", topic, d.Topic)
		l.equal("reconsume times", times, d.ReconsumeTimes)
	}
	outside := l.next(l.consume("space%"+topic, l.group("outside")))
	l.equal("topic outside", "space%"+topic, outside.Topic)
	l.must(l.s.awaitCommitted("space%"+topic, "space%"+group, 1, 1))
}

func ownQueryByKey(l *clientLab) {
	topic, p := l.topic(2), l.producer()
	for _, body := range []string{"one", "two"} {
		l.send(p, &client.Message{Topic: topic, Keys: []string{"order-77", "other-" + body}, Body: []byte(body)})
	}
	for key, want := range map[string][]string{"order-77": {"one", "two"}, "other-one": {"one"}, "nobody": nil} {
		l.within("messages with key "+key, func() error {
			found, err := l.admin.Messages(l.ctx, admin.Query{Topic: topic, Key: key})
			var got []string
			for _, m := range found {
				got = append(got, string(m.Body))
			}
			slices.Sort(got)
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("found %q, want %q", got, want)
			}
			return err
		})
	}
}

// ownViewByID finds messages by both ids of the producer's result, those of a batch too.
func ownViewByID(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	results, err := p.SendBatch(l.ctx, messages(topic, []string{"seen 0", "seen 1"}))
	l.must(err)
	results = append(results, l.send(p, &client.Message{Topic: topic, Body: []byte("seen 2")}))
	for i, r := range results {
		m, err := l.admin.MessageAt(l.ctx, r.OffsetID)
		l.must(err)
		l.equal("body", fmt.Sprintf("seen %d", i), string(m.Body))
		l.equal("offset", int64(r.Offset), m.Offset)
		l.within("the message by its unique id", func() error {
			found, err := l.admin.Messages(l.ctx, admin.Query{Topic: topic, Key: r.ID, Unique: true})
			if err == nil && (len(found) != 1 || string(found[0].Body) != string(m.Body)) {
				err = fmt.Errorf("found %v", found)
			}
			return err
		})
	}
}

// ownDiscovery has the client ask a URL where the NameServers are.
func ownDiscovery(l *clientLab) {
	addresses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, l.s.namesrv) }))
	defer addresses.Close()
	c := l.client(func(c *client.Config) { c.NameServers, c.Discovery = nil, addresses.URL })
	l.send(l.producerOn(c), &client.Message{Topic: l.topic(1), Body: []byte("found")})
}

// ownDeadNameServer lists a NameServer first that nobody reaches.
func ownDeadNameServer(l *clientLab) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	l.must(dead.Close())
	c := l.client(func(c *client.Config) { c.NameServers = []string{dead.Addr().String(), l.s.namesrv} })
	l.send(l.producerOn(c), &client.Message{Topic: l.topic(1), Body: []byte("by the other one")})
}

// ownRunningInfo wants the consumer to tell the tools which queues it has, and the broker to know what it subscribes to.
func ownRunningInfo(l *clientLab) {
	topic, group := l.topic(3), l.group("group")
	c := l.client()
	l.consumerOn(c, topic, group, newInbox().take, func(c *client.PushConfig) { c.Subscriptions[0].Expression = "red || blue" })
	l.within("the member with its queues", func() error {
		g, err := l.admin.Group(l.ctx, group)
		if err != nil {
			return err
		}
		owned := 0
		for _, q := range g.Queues {
			if q.Topic == topic && q.Owner == c.ID() {
				owned++
			}
		}
		subscribed := slices.ContainsFunc(g.Subscriptions, func(s admin.Subscription) bool { return s.Topic == topic && s.Expression == "red || blue" })
		if owned != 3 || !subscribed || len(g.Members) != 1 || g.Members[0].ClientID != c.ID() || g.Members[0].Silent != "" {
			return fmt.Errorf("%d queues owned, the group is %+v", owned, g)
		}
		return nil
	})
}

// ownReset has the tools send the running group back to its first messages. RocketMQ 5.5.0 tells a consumer with its next pull, which it
// does not wake: that may be 20 s later.
func ownReset(l *clientLab) {
	topic, group, p := l.topic(2), l.group("group"), l.producer()
	texts := numbered("reset", 20)
	l.sendAll(p, topic, texts)
	in := l.consume(topic, group)
	l.expect(in, texts)
	l.must(l.s.awaitCommitted(topic, group, 2, 20))
	_, err := l.admin.Reset(l.ctx, admin.Reset{Group: group, Topic: topic})
	l.must(err)
	l.expect(in, texts)
	l.nothing(in, 300*time.Millisecond)
}
