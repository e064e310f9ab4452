package aerobee

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/cluster"
)

// closeOwn bounds what the end of the node's own producer may wait for.
const closeOwn = 3 * time.Second

// ownGroup is the group of the producer that sends what administrators try out.
const ownGroup = "aerobee-api"

// sendTest sends one message as an application would: with a producer that is there for it alone, so that nothing is left of it.
func (s *Server) sendTest(ctx context.Context, topic string, body []byte, t *operate.TestMessage) (sent operate.Sent, err error) {
	if err := s.ready(); err != nil {
		return sent, err
	}
	own, _ := s.cfg.Auth.Own()
	var strange atomic.Pointer[error] // why a broker got it without a signature
	signTo := func(addr string, to net.Addr) error {
		why := s.signsTo(addr, to)
		if why != nil {
			strange.Store(&why)
		}
		return why
	}
	c, err := client.New(client.Config{NameServers: s.nameServers(), AccessKey: own.Name, SecretKey: own.Password, SignTo: signTo, Dial: s.dialOwn, Logger: s.log})
	if err != nil {
		return sent, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeOwn)
		defer cancel()
		if lost := c.Close(closing); lost != nil { // the message is where it is
			s.log.Warn("the producer of a test message did not end in good order", "topic", topic, "error", lost)
		}
	}()
	p, err := c.NewProducer(client.ProducerConfig{Group: ownGroup, NoAutoCreate: true})
	if err != nil {
		return sent, err
	}
	m := &client.Message{Topic: topic, Body: body, Tag: t.Tag, Keys: t.Keys, Properties: t.Properties}
	if t.DelaySeconds > 0 {
		m.DeliverAt = time.Now().Add(time.Duration(t.DelaySeconds) * time.Second)
	}
	var to []client.SendOption
	switch {
	case t.Queue != nil:
		to = append(to, client.ToQueue(client.Queue{Topic: topic, BrokerName: t.Queue.Broker, QueueID: t.Queue.Queue}))
	case t.OrderKey != "":
		to = append(to, client.ByKey(t.OrderKey))
	}
	r, err := p.Send(ctx, m, to...)
	if why := strange.Load(); why != nil && errors.Is(err, cluster.ErrNotPermitted) {
		return sent, fmt.Errorf("%w (%w)", err, *why)
	}
	if err != nil {
		return sent, err
	}
	return operate.Sent{ID: r.ID, OffsetID: r.OffsetID, Topic: topic, Broker: r.Queue.BrokerName, Queue: r.Queue.QueueID, Offset: int64(r.Offset),
		Status: r.Status.String(), Recall: r.RecallHandle}, nil
}
