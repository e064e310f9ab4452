package interop

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

func clientSharing() []clientScenario {
	return []clientScenario{
		{"clustering", ownClustering}, {"broadcast", ownBroadcast}, {"tag-filter", ownTagFilter}, {"sql-filter", ownSQLFilter}, {"resume", ownResume}, {"new-topic", ownNewTopic},
		{"start-first", ownStart(client.FromFirst)}, {"start-last", ownStart(client.FromLast)}, {"start-time", ownStartTime},
		{"batches", ownBatches}, {"flow-control", ownFlowControl},
	}
}

// clientAlone measure time or kill the server.
func clientAlone() []clientScenario {
	return []clientScenario{{"long-poll", ownLongPoll}, {"kill-and-resume", ownKillAndResume}}
}

// ownClustering wants three members to share six queues by twos, and the others to take over when one leaves.
func ownClustering(l *clientLab) {
	topic, group, p := l.topic(6), l.group("group"), l.producer()
	var inboxes []inbox
	var members []*client.PushConsumer
	for range 3 {
		in := newInbox()
		inboxes, members = append(inboxes, in), append(members, l.consumer(topic, group, in.take))
	}
	sent := l.roundsUntil(p, topic, inboxes, []int{2, 2, 2})
	l.must(l.s.awaitCommitted(topic, group, 6, sent))
	l.close(members[0])
	l.roundsUntil(p, topic, inboxes, []int{0, 3, 3})
	l.close(members[2])
	l.roundsUntil(p, topic, inboxes, []int{0, 6, 0})
}

// roundsUntil sends a message to each queue of the topic, again and again, until the members share a round as wanted; in each round
// nothing may be missing, and only a queue that changes hands may bring a message twice. It returns how many it sent.
func (l *clientLab) roundsUntil(p *client.Producer, topic string, members []inbox, want []int) int {
	l.Helper()
	queues := 0
	for _, n := range want {
		queues += n
	}
	for round := 1; l.ctx.Err() == nil; round++ {
		for q := range queues {
			l.send(p, &client.Message{Topic: topic, Body: fmt.Appendf(nil, "%v-%d-%d", want, round, q)}, client.ToQueue(l.queue(topic, int32(q))))
		}
		shares, seen := make([]int, len(members)), map[string]bool{}
		for len(seen) < queues {
			i, d := l.nextOf(members)
			if !strings.HasPrefix(string(d.Body), fmt.Sprintf("%v-%d-", want, round)) {
				continue // of a round before, when its queue changed hands
			}
			shares[i]++
			seen[string(d.Body)] = true
		}
		if slices.Equal(shares, want) {
			return round * queues
		}
	}
	l.Fatalf("the members never shared the queues as %v", want)
	return 0
}

// nextOf waits for a message of any of up to three members.
func (l *clientLab) nextOf(members []inbox) (int, *client.Delivery) {
	l.Helper()
	select {
	case d := <-members[0]:
		return 0, d
	case d := <-members[1]:
		return 1, d
	case d := <-members[2]:
		return 2, d
	case <-l.ctx.Done():
		l.Fatal("a message is missing")
		return 0, nil
	}
}

// ownBroadcast wants every member to get everything, and one that comes back to go on where it left.
func ownBroadcast(l *clientLab) {
	topic, group, p := l.topic(4), l.group("group"), l.producer()
	dirs := []string{l.TempDir(), l.TempDir()}
	var inboxes []inbox
	var members []*client.PushConsumer
	join := func(dir string) {
		in := newInbox()
		inboxes = append(inboxes, in)
		members = append(members, l.consumer(topic, group, in.take, func(c *client.PushConfig) { c.Broadcast, c.OffsetDir = true, dir }))
	}
	join(dirs[0])
	join(dirs[1])
	texts := numbered("broadcast", 20)
	l.sendAll(p, topic, texts)
	l.expect(inboxes[0], texts)
	l.expect(inboxes[1], texts)
	l.close(members[0])
	missed := numbered("missed", 10)
	l.sendAll(p, topic, missed)
	join(dirs[0])
	l.expect(inboxes[2], missed)
	l.expect(inboxes[1], missed)
	l.nothing(inboxes[2], 200*time.Millisecond)
}

func ownTagFilter(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	for _, tag := range []string{"red", "green", "blue", "green", "", "red"} {
		l.send(p, &client.Message{Topic: topic, Tag: tag, Body: []byte("tag " + tag)})
	}
	in := l.consume(topic, l.group("group"), func(c *client.PushConfig) { c.Subscriptions[0].Expression = "red || blue" })
	l.expect(in, []string{"tag red", "tag blue", "tag red"})
	l.nothing(in, 500*time.Millisecond)
}

// ownSQLFilter wants what an expression over the properties is true for, of what lies there and of what comes later.
func ownSQLFilter(l *clientLab) {
	topic, p := l.topic(2), l.producer()
	send := func(prefix string) {
		for price := range 10 {
			m := &client.Message{Topic: topic, Body: fmt.Appendf(nil, "%s-%d", prefix, price)}
			if price != 6 {
				m.Properties = map[string]string{"price": strconv.Itoa(price)}
			}
			l.send(p, m)
		}
	}
	send("before")
	in := l.consume(topic, l.group("group"), func(c *client.PushConfig) {
		c.Subscriptions[0].Expression, c.Subscriptions[0].SQL = "price > 4 AND price NOT BETWEEN 7 AND 8", true
	})
	l.expect(in, []string{"before-5", "before-9"})
	send("after")
	l.expect(in, []string{"after-5", "after-9"})
	l.nothing(in, 500*time.Millisecond)
}

// ownResume wants a second consumer to begin exactly where the first one left off. Apache's broker may take the offset that came with the
// last pull after the newer one that Close has told, and then messages come again: there the offset is waited for first.
func ownResume(l *clientLab) {
	topic, group, p := l.topic(2), l.group("group"), l.producer()
	before := newInbox()
	first := l.consumer(topic, group, before.take)
	texts := numbered("before", 30)
	l.sendAll(p, topic, texts)
	l.expect(before, texts)
	if l.s.name != "aerobee" {
		l.must(l.s.awaitCommitted(topic, group, 2, 30))
	}
	l.close(first)
	texts = numbered("after", 30)
	l.sendAll(p, topic, texts)
	after := l.consume(topic, group)
	l.expect(after, texts)
	l.nothing(after, 500*time.Millisecond)
}

// ownNewTopic subscribes to a topic before it is there.
func ownNewTopic(l *clientLab) {
	topic := l.unique("late")
	in := l.consume(topic, l.group("group"))
	l.topicNamed(topic, 2)
	l.sendAll(l.producer(), topic, []string{"at last"})
	l.expect(in, []string{"at last"})
}

// ownStart wants a new group to have all of a young queue's messages, whether it begins with the first or, as Java does, the last.
func ownStart(from client.Start) func(*clientLab) {
	return func(l *clientLab) {
		topic := l.topic(2)
		texts := numbered("old", 10)
		l.sendAll(l.producer(), topic, texts)
		l.expect(l.consume(topic, l.group("group"), func(c *client.PushConfig) { c.From = from }), texts)
	}
}

// ownStartTime wants a new group to begin with the first message of that time. RocketMQ 4 does not tell a new group from one that is at
// the first message of a young queue, so that there it begins with this one, with Java's clients too.
func ownStartTime(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	l.sendAll(p, topic, []string{"old"})
	l.later(topic)
	l.sendAll(p, topic, []string{"new"})
	at := l.later(topic)
	l.sendAll(p, topic, []string{"newest"})
	want := []string{"new", "newest"}
	if l.s.name == "apache49" {
		want = append(want, "old")
	}
	in := l.consume(topic, l.group("group"), func(c *client.PushConfig) { c.From = client.FromTime(at) })
	l.expect(in, want)
	l.nothing(in, 200*time.Millisecond)
}

// later is when the last message of queue 0 was stored; it returns two milliseconds after that, so that no other has the same time.
func (l *clientLab) later(topic string) time.Time {
	l.Helper()
	r, err := l.admin.Reader(l.ctx, l.queue(topic, 0), 0)
	l.must(err)
	var at time.Time
	l.within("the last message, and two milliseconds", func() error {
		end, err := l.admin.MaxOffset(l.ctx, r.Queue)
		if err != nil {
			return err
		}
		r.Next = end - 1
		ms, err := r.Read(l.ctx, 0)
		if err != nil || len(ms) != 1 {
			return fmt.Errorf("%d messages at offset %d, %w", len(ms), end-1, err)
		}
		if at = ms[0].StoredAt; time.Since(at) < 2*time.Millisecond {
			return fmt.Errorf("it is still %v", at)
		}
		return nil
	})
	return at
}

// ownBatches hands several messages to a handler at once.
func ownBatches(l *clientLab) {
	topic, group := l.topic(1), l.group("group")
	texts := numbered("batched", 64)
	_, err := l.producer().SendBatch(l.ctx, messages(topic, texts))
	l.must(err)
	in := newInbox()
	sizes := make(chan int, len(texts))
	l.consumer(topic, group, counting(sizes, in.take), func(c *client.PushConfig) { c.MaxBatch = 8 })
	l.expect(in, texts)
	largest := 0
	for len(sizes) > 0 {
		largest = max(largest, <-sizes)
	}
	l.equal("largest batch", 8, largest)
}

// ownFlowControl wants all messages with room for few.
func ownFlowControl(l *clientLab) {
	topic := l.topic(2)
	texts := numbered("flow-"+strings.Repeat("x", 1000), 300)
	_, err := l.producer().SendBatch(l.ctx, messages(topic, texts))
	l.must(err)
	in := l.consume(topic, l.group("group"), func(c *client.PushConfig) { c.MaxCached, c.MaxCachedBytes, c.Concurrency = 16, 32<<10, 2 })
	l.expect(in, texts)
}

// ownLongPoll wants messages at once although the consumer asks only every 15 s or more: the broker wakes it.
func ownLongPoll(l *clientLab) {
	topic, p := l.topic(1), l.producer()
	in := l.consume(topic, l.group("group"))
	l.sendAll(p, topic, []string{"first"})
	l.expect(in, []string{"first"})
	var latencies []time.Duration
	for range 9 {
		l.nothing(in, 200*time.Millisecond) // the consumer has asked again and waits
		start := time.Now()
		l.sendAll(p, topic, []string{"awaited"})
		l.next(in)
		latencies = append(latencies, time.Since(start))
	}
	slices.Sort(latencies)
	l.Logf("from the send to the handler: median %v of %v", latencies[4], latencies)
	if latencies[4] > time.Second {
		l.Errorf("median %v", latencies[4])
	}
}

// ownKillAndResume kills the server: unread messages, a pending delay and the topic itself outlive it; a consumer and a producer that
// ran through it go on, and a group goes on where it has committed.
func ownKillAndResume(l *clientLab) {
	topic, unread, p := l.topic(2), l.topicNamed(l.unique("unread"), 2), l.producer()
	living, half := l.consume(topic, l.group("living")), newInbox()
	l.sendAll(p, topic, numbered("before", 10))
	l.bodies(living, 10)
	halved := l.group("halved")
	reader := l.consumer(unread, halved, half.take)
	read, kept := numbered("read", 20), numbered("kept", 20)
	l.sendAll(p, unread, read)
	l.expect(half, read)
	l.must(l.s.awaitCommitted(unread, halved, 2, 20))
	l.close(reader)
	l.sendAll(p, unread, kept)
	l.send(p, &client.Message{Topic: topic, Body: []byte("delayed over the kill"), DelayLevel: 2})

	l.must(l.s.awaitCommitted(unread, halved, 2, 20))
	l.nothing(half, 2*time.Second) // brokers keep offsets in memory for a moment: Aerobee 1 s, Apache here 0.5 s
	l.must(l.s.restart())

	start := time.Now()
	l.within("sending works again", func() error {
		_, err := p.Send(l.ctx, &client.Message{Topic: topic, Body: []byte("after")})
		return err
	})
	l.Logf("sending works %v after the server was ready", time.Since(start).Round(time.Millisecond))
	got := map[string]bool{}
	for !got["after"] || !got["delayed over the kill"] {
		got[string(l.next(living).Body)] = true
	}
	l.Logf("the living consumer went on within %v", time.Since(start).Round(time.Millisecond))
	rest := l.consume(unread, halved)
	l.expect(rest, kept)
	l.nothing(rest, 500*time.Millisecond)
}
