package broker

import (
	"cmp"
	"context"
	"time"

	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// apartTimeout bounds a request that is served apart, a list of thousands of topics as well.
const apartTimeout = 30 * time.Second

// apart makes a handler of what answers a request on a goroutine of the connection, given who asks.
func (b *Broker) apart(serve func(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error)) remoting.Handler {
	return func(c *remoting.Conn, f *protocol.Frame) {
		b.later(c, f, func(f *protocol.Frame) {
			ctx, cancel := context.WithTimeout(context.Background(), apartTimeout)
			defer cancel()
			a, err := serve(ctx, f, c.RemoteAddr().String())
			if err != nil {
				b.refuse(c, f, err)
				return
			}
			if !f.IsOneway() {
				r := f.Reply(protocol.ResSuccess, a.Remark)
				r.Body = a.Body
				b.send(c, &r)
			}
		})
	}
}

func (b *Broker) newManage() *manage.Service {
	return manage.New(b.store, connected{b}, manage.Options{
		Address: cmp.Or(b.opt.Advertise, b.opt.StoreHost.String()), NoTimers: b.opt.DenyTimers, Turn: b.turn, Now: b.opt.Now, Logger: b.opt.Logger,
		Broker: b.opt.BrokerName, CheckTopic: b.checkTopicChange, PlanTopic: b.planTopic, PutTopic: b.putTopic,
	})
}

// connected is the table of clients as packages below see it.
type connected struct{ b *Broker }

func (c connected) EachProducer(visit func(group, clientID, remote, language string, version int32, seen int64)) {
	c.b.clientMu.Lock()
	defer c.b.clientMu.Unlock()
	c.b.clients.EachProducer(func(group string, m member.Client[*session], seen int64) {
		visit(group, m.ID, m.Conn.remote.String(), m.Language, m.Version, seen)
	})
}

func (c connected) Subscription(group, topic string) *protocol.SubscriptionData {
	c.b.clientMu.Lock()
	defer c.b.clientMu.Unlock()
	if g := c.b.clients.Group(group); g != nil {
		if s := g.Subscription(topic); s != nil {
			data := subscriptionData(s)
			return &data
		}
	}
	return nil
}

func subscriptionData(s *member.Subscription) protocol.SubscriptionData {
	return protocol.SubscriptionData{Topic: s.Topic, SubString: s.Expression, ExpressionType: cmp.Or(s.Kind, filter.Tag),
		SubVersion: s.Version, TagsSet: notNil(s.Tags), CodeSet: notNil(s.Codes)}
}
