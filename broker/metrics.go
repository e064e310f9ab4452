package broker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/broker/lag"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Metrics tells what passed through the broker since it started, and who is connected. It is a [metrics.Source].
func (b *Broker) Metrics(emit func(metrics.Sample)) {
	count := func(name, help string, v int64) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Counter, Value: float64(v)})
	}
	for r := range refusedReasons {
		emit(metrics.Sample{Name: "aerobee_sends_refused_total", Help: "Sends that were refused, by the reason.", Kind: metrics.Counter,
			Value: float64(b.stats.refused[r].Load()), Labels: []string{"reason", r.String()}})
	}
	count("aerobee_messages_sent_back_total", "Messages that consumers sent back.", b.stats.returned.Load())
	asked, unheard, givenUp := b.checkback.Counts()
	count("aerobee_transaction_checks_total", "Questions about transactions.", asked)
	count("aerobee_transaction_checks_unheard_total", "Questions about transactions of groups of which no producer was connected.", unheard)
	count("aerobee_transactions_given_up_total", "Half messages moved to TRANS_CHECK_MAX_TIME_TOPIC.", givenUp)
	b.clientMu.Lock()
	disagreeing := b.clients.Disagreeing()
	b.clientMu.Unlock()
	gauge := func(name, help string, v int64) {
		emit(metrics.Sample{Name: name, Help: help, Kind: metrics.Gauge, Value: float64(v)})
	}
	gauge("rocketmq_broker_permission", "What the broker allows: 4 reading, 2 writing.", int64(b.live.Load().Permission))
	meter.Watermarks(b.makes.Waiting(), len(b.reading), emit)
	gauge("aerobee_pulls_held", "Pulls that wait for a message.", b.held.Load())
	for _, group := range disagreeing {
		emit(metrics.Sample{Name: "aerobee_group_subscriptions_differ", Help: "1 for each group whose members do not subscribe alike.", Kind: metrics.Gauge,
			Value: 1, Labels: []string{"group", group}})
	}
	gauge("aerobee_pops_held", "Pops and notifications that wait for a message.", int64(b.pops.Waiting()))
	b.meters.Emit(int64(b.store.Stats().Halves), emit)
	b.emitClients(emit)
	b.opt.Spans.Emit(emit)
}

// Connected counts the members of producer and of consumer groups, and the pulls on hold.
func (b *Broker) Connected() (producers, consumers int, held int64) {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	producers, consumers = b.clients.Count()
	return producers, consumers, b.held.Load()
}

// meterOf sets the counter of a message for the topic.
func (b *Broker) meterOf(w *sendWork, t *topic.Config, k meter.Kind) {
	if !w.in.Is(t.Name, k) {
		w.in = b.meters.In(t.Name, k)
	}
}

// systemTopicTest is isSystemTopic for who asks for each of many topics.
func (b *Broker) systemTopicTest() func(name string) bool {
	known := map[string]bool{}
	for _, name := range b.systemTopics() {
		known[name] = true
	}
	return func(name string) bool { return known[name] || strings.HasPrefix(name, message.SystemPrefix) }
}

// watch is what one scrape keeps for the next: when the messages were stored that groups stand at, and memory.
type watch struct {
	lags    *lag.Calculator
	pairs   []lag.Pair
	clients meter.Connections
}

// emitClients tells who is connected, and how far the groups that are connected are behind.
func (b *Broker) emitClients(emit func(metrics.Sample)) {
	w := b.watch.Swap(nil)
	if w == nil { // the first scrape, or another one is under way
		w = &watch{lags: lag.New(lagStore{b.store, b})}
	}
	w.pairs = w.pairs[:0]
	b.clientMu.Lock()
	b.clients.EachProducer(func(_ string, c member.Client[*session], _ int64) {
		w.clients.Add(meter.Client{Producer: true, Language: c.Language, Version: protocol.VersionName(c.Version)})
	})
	b.clients.EachGroup(func(g *member.Group[*session]) {
		mode := meter.Mode(g.Type)
		g.EachClient(func(c *member.Client[*session]) {
			w.clients.Add(meter.Client{Group: g.Name, Mode: mode, Language: c.Language, Version: protocol.VersionName(c.Version)})
		})
		g.EachTopic(func(topic string) {
			w.pairs = append(w.pairs, lag.Pair{Group: g.Name, Topic: topic, Pop: mode == "pop"})
		})
	})
	b.clientMu.Unlock()
	w.clients.Emit(emit)
	w.pairs = slices.DeleteFunc(w.pairs, func(p lag.Pair) bool { // clients subscribe to whatever they name
		_, there := b.store.Topic(p.Topic)
		return !there || message.IsRetry(p.Topic)
	})
	// In order: each scrape looks on from where the last one ended, and neighbours lie in one block of the directory.
	slices.SortFunc(w.pairs, func(x, y lag.Pair) int {
		return cmp.Or(strings.Compare(x.Group, y.Group), strings.Compare(x.Topic, y.Topic))
	})
	for i, series := 0, 0; i < len(w.pairs); i++ {
		b.completePair(&w.pairs[i])
		if series++; w.pairs[i].Pop {
			series++ // of what comes back
		}
		if series > b.opt.MaxSeries {
			w.pairs = w.pairs[:i]
		}
	}
	lag.Emit(w.lags.Calculate(b.opt.Now().UnixMilli(), w.pairs), emit)
	b.watch.Store(w)
}

// completePair says what topics a pair is about.
func (b *Broker) completePair(p *lag.Pair) {
	p.System = b.meters.System(p.Topic, p.Group)
	if t, ok := b.store.Topic(p.Topic); ok {
		p.Queues = t.WriteQueues
	}
	for _, version := range [...]protocol.PopTopic{protocol.PopRetryV2, protocol.PopRetryV1} {
		if !p.Pop {
			return
		}
		if t, ok := b.store.Topic(version.Name(p.Group, p.Topic)); ok {
			p.Retry, p.RetryQueues = t.Name, t.WriteQueues
			return
		}
	}
}

// lagStore is the store as package lag sees it, with what the broker knows besides.
type lagStore struct {
	Store
	b *Broker
}

func (s lagStore) Pulled(group, topic string, places []offset.Progress) {
	s.b.clientMu.Lock()
	defer s.b.clientMu.Unlock()
	for i := range places {
		p := &places[i]
		p.Read = max(p.Read, s.b.pulled[pulledKey{group, message.Queue{Topic: topic, ID: p.Queue}}].next)
	}
}
