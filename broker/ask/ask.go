// Package ask puts the broker's own requests to connected clients: a reply for the one that asked (326), where a group goes on
// (220), and how far its members are (221). Package broker says who is asked and what is done with the answers. Nothing is kept
// here; all of it may be called at once.
package ask

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Conn is a client's connection.
type Conn interface {
	Invoke(ctx context.Context, f *protocol.Frame) (*protocol.Frame, error)
	Send(f *protocol.Frame) error
}

// The times that clients have: for a reply, and for their offsets in a topic. Source: Broker2Client of RocketMQ 5.
const (
	replyTimeout  = 10 * time.Second
	statusTimeout = 5 * time.Second
)

func request(code int32) protocol.Frame {
	return protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion}
}

// Reply is a reply on its way to the client that asked for it.
type Reply struct {
	Header     *protocol.SendMessageHeader
	Properties message.Properties // instead of the header's
	Body       []byte
	From, At   netip.AddrPort // who replied, and the broker
	Now        time.Time
}

// Push hands the reply to the client that asked and waits until it has taken it (326). The error is for the replying client.
func (r *Reply) Push(ctx context.Context, to Conn) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	h, now := r.Header, r.Now.UnixMilli()
	out := protocol.ReplyMessageHeader{
		ProducerGroup: string(h.ProducerGroup), Topic: string(h.Topic), DefaultTopic: string(h.DefaultTopic), DefaultTopicQueueNums: h.DefaultTopicQueueNums,
		QueueID: h.QueueID, SysFlag: h.SysFlag, BornTimestamp: h.BornTimestamp, Flag: h.Flag, ReconsumeTimes: h.ReconsumeTimes, UnitMode: h.UnitMode,
		BornHost: r.From.String(), StoreHost: r.At.String(), StoreTimestamp: now,
		Properties: string(r.Properties.With(message.PropPushReplyTime, strconv.FormatInt(now, 10))),
	}
	f := request(protocol.ReqPushReplyMessageToClient)
	out.Append(&f.Fields)
	f.Body = r.Body
	answer, err := to.Invoke(ctx, &f)
	switch {
	case err != nil:
		return fmt.Errorf("the client that asked did not take the reply: %w", err)
	case answer.Code != protocol.ResSuccess:
		return fmt.Errorf("the client that asked answered the reply with code %d: %.300s", answer.Code, answer.Remark)
	}
	return nil
}

// Supports returns why a client of this version cannot reset its offsets or tell them.
func Supports(version int32) error {
	if version < protocol.Version3_0_7-1 { // from its snapshot on
		return fmt.Errorf("the client does not support this feature. version=%s", protocol.VersionName(version))
	}
	return nil
}

// Reset tells a member where to go on in each queue (220). The members have no say in it.
func Reset(to Conn, h *protocol.ResetOffsetHeader, table *protocol.ResetOffset, cpp bool) error {
	f := request(protocol.ReqResetConsumerClientOffset)
	f.Flag = protocol.FlagOneway
	out := protocol.ResetOffsetHeader{Group: h.Group, Topic: h.Topic, QueueID: -1, Offset: -1, Timestamp: h.Timestamp}
	out.Append(&f.Fields)
	if f.Body = table.Append(nil); cpp {
		f.Body = table.AppendList(nil)
	}
	return to.Send(&f)
}

// Status asks a member for its offsets in a topic (221).
func Status(ctx context.Context, of Conn, topic, group string) (map[protocol.MessageQueue]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	f := request(protocol.ReqGetConsumerStatusFromClient)
	h := protocol.ConsumerStatusHeader{Topic: topic, Group: group}
	h.Append(&f.Fields)
	answer, err := of.Invoke(ctx, &f)
	if err != nil {
		return nil, err
	}
	if answer.Code != protocol.ResSuccess {
		return nil, fmt.Errorf("answered with code %d: %.300s", answer.Code, answer.Remark)
	}
	var body protocol.ConsumerStatus
	if err := protocol.UnmarshalBody(answer.Body, &body); err != nil {
		return nil, err
	}
	return body.Offsets, nil
}
