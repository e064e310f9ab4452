package client

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/trace"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	traceGroup        = "_INNER_TRACE_PRODUCER"
	traceInterval     = time.Second // how long a trace may wait for others
	traceBatch        = 100         // traces in one message
	traceMessageSize  = 128_000     // bytes of one message
	tracePendingBytes = 8 << 20     // what may wait; beyond it traces are lost rather than messages held up
	traceTimeout      = 5 * time.Second
	defaultRegion     = "DefaultRegion"
)

// traceInfo is what an answer says about tracing.
type traceInfo struct {
	region string
	off    bool
}

func (t *traceInfo) read(fs protocol.Fields) {
	region, _ := fs.Get(message.PropRegion)
	if t.region = defaultRegion; len(region) > 0 && string(region) != defaultRegion {
		t.region = string(region)
	}
	on, _ := fs.Get(message.PropTraceOn)
	t.off = string(on) == "false"
}

// tracer gathers traces and sends them as messages, which are found by the ids and keys of those that they tell of. It has a goroutine
// from the first trace on.
type tracer struct {
	c        *Client
	topic    string
	producer *Producer     // not one of the client's members
	wake     chan struct{} // a message is full
	stop     chan struct{} // closed by close

	mu      sync.Mutex
	started bool                  // guarded by mu, as all below
	closed  bool                  //
	open    map[string]*tracePage // by the topic of the traced messages
	full    []*Message
	bytes   int           // waiting in open and full
	lost    int           // for want of room
	done    chan struct{} // closed when the goroutine has ended
}

// tracePage is a trace message that is being filled.
type tracePage struct {
	text  []byte
	keys  map[string]struct{}
	count int
}

func newTracer(c *Client) *tracer {
	t := &tracer{c: c, topic: c.config.TraceTopic, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), open: map[string]*tracePage{}}
	if t.topic == "" {
		t.topic = message.TopicTrace
	}
	t.producer = c.newProducer(ProducerConfig{Group: traceGroup, CompressOver: -1, SendTimeout: traceTimeout}.withDefaults())
	t.producer.ns = "" // traces of all namespaces are found in one place
	t.producer.group = traceGroup
	return t
}

// add takes one trace, or several of messages of one topic. keys are the ids and keys of those messages.
func (t *tracer) add(topic string, keys []string, appendText func([]byte) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.bytes > tracePendingBytes {
		t.lost++
		return
	}
	if !t.started {
		t.started = true
		t.c.background(t.run)
	}
	p := t.open[topic]
	if p == nil {
		p = &tracePage{keys: map[string]struct{}{}}
		t.open[topic] = p
	}
	before := len(p.text)
	p.text = appendText(p.text)
	t.bytes += len(p.text) - before
	for _, key := range keys {
		if key != "" {
			p.keys[key] = struct{}{}
		}
	}
	if p.count++; p.count >= traceBatch || len(p.text) >= traceMessageSize {
		t.turn(topic)
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// turn makes a message of a topic's page. mu is held.
func (t *tracer) turn(topic string) {
	p := t.open[topic]
	delete(t.open, topic)
	keys := make([]string, 0, len(p.keys))
	for key := range p.keys {
		keys = append(keys, key)
	}
	t.full = append(t.full, &Message{Topic: t.topic, Body: p.text, Keys: keys})
}

func (t *tracer) run() {
	defer close(t.done)
	tick := time.NewTicker(traceInterval)
	defer tick.Stop()
	for {
		pages, stopped := false, false
		select {
		case <-t.wake:
		case <-tick.C:
			pages = true
		case <-t.stop:
			pages, stopped = true, true
		}
		t.flush(t.producer.ctx, pages)
		if stopped {
			return
		}
	}
}

// flush sends the full messages, and those being filled too if pages is set.
func (t *tracer) flush(ctx context.Context, pages bool) {
	t.mu.Lock()
	if pages {
		for topic := range t.open {
			t.turn(topic)
		}
	}
	full, lost := t.full, t.lost
	t.full, t.lost = nil, 0
	t.mu.Unlock()
	if lost > 0 {
		t.c.config.Logger.Warn("client: traces were lost, the trace topic takes them too slowly", "traces", lost, "limitBytes", tracePendingBytes)
	}
	for _, m := range full {
		if _, err := t.producer.send(ctx, m, nil); err != nil {
			t.c.config.Logger.Warn("client: traces were lost", "topic", t.topic, "bytes", len(m.Body), "error", err)
		}
		t.mu.Lock()
		t.bytes -= len(m.Body)
		t.mu.Unlock()
	}
}

// close sends what is gathered, as long as ctx lets it.
func (t *tracer) close(ctx context.Context) error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	started := t.started
	t.mu.Unlock()
	close(t.stop)
	var err error
	if started {
		select {
		case <-t.done:
		case <-ctx.Done():
			err = fmt.Errorf("client: closed before all traces were sent: %w", ctx.Err())
		}
	}
	t.producer.cancel()
	return err
}

// traceSent notes a request that the broker has answered with a result.
func (c *Client) traceSent(s *sending, now time.Time) {
	t := c.tracer
	if t == nil || s.oneWay || s.trace.off || s.topic.wire == t.topic {
		return
	}
	r := trace.Sent{
		At: s.tried, Region: s.trace.region, Group: s.p.config.Group, Topic: s.topic.topic, ID: s.result.ID, Tag: s.m.Tag,
		Keys: joinKeys(s.m.Keys), StoreHost: s.info.addrs[s.at], BodyLength: len(s.body), Cost: now.Sub(s.tried), OffsetID: s.result.OffsetID,
		Success: s.result.Status == SendOK,
	}
	if s.m.DelayLevel > 0 {
		r.Kind = trace.Delayed
	}
	keys := append([]string{s.result.ID}, s.m.Keys...)
	if s.batch != nil { // one trace for all; the tag and the keys are not a batch's
		r.ID, r.Tag, r.Keys = wire.JoinIDs(s.batch.ids, len(s.batch.ms)), "", ""
		keys = []string{r.ID}
	}
	t.add(s.topic.topic, keys, r.Append)
}

// handlingTrace is one call of a handler.
type handlingTrace struct {
	at       time.Time // when it began
	group    string
	request  string        // tells this call from others
	messages []trace.Begun // those that are traced
}

// traceHandling notes that a consumer begins to handle messages of one topic; the result is for traceHandled. group is without the
// namespace. It is nil when nothing is traced.
func (c *Client) traceHandling(group string, ds []*Delivery) *handlingTrace {
	if c.tracer == nil {
		return nil
	}
	t := &handlingTrace{at: time.Now(), group: group, request: string(c.unique.Append(nil))}
	region := ""
	for _, d := range ds {
		if d.Property(message.PropTraceOn) == "false" {
			continue
		}
		region = d.Property(message.PropRegion)
		t.messages = append(t.messages, trace.Begun{At: t.at, Group: group, Request: t.request, ID: d.ID, Keys: joinKeys(d.Keys), Retries: d.ReconsumeTimes})
	}
	if len(t.messages) == 0 {
		return nil
	}
	if region == "" {
		region = defaultRegion
	}
	c.tracer.add(ds[0].Topic, t.keys(), func(dst []byte) []byte {
		for i := range t.messages {
			t.messages[i].Region = region
			dst = t.messages[i].Append(dst)
		}
		return dst
	})
	return t
}

// traceHandled notes how the handling ended. topic is that of the messages.
func (c *Client) traceHandled(t *handlingTrace, topic string, code trace.Code) {
	if t == nil {
		return
	}
	now := time.Now()
	cost := now.Sub(t.at) / time.Duration(len(t.messages))
	c.tracer.add(topic, t.keys(), func(dst []byte) []byte {
		for i := range t.messages {
			m := &t.messages[i]
			e := trace.Ended{Request: t.request, ID: m.ID, Cost: cost, Success: code == trace.Succeeded, Keys: m.Keys, Code: code, At: now, Group: t.group}
			dst = e.Append(dst)
		}
		return dst
	})
}

func (t *handlingTrace) keys() []string {
	keys := make([]string, 0, len(t.messages))
	for i := range t.messages {
		keys = append(keys, t.messages[i].ID)
		keys = append(keys, strings.Fields(t.messages[i].Keys)...)
	}
	return keys
}

// joinKeys is a message's keys in one text.
func joinKeys(keys []string) string { return strings.Join(keys, message.KeySeparator) }
