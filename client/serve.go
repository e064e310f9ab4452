package client

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/running"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// serve answers what brokers ask of a consumer. What takes time runs beside the connection's reader.
func (c *consumer) serve(conn *remoting.Conn, f *protocol.Frame) {
	switch f.Code {
	case protocol.ReqNotifyConsumerIDsChanged:
		c.kick()
	case protocol.ReqResetConsumerClientOffset:
		c.serveReset(f)
	case protocol.ReqGetConsumerStatusFromClient:
		c.serveStatus(conn, f)
	case protocol.ReqGetConsumerRunningInfo:
		c.serveRunning(conn, f, nil)
	default:
		r := f.Reply(protocol.ResRequestCodeNotSupported, fmt.Sprintf("request %d is not for this kind of consumer", f.Code))
		_ = conn.Send(&r) // the connection may be gone, and then nobody wants the answer
	}
}

func reply(conn *remoting.Conn, f *protocol.Frame, code int32, remark string, body []byte) {
	r := f.Reply(code, remark)
	r.Language = protocol.LanguageGo
	r.Body = body
	_ = conn.Send(&r) // the connection may be gone, and then nobody wants the answer
}

// serveReset goes on from other offsets (220). What handlers have then no longer counts.
func (c *consumer) serveReset(f *protocol.Frame) {
	var h protocol.ResetOffsetHeader
	var body protocol.ResetOffset
	err := h.Decode(f.Fields)
	if err == nil && len(f.Body) > 0 {
		err = protocol.UnmarshalBody(f.Body, &body)
	}
	if err != nil {
		c.log.Warn("client: a reset of offsets cannot be read", "error", err)
		return
	}
	moved := 0
	c.mu.Lock()
	for q, offset := range body.OffsetTable {
		if s := c.shares[q]; s != nil && offset >= 0 && q.Topic == h.Topic {
			s.moveLocked(offset)
			moved++
		}
	}
	if moved > 0 && !c.closed {
		c.spawn(func() {
			if err := c.commitNow(c.ctx); err != nil {
				c.log.Warn("client: offsets that were reset could not be told yet", "error", err)
			}
		})
	}
	c.mu.Unlock()
	c.log.Info("client: offsets were reset by the broker", "topic", h.Topic, "queues", moved)
}

// serveStatus tells how far this member has come in a topic (221).
func (c *consumer) serveStatus(conn *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumerStatusHeader
	if err := h.Decode(f.Fields); err != nil {
		reply(conn, f, protocol.ResSystemError, err.Error(), nil)
		return
	}
	table := map[Queue]int64{}
	c.mu.Lock()
	for q, s := range c.shares {
		if s.begun && (h.Topic == "" || q.Topic == h.Topic) {
			table[q] = s.committable()
		}
	}
	c.mu.Unlock()
	reply(conn, f, protocol.ResSuccess, "", running.AppendOffsets(nil, table))
}

func (s *share) status() running.QueueInfo {
	i := running.QueueInfo{CommitOffset: s.committable(), CachedMsgCount: s.pq.Count(), CachedMsgSizeInMiB: s.pq.Bytes() >> 20, Locked: !s.lockedAt.IsZero(),
		Dropped: s.dropped, LastPullTimestamp: running.Millis(s.lastPull), LastConsumeTimestamp: running.Millis(s.lastHandled), LastLockTimestamp: running.Millis(s.lockedAt)}
	if d := s.pq.Front(); d != nil {
		i.CachedMsgMinOffset, i.CachedMsgMaxOffset = int64(d.Offset), int64(s.pq.Last())
	}
	return i
}

// serveRunning tells what the consumer is doing (307): what mqadmin's consumerStatus shows.
func (c *consumer) serveRunning(conn *remoting.Conn, f *protocol.Frame, topics map[string]running.TopicInfo) {
	var h protocol.RunningInfoHeader
	if err := h.Decode(f.Fields); err != nil {
		reply(conn, f, protocol.ResSystemError, err.Error(), nil)
		return
	}
	info := running.Info{Properties: c.properties(), Queues: map[Queue]running.QueueInfo{}, Topics: topics}
	c.mu.Lock()
	for _, s := range c.subs {
		info.Subscriptions = append(info.Subscriptions, s.Data)
	}
	for q, s := range c.shares {
		info.Queues[q] = s.status()
	}
	c.mu.Unlock()
	if h.Jstack {
		info.Stack = running.Stacks()
	}
	reply(conn, f, protocol.ResSuccess, "", info.Append(nil))
}

// properties are the settings by Java's names.
func (c *consumer) properties() map[string]string {
	kind := protocol.ConsumePassively
	if c.o.active {
		kind = protocol.ConsumeActively
	}
	p := running.Properties(c.o.group, kind, c.o.orderly, c.started, strings.Join(c.client.config.NameServers, ";"))
	p["pullBatchSize"], p["pullThresholdForQueue"] = strconv.Itoa(c.o.pullBatch), strconv.Itoa(c.o.maxCached)
	return p
}

// serve adds what only a push consumer can answer.
func (p *PushConsumer) serve(conn *remoting.Conn, f *protocol.Frame) {
	switch f.Code {
	case protocol.ReqGetConsumerRunningInfo:
		p.serveRunning(conn, f, p.topicTable())
	case protocol.ReqConsumeMessageDirectly:
		own := f.Clone()
		if !conn.Go(func() { p.serveDirectly(conn, own) }) {
			reply(conn, f, protocol.ResSystemBusy, "too much is being done already", nil)
		}
	default:
		p.consumer.serve(conn, f)
	}
}

func (p *PushConsumer) topicTable() map[string]running.TopicInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.result.Table(time.Now())
}

// serveDirectly has one message handled that an administrator chose (309), and tells the outcome. It changes no offset.
func (p *PushConsumer) serveDirectly(conn *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumeDirectlyHeader
	if err := h.Decode(f.Fields); err != nil {
		reply(conn, f, protocol.ResSystemError, err.Error(), nil)
		return
	}
	ds, err := p.direct(&h, f.Body)
	if err != nil {
		reply(conn, f, protocol.ResSystemError, err.Error(), nil)
		return
	}
	p.mu.Lock()
	stopped := p.stop
	if !stopped {
		p.workers.Add(1)
	}
	p.mu.Unlock()
	if stopped {
		reply(conn, f, protocol.ResSystemError, "the consumer is being closed", nil)
		return
	}
	defer p.workers.Done()
	result := running.Direct{Order: p.o.orderly, AutoCommit: true, Result: running.Success}
	begin := time.Now()
	if err := p.handle(ds); err != nil {
		result.Result, result.Remark = running.Later, err.Error()
	}
	result.Millis = time.Since(begin).Milliseconds()
	reply(conn, f, protocol.ResSuccess, "", protocol.MarshalBody(result))
}

// direct decodes the message.
func (p *PushConsumer) direct(h *protocol.ConsumeDirectlyHeader, body []byte) ([]*Delivery, error) {
	d := wire.Decoder{Queue: Queue{BrokerName: h.BrokerName, Topic: h.Topic}, Namespace: p.client.ns, RetryTopic: p.o.retryTopic}
	ds, _, err := d.Decode(body)
	if err != nil {
		return nil, err
	}
	if len(ds) != 1 || wire.Broken(&ds[0]) != nil {
		return nil, fmt.Errorf("client: the body holds %d messages, one was expected: %w", len(ds), ErrIllegal)
	}
	return []*Delivery{&ds[0]}, nil
}
