package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// publishing is what a producer knows of one topic.
type publishing struct {
	topic string // without the namespace
	wire  string // with it
	info  atomic.Pointer[publishInfo]
	next  atomic.Uint32 // the round robin
	used  atomic.Int64  // when it was last sent to, unix seconds, give or take a minute
	asked atomic.Int64  // when a borrowed route was last tried to be replaced, unix seconds
}

// publishInfo is a route made ready for sending. It never changes.
type publishInfo struct {
	queues   []Queue  // writable, as selectors see them: their topic is without the namespace
	addrs    []string // by queue: its broker's master, "" when it has none now
	heads    [][]byte // by queue: the head of a send request with all that does not change
	borrowed bool     // the topic does not exist yet: it is the route of TBW102, whose brokers will create it
}

// forgetTopic is how long a topic's route is kept fresh after the last send.
const forgetTopic = time.Hour

// publish finds what is known of a topic, and asks for it the first time.
func (p *Producer) publish(ctx context.Context, topic string, now time.Time) (*publishing, *publishInfo, error) {
	t := (*p.topics.Load())[topic]
	if t == nil {
		if err := cluster.CheckName("topic", topic, false); err != nil {
			return nil, nil, err
		}
		t = p.addTopic(topic)
	}
	if sec := now.Unix(); sec-t.used.Load() > 60 {
		t.used.Store(sec)
	}
	if info := t.info.Load(); info != nil {
		return t, info, nil
	}
	info, err := p.findRoute(ctx, t)
	return t, info, err
}

func (p *Producer) addTopic(topic string) *publishing {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := *p.topics.Load()
	if t := old[topic]; t != nil {
		return t
	}
	t := &publishing{topic: topic, wire: p.ns.Wrap(topic)}
	topics := maps.Clone(old)
	topics[topic] = t
	p.topics.Store(&topics)
	return t
}

// findRoute asks for a topic's route. For a topic that does not exist it borrows that of TBW102, as all RocketMQ clients do: a broker
// that may create topics does so when the first message comes.
func (p *Producer) findRoute(ctx context.Context, t *publishing) (*publishInfo, error) {
	r, err := p.client.cluster.Route(ctx, t.wire)
	borrowed := false
	if errors.Is(err, ErrTopicNotFound) && !p.config.NoAutoCreate {
		if model, modelErr := p.client.cluster.Route(ctx, message.TopicAutoName); modelErr == nil {
			r, err, borrowed = model, nil, true
		}
	}
	if err != nil {
		return nil, fmt.Errorf("client: topic %s: %w", t.topic, err)
	}
	info := p.newPublishInfo(t, r, borrowed)
	if len(info.queues) == 0 {
		return nil, fmt.Errorf("client: topic %s has no queue that can be written on any broker: %w", t.topic, ErrNoRoute)
	}
	if !t.info.CompareAndSwap(nil, info) {
		if newer := t.info.Load(); newer != nil { // the route has changed since we asked
			return newer, nil
		}
	}
	return info, nil
}

func (p *Producer) newPublishInfo(t *publishing, r *cluster.Route, borrowed bool) *publishInfo {
	info := &publishInfo{borrowed: borrowed}
	for _, q := range r.Writable {
		if borrowed && q.QueueID >= int32(p.config.DefaultTopicQueues) {
			continue
		}
		addr, _ := r.Master(q.BrokerName)
		q.Topic = t.topic
		info.queues = append(info.queues, q)
		info.addrs = append(info.addrs, addr)
		info.heads = append(info.heads, p.head(t.wire, q))
	}
	return info
}

// head encodes the fields of a send request that are the same for all messages of a queue.
func (p *Producer) head(wireTopic string, q Queue) []byte {
	f := protocol.Frame{Encoding: protocol.Binary, Code: protocol.ReqSendMessageV2, Language: protocol.LanguageGo, Version: protocol.CurrentVersion}
	f.Fields.Add("a", p.group)
	f.Fields.Add("b", wireTopic)
	f.Fields.Add("c", message.TopicAutoName)
	f.Fields.Add("d", strconv.Itoa(p.config.DefaultTopicQueues))
	f.Fields.Add("e", strconv.Itoa(int(q.QueueID)))
	f.Fields.Add("j", "0")
	f.Fields.Add("k", "false")
	f.Fields.Add("n", q.BrokerName)
	return protocol.AppendHead(nil, &f, 0)
}

// index finds a queue in the route, -1 if it is not there.
func (info *publishInfo) index(q Queue) int {
	for i := range info.queues {
		if info.queues[i].BrokerName == q.BrokerName && info.queues[i].QueueID == q.QueueID {
			return i
		}
	}
	return -1
}

// choose decides which queue a message goes to. last is the broker that failed before, "" at the first try. A queue that the user has
// chosen stays the same.
func (p *Producer) choose(t *publishing, info *publishInfo, m *Message, o *SendOption, last string, now time.Time) (int, error) {
	switch o.kind {
	case optionQueue:
		if at := info.index(o.queue); at >= 0 {
			return at, nil
		}
		return 0, fmt.Errorf("client: topic %s has no writable queue %d on broker %s: %w", t.topic, o.queue.QueueID, o.queue.BrokerName, ErrNoRoute)
	case optionKey:
		return keyIndex(o.key, len(info.queues)), nil
	case optionSelect:
		q := o.choose(info.queues, m)
		if at := info.index(q); at >= 0 {
			return at, nil
		}
		return 0, fmt.Errorf("client: the selector chose queue %d on broker %s, which is not among the %d queues of topic %s: %w",
			q.QueueID, q.BrokerName, len(info.queues), t.topic, ErrNoRoute)
	}
	start := int(t.next.Add(1) % uint32(len(info.queues)))
	return p.faults.Choose(info.queues, start, last, now), nil
}

// keyIndex is the queue of a key among n, as Java's SelectMessageQueueByHash computes it.
func keyIndex(key string, n int) int {
	at := int(message.HashCode([]byte(key))) % n
	if at < 0 {
		at = -at
	}
	return at
}

// routeChanged replaces what is known of a topic. One whose route is gone is asked for again by the next send.
func (p *Producer) routeChanged(topic string, r *cluster.Route) {
	t := (*p.topics.Load())[p.ns.Unwrap(topic)]
	if t == nil || t.wire != topic {
		return
	}
	if r == nil {
		if info := t.info.Load(); info != nil && !info.borrowed {
			t.info.CompareAndSwap(info, nil)
		}
		return
	}
	if info := p.newPublishInfo(t, r, false); len(info.queues) > 0 {
		t.info.Store(info)
	}
}

// refresh asks for a topic's route after a failure, or when the broker may have created it.
func (p *Producer) refresh(ctx context.Context, t *publishing) {
	if _, err := p.client.cluster.Refresh(ctx, t.wire); err != nil {
		p.client.config.Logger.Debug("client: route not refreshed", "topic", t.topic, "error", err)
	}
}

// replaceBorrowed asks in the background for the route of a topic that the broker has just created, at most once a second.
func (p *Producer) replaceBorrowed(t *publishing, now time.Time) {
	sec := now.Unix()
	if last := t.asked.Load(); last == sec || !t.asked.CompareAndSwap(last, sec) {
		return
	}
	p.client.background(func() { p.refresh(p.ctx, t) })
}

// topicsInUse are the topics of the last hour. Older ones are forgotten.
func (p *Producer) topicsInUse() []string {
	now := time.Now().Unix()
	p.mu.Lock()
	defer p.mu.Unlock()
	old := *p.topics.Load()
	keep := make(map[string]*publishing, len(old))
	wire := make([]string, 0, len(old))
	for name, t := range old {
		if time.Duration(now-t.used.Load())*time.Second < forgetTopic {
			keep[name] = t
			if info := t.info.Load(); info == nil || !info.borrowed {
				wire = append(wire, t.wire)
			} else {
				wire = append(wire, t.wire, message.TopicAutoName)
			}
		}
	}
	if len(keep) < len(old) {
		p.topics.Store(&keep)
	}
	return wire
}
