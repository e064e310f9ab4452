package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/trace"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	traceGroup    = "_INNER_TRACE_PRODUCER"
	traceTimeout  = 5 * time.Second
	defaultRegion = "DefaultRegion"
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

// tracer sends traces as messages, which are found by the ids and keys of those that they tell of.
type tracer struct {
	*trace.Gatherer
	topic    string
	producer *Producer // not one of the client's members
}

func newTracer(c *Client) *tracer {
	t := &tracer{topic: c.config.TraceTopic}
	if t.topic == "" {
		t.topic = message.TopicTrace
	}
	t.producer = c.newProducer(ProducerConfig{Group: traceGroup, CompressOver: -1, SendTimeout: traceTimeout}.withDefaults())
	t.producer.ns = "" // traces of all namespaces are found in one place
	t.producer.group = traceGroup
	t.Gatherer = trace.NewGatherer(func(body []byte, keys []string) error {
		_, err := t.producer.send(t.producer.ctx, &Message{Topic: t.topic, Body: body, Keys: keys}, nil)
		return err
	}, c.background, c.config.Logger)
	return t
}

// close sends what is gathered, as long as ctx lets it.
func (t *tracer) close(ctx context.Context) error {
	defer t.producer.cancel()
	if err := t.Close(ctx); err != nil {
		return fmt.Errorf("client: closed before all traces were sent: %w", err)
	}
	return nil
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
	if s.p.checks != nil {
		r.Kind = trace.Half
	}
	if wire.Waits(s.m) {
		r.Kind = trace.Delayed
	}
	keys := append([]string{s.result.ID}, s.m.Keys...)
	if s.batch != nil { // one trace for all; the tag and the keys are not a batch's
		r.ID, r.Tag, r.Keys = wire.JoinIDs(s.batch.ids, len(s.batch.ms)), "", ""
		keys = []string{r.ID}
	}
	t.Add(s.topic.topic, keys, r.Append)
}

// traceHandling notes that a consumer begins to handle messages of one topic. group is without the namespace. It is nil when nothing is
// traced.
func (c *Client) traceHandling(group string, ds []*Delivery) *trace.Handling {
	if t := c.tracer; t == nil || ds[0].Topic == t.topic { // nor are traces
		return nil
	}
	region := ""
	var ms []trace.Begun
	for _, d := range ds {
		if d.Property(message.PropTraceOn) == "false" {
			continue
		}
		region = d.Property(message.PropRegion)
		ms = append(ms, trace.Begun{ID: d.ID, Keys: joinKeys(d.Keys), Retries: d.ReconsumeTimes})
	}
	if region == "" {
		region = defaultRegion
	}
	return c.tracer.Begin(trace.Begun{At: time.Now(), Group: group, Request: string(c.unique.Append(nil)), Region: region}, ds[0].Topic, ms)
}

// joinKeys is a message's keys in one text.
func joinKeys(keys []string) string { return strings.Join(keys, message.KeySeparator) }
