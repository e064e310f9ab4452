package broker

// GET_CONSUMER_RUNNING_INFO (307), CONSUME_MESSAGE_DIRECTLY (309): relayed to a connected consumer.
//
// Callers: mqadmin consumer, consumerStatus, queryMsgById; the dashboard.
//
// Behaviour: the request goes on to the client that it names, with its fields as they came; its answer comes back
// untouched. 309 takes the record along that msgId names. The client has 10 s.
//
// Codes: the client's; 1 client not connected or too old, message gone, unreadable fields; 207 no answer in time.

import (
	"context"
	"errors"
	"time"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/reach"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

const relayTimeout = 10 * time.Second

func (b *Broker) handleRunningInfo(c *remoting.Conn, f *protocol.Frame) {
	b.later(c, f, func(f *protocol.Frame) { b.relay(c, f) })
}

func (b *Broker) handleConsumeDirectly(c *remoting.Conn, f *protocol.Frame) {
	b.later(c, f, func(f *protocol.Frame) {
		_, at, err := message.ParseID(f.Fields.String("msgId"))
		if err != nil {
			b.answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		rec, r, err := b.record(at)
		if err == nil {
			err = b.rightTo(c, f)(reach.Topic(&r))
		}
		if err != nil {
			b.refuse(c, f, err)
			return
		}
		f.Body = rec
		f.Fields.Add("brokerName", b.opt.BrokerName)
		if t, ok := b.store.Topic(f.Fields.String("topic")); ok {
			f.Fields.AddInt("topicSysFlag", int64(t.SysFlag))
		}
		if g, ok := b.store.Group(f.Fields.String("consumerGroup")); ok {
			f.Fields.AddInt("groupSysFlag", int64(g.SysFlag))
		}
		b.relay(c, f)
	})
}

func (b *Broker) relay(c *remoting.Conn, f *protocol.Frame) {
	group, id := f.Fields.String("consumerGroup"), f.Fields.String("clientId")
	var to *member.Client[*session]
	b.clientMu.Lock()
	if g := b.clients.Group(group); g != nil {
		to = g.Find(id)
	}
	b.clientMu.Unlock()
	switch {
	case to == nil:
		b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "The Consumer <%s> <%s> not online", group, id))
		return
	case to.Version < protocol.Version3_1_8-1:
		b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "The Consumer <%s> Version <%s> too low to finish, please upgrade it to V3_1_8_SNAPSHOT", id, protocol.VersionName(to.Version)))
		return
	}
	if err := b.asking.Enter(to.Conn); err != nil {
		b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "invoke consumer <%s> <%s> Exception: %v", group, id, err))
		return
	}
	defer b.asking.Leave(to.Conn)
	ctx, cancel := context.WithTimeout(context.Background(), relayTimeout)
	defer cancel()
	request := protocol.Frame{Code: f.Code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Fields: f.Fields, Body: f.Body}
	answer, err := to.Conn.conn.Invoke(ctx, &request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		b.refuse(c, f, apart.Refuse(protocol.ResConsumeMsgTimeout, "consumer <%s> <%s> Timeout: no answer within %v", group, id, relayTimeout))
	case err != nil:
		b.refuse(c, f, apart.Refuse(protocol.ResSystemError, "invoke consumer <%s> <%s> Exception: %v", group, id, err))
	default:
		out := f.Reply(answer.Code, answer.Remark)
		out.Fields, out.Body = answer.Fields, answer.Body
		b.send(c, &out)
	}
}
