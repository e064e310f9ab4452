package proxy

// SendMessage.
//
// Callers: producers.
//
// Behaviour: all messages of a request are of one topic, and of the types that the topic takes. A message with a group goes to the queue that the
// group's hash chooses, any other to a queue at random. The answer comes when the message is on the broker's disk. The messages of one request are sent
// one after the other, each with its own result.
//
// Codes: 40016 no message, several topics, or a body that cannot be read; 40002, 40402 topic; 40004 to 40007, 40009, 40012, 40014, 41301, 41302, 43101
// as package check says; 40000 recovery time; per entry 50401, 50402, 50002 stored, but not confirmed; 42900, 50001 the broker's refusal.

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/convert"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// SendMessage serves the request of that name.
func (s *Server) SendMessage(ctx context.Context, r *pb.SendMessageRequest) (*pb.SendMessageResponse, error) {
	out := &pb.SendMessageResponse{}
	who, err := callerOf(ctx)
	err = s.serve(who, err, func(c *client) error {
		var err error
		out.Entries, err = s.send(ctx, c, r.GetMessages())
		return err
	})
	if err != nil {
		out.Entries, out.Status = nil, status.Of(err)
		return out, nil
	}
	all := make([]*pb.Status, len(out.Entries))
	for i, e := range out.Entries {
		all[i] = e.Status
	}
	out.Status = status.All(all)
	return out, nil
}

// maxMessages bounds the messages of one request.
const maxMessages = 1024

// outgoing is a message on its way to a broker.
type outgoing struct {
	m      *pb.Message
	is     pb.MessageType
	broker string
	queue  int32
	body   []byte
}

func (s *Server) send(ctx context.Context, c *client, messages []*pb.Message) ([]*pb.SendResultEntry, error) {
	switch {
	case len(messages) == 0:
		return nil, status.New(pb.Code_MESSAGE_CORRUPTED, "no message to send: the request has %d, the least is 1", len(messages))
	case len(messages) > maxMessages:
		return nil, status.New(pb.Code_MESSAGE_CORRUPTED, "a request has %d messages, the limit is %d", len(messages), maxMessages)
	}
	name, err := check.Topic(messages[0].GetTopic())
	if err != nil {
		return nil, err
	}
	parts, err := s.writable(ctx, name)
	if err != nil {
		return nil, err
	}
	t, err := s.topicOf(ctx, name)
	if err != nil {
		return nil, err
	}
	all := make([]outgoing, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d messages were read: %w", i, len(messages), err)
		}
		o := &all[i]
		*o = outgoing{m: m, is: check.TypeOf(m.GetSystemProperties())}
		if check.Name(m.GetTopic()) != name {
			return nil, status.New(pb.Code_MESSAGE_CORRUPTED, "topic in message is not same: %.300s and %.300s", name, check.Name(m.GetTopic()))
		}
		if err := s.opt.limits().Message(m, s.opt.Now()); err != nil {
			return nil, err
		}
		if err := check.Type(t.Attributes[messageType], o.is); err != nil {
			return nil, err
		}
		if o.body, err = s.inflater.StoredBody(ctx, m); err != nil {
			return nil, err
		}
		o.choose(parts)
	}
	entries := make([]*pb.SendResultEntry, len(all))
	for i := range all {
		if entries[i], err = s.sendOne(ctx, c, name, &all[i]); err != nil {
			entries[i] = &pb.SendResultEntry{Status: status.Of(err)}
		}
	}
	return entries, nil
}

// writable are the parts of a topic that may be written to.
func (s *Server) writable(ctx context.Context, name string) ([]backend.Part, error) {
	parts, err := s.route(ctx, name)
	if err != nil {
		return nil, err
	}
	parts = having(parts, func(p *backend.Part) bool { return p.Perm.Writable() && p.WriteQueues > 0 })
	if len(parts) == 0 {
		return nil, status.New(pb.Code_FORBIDDEN, "no writable queue of topic %s", name)
	}
	return parts, nil
}

// choose chooses a queue.
func (o *outgoing) choose(parts []backend.Part) {
	total := 0
	for i := range parts {
		total += int(parts[i].WriteQueues)
	}
	var n int
	if group := o.m.GetSystemProperties().GetMessageGroup(); group != "" {
		n = check.Bucket(group, total)
	} else {
		n = rand.IntN(total) // #nosec G404 -- spreads load, guards nothing
	}
	for i := range parts {
		if q := int(parts[i].WriteQueues); n >= q {
			n -= q
			continue
		}
		o.broker, o.queue = parts[i].Broker, int32(n)
		return
	}
}

// sendOne sends a message and waits until it is stored.
func (s *Server) sendOne(ctx context.Context, c *client, name string, o *outgoing) (*pb.SendResultEntry, error) {
	now := s.opt.Now().UnixMilli()
	h := protocol.SendMessageHeader{ProducerGroup: []byte(name), Topic: []byte(name), DefaultTopic: []byte(message.TopicAutoName), DefaultTopicQueueNums: 4,
		QueueID: o.queue, SysFlag: int32(convert.SysFlag(o.m, o.is)), BornTimestamp: now, BrokerName: []byte(o.broker),
		Properties: convert.Properties(make([]byte, 0, 256), o.m, o.is, name, c.who.Remote.String())}
	if at := o.m.GetSystemProperties().GetBornTimestamp(); at.IsValid() {
		h.BornTimestamp = at.AsTime().UnixMilli()
	}
	f := &protocol.Frame{Code: protocol.ReqSendMessageV2, Body: o.body, Fields: make(protocol.Fields, 0, 14)}
	h.AppendV2(&f.Fields)
	entry := &pb.SendResultEntry{MessageId: o.m.GetSystemProperties().GetMessageId()}
	err := s.callRaw(ctx, c, o.broker, f, func(f *protocol.Frame) error { return o.stored(entry, f) })
	return entry, err
}

// stored reads the answer to a send.
func (o *outgoing) stored(entry *pb.SendResultEntry, f *protocol.Frame) error {
	switch f.Code {
	case protocol.ResSuccess:
	case protocol.ResFlushDiskTimeout:
		return status.New(pb.Code_MASTER_PERSISTENCE_TIMEOUT, "send message failed, sendStatus=FLUSH_DISK_TIMEOUT: %s", f.Remark)
	case protocol.ResFlushSlaveTimeout:
		return status.New(pb.Code_SLAVE_PERSISTENCE_TIMEOUT, "send message failed, sendStatus=FLUSH_SLAVE_TIMEOUT: %s", f.Remark)
	case protocol.ResSlaveNotAvailable:
		return status.New(pb.Code_HA_NOT_AVAILABLE, "send message failed, sendStatus=SLAVE_NOT_AVAILABLE: %s", f.Remark)
	default:
		return status.Answer(f.Code, f.Remark)
	}
	var h protocol.SendMessageResponseHeader
	if err := h.Decode(f.Fields); err != nil {
		return err
	}
	entry.Status, entry.Offset, entry.RecallHandle = status.OK(), h.QueueOffset, h.RecallHandle
	if o.is == pb.MessageType_TRANSACTION {
		_, at, err := message.ParseID(string(h.MsgID))
		if err != nil {
			return err
		}
		entry.TransactionId = convert.TransactionID{Broker: o.broker, LogOffset: int64(at), QueueOffset: h.QueueOffset}.String()
	} else {
		entry.TransactionId = string(h.TransactionID)
	}
	return nil
}
