package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/retry"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// giveBack has failed messages come again, and returns those for which no broker could be had. Broadcast messages are given up.
func (p *PushConsumer) giveBack(failed []*Delivery, cause error) (again []*Delivery) {
	level := 0
	var asked *RetryError
	if errors.As(cause, &asked) {
		level = asked.DelayLevel
	}
	for _, d := range failed {
		if p.o.broadcast {
			p.log.Warn("client: a broadcast message failed and is given up", "id", d.ID, "topic", d.Topic, "error", cause)
			continue
		}
		at := level
		if at == 0 && len(p.config.RetryDelays) > 0 {
			at = retry.Level(retry.After(p.config.RetryDelays, d.ReconsumeTimes))
		}
		if wire.Broken(d) != nil {
			at = -1 // it will never get better
		}
		p.log.Debug("client: a message failed, it comes again", "id", d.ID, "topic", d.Topic, "failed", d.ReconsumeTimes+1, "error", cause)
		if err := p.sendBack(d, at); err != nil {
			p.log.Warn("client: a failed message could not be given back, it is handled here again", "id", d.ID, "error", err)
			again = append(again, d)
		}
	}
	return again
}

// sendBack returns a message to its broker (36), or, where that fails, sends a copy to the retry topic. It ends with the handlers' context:
// what was not given back then has no offset told, and comes again.
func (p *PushConsumer) sendBack(d *Delivery, level int) error {
	f := protocol.Frame{Code: protocol.ReqConsumerSendMsgBack}
	h := protocol.SendBackHeader{Offset: int64(d.LogOffset), Group: p.o.group, DelayLevel: int32(level), OriginMsgID: d.ID,
		OriginTopic: p.client.ns.Wrap(d.Topic), HasMaxReconsumeTimes: true, MaxReconsumeTimes: int32(min(p.max, 1<<31-1)), BrokerName: d.Queue.BrokerName}
	h.Append(&f.Fields)
	_, err := p.client.askQueue(p.handling, d.Queue, &f)
	if err == nil || p.handling.Err() != nil {
		return err
	}
	if sendErr := p.resend(d, p.times(d, level)); sendErr != nil {
		return errors.Join(err, sendErr)
	}
	p.log.Debug("client: a failed message was sent to the retry topic, since its broker did not take it back", "id", d.ID, "error", err)
	return nil
}

// times is how often a message counts as failed: one that is to be given up has failed too often.
func (p *PushConsumer) times(d *Delivery, level int) int {
	if level < 0 {
		return max(d.ReconsumeTimes, p.max)
	}
	return d.ReconsumeTimes
}

// resend sends a copy of a message to the group's retry topic, as Java's clients do: the broker delays it, or, when it has failed too
// often, puts it among the dead letters.
func (p *PushConsumer) resend(d *Delivery, times int) error {
	ctx, cancel := context.WithTimeout(p.handling, queryTimeout)
	defer cancel()
	h := p.copyOf(d, times)
	r, err := p.client.cluster.Route(ctx, p.o.retryTopic)
	if err != nil {
		return err
	}
	if len(r.Writable) == 0 {
		return fmt.Errorf("client: retry topic %s: %w", p.o.retryTopic, ErrNoRoute)
	}
	var last error
	first := rand.IntN(len(r.Writable)) // #nosec G404 -- spreads load, guards nothing
	for i := range min(3, len(r.Writable)) {
		q := r.Writable[(first+i)%len(r.Writable)]
		h.QueueID = q.QueueID
		request := protocol.Frame{Code: protocol.ReqSendMessageV2, Body: d.Body}
		h.AppendV2(&request.Fields)
		if _, last = p.client.askQueue(ctx, q, &request); last == nil || errors.Is(last, cluster.ErrFlushTimeout) {
			return nil // stored, if not as safely as the broker would have it: once more would be twice
		}
	}
	return last
}

// mostReconsume stands for "without end" in a copy's header, so that one more can still be said.
const mostReconsume = 1 << 30

// copyOf is the header of a message for the retry topic.
func (p *PushConsumer) copyOf(d *Delivery, times int) protocol.SendMessageHeader {
	props := wire.Properties(d).Without(message.PropCRC, message.PropRetryTopic, message.PropReconsumeTime, message.PropMaxReconsumeTimes,
		message.PropTransaction, message.PropDelay, message.PropWait)
	if id, _ := props.Get(message.PropOriginMessageID); len(id) == 0 {
		props = message.AppendProperty(props, message.PropOriginMessageID, d.ID)
	}
	props = message.AppendProperty(props, message.PropRetryTopic, p.client.ns.Wrap(d.Topic))
	props = message.AppendProperty(props, message.PropDelay, strconv.Itoa(3+min(times, 100)))
	return protocol.SendMessageHeader{ProducerGroup: []byte("CLIENT_INNER_PRODUCER"), Topic: []byte(p.o.retryTopic),
		DefaultTopic: []byte(message.TopicAutoName), DefaultTopicQueueNums: 4, BornTimestamp: time.Now().UnixMilli(), Flag: d.Flag,
		Properties: props, ReconsumeTimes: int32(min(times, mostReconsume) + 1), HasMaxReconsumeTimes: true,
		MaxReconsumeTimes: int32(min(p.max, mostReconsume))}
}
