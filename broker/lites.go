package broker

// LITE_SUBSCRIPTION_CTL (200071).
//
// Callers: RocketMQ's gRPC proxy, for SyncLiteSubscription.
//
// Behaviour: the subscriptions of a client live in memory, as long as its connection. A group whose attribute lite.sub.model is Exclusive has one reader of each
// lite topic: who loses one is told with NOTIFY_UNSUBSCRIBE_LITE (200073). An offset option moves the group's offset in the lite topics that
// are added; a group with lite.sub.wildcard reads all there are, and adds none. lite.sub.reset.offset.exclusive and lite.sub.reset.offset.unsubscribe move it to the beginning of those that have lost their reader, and the log says so;
// TIMESTAMP is passed over, and TAIL_N without an offset, as by RocketMQ. Entries that lack a name are passed over.
//
// Codes: 0; 1 unreadable or too large body; 604 no body, no entries, or the group may not consume; 2018 too many subscriptions, of all or of the client (lite.sub.client.quota).

import (
	"context"
	"errors"
	"strings"

	"github.com/aerobee-mq/aerobee/broker/lite"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// maxLiteSubscriptions is how many lite topics all clients together may read. Source: maxLiteSubscriptionCount of RocketMQ 5.5.
const maxLiteSubscriptions = 100_000

func (b *Broker) handleLiteSubscriptions(c *remoting.Conn, f *protocol.Frame) {
	var body protocol.LiteSubscriptions
	if len(f.Body) == 0 {
		b.answer(c, f, protocol.ResIllegalOperation, "Request body is null.")
		return
	}
	if len(f.Body) > maxClientBody {
		b.answer(c, f, protocol.ResSystemError, bodyTooLarge(f))
		return
	}
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		b.answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	if len(body.Subscriptions) == 0 {
		b.answer(c, f, protocol.ResIllegalOperation, "LiteSubscriptionCtlRequestBody is empty.")
		return
	}
	s := b.session(c)
	b.later(c, f, func(f *protocol.Frame) {
		for i := range body.Subscriptions {
			if err := b.subscribeLite(s, &body.Subscriptions[i]); err != nil {
				b.refuse(c, f, err)
				return
			}
		}
		b.answer(c, f, protocol.ResSuccess, "")
	})
}

func (b *Broker) subscribeLite(s *session, e *protocol.LiteSubscription) error {
	if e.ClientID == "" || e.Group == "" || e.Topic == "" {
		return nil
	}
	who := lite.Client{ID: e.ClientID, Group: e.Group}
	add := e.Action == protocol.LitePartialAdd || e.Action == protocol.LiteCompleteAdd
	g, _ := b.store.Group(e.Group)
	if add && !g.ConsumeEnable {
		return apart.Refuse(protocol.ResIllegalOperation, "Consumer group is not allowed to consume. (Group %.300s is unknown or has consumeEnable=false)", e.Group)
	}
	queues, err := lite.Queues(e, g.Attributes)
	if err != nil {
		return apart.Refuse(protocol.ResIllegalOperation, "%v", err)
	}
	lost, left, err := b.changeLites(s, who, e.Action, queues, g.Attributes)
	if err != nil {
		return err
	}
	b.pops.LitesChanged(s.conn, who.ID)
	for _, l := range lost {
		b.pops.LitesChanged(l.conn, l.Client.ID)
		b.notifyLost(l)
		if isTrue(g.Attributes[lite.AttrRewindLost]) {
			left = append(left, l.Queue)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	if err := b.liteInfo.Rewind(ctx, e, left, s.remote.String()); err != nil || e.Action != protocol.LitePartialAdd {
		return err
	}
	return b.liteInfo.Place(ctx, e.Group, e.Offset, queues)
}

func isTrue(attribute string) bool { return strings.EqualFold(attribute, "true") }

// loser is a subscription that another client has taken over, and the connection that is to be told.
type loser struct {
	lite.Lost
	conn *remoting.Conn
}

// changeLites changes what a client reads. left are the queues that the group is to read from their beginning next.
func (b *Broker) changeLites(s *session, who lite.Client, action string, queues []string, attributes map[string]string) (losers []loser, left []string, err error) {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	if s.ended {
		return nil, nil, nil
	}
	var lost []lite.Lost
	exclusive := lite.Exclusive(attributes)
	if action == protocol.LitePartialAdd || action == protocol.LiteCompleteAdd {
		err = b.lites.Room(who, queues, action == protocol.LiteCompleteAdd, lite.Quota(attributes))
	}
	switch {
	case err != nil:
	case action == protocol.LitePartialAdd:
		lost, err = b.lites.Add(who, queues, exclusive)
	case action == protocol.LiteCompleteAdd:
		lost, err = b.lites.Set(who, queues, exclusive)
	case action == protocol.LiteCompleteRemove:
		b.lites.Forget(who.ID)
	case action == protocol.LitePartialRemove:
		if gone := b.lites.Remove(who, queues); isTrue(attributes[lite.AttrRewindLeft]) {
			left = gone
		}
	}
	if _, over := errors.AsType[*lite.QuotaError](err); over {
		return nil, nil, apart.Refuse(protocol.ResLiteSubscriptionQuotaExceeded, "%v", err)
	}
	if s.lites == nil {
		s.lites = make(map[string]struct{})
	}
	s.lites[who.ID] = struct{}{}
	b.liteConns[who.ID] = s
	for _, l := range lost {
		if on := b.liteConns[l.Client.ID]; on != nil {
			losers = append(losers, loser{l, on.conn})
		}
	}
	return losers, left, nil
}

// dropLites ends the subscriptions of a connection's clients. clientMu is held.
func (b *Broker) dropLites(s *session) {
	for id := range s.lites {
		if b.liteConns[id] == s { // else it has come back by another connection
			delete(b.liteConns, id)
			b.lites.Forget(id)
		}
	}
}

func (b *Broker) notifyLost(l loser) {
	_, name, ok := light.LiteTopic(l.Queue)
	if !ok {
		return
	}
	out := protocol.Frame{Code: protocol.ReqNotifyUnsubscribeLite, Flag: protocol.FlagOneway, Language: protocol.LanguageJava, Version: protocol.CurrentVersion}
	h := protocol.NotifyUnsubscribeLiteHeader{LiteTopic: name, ConsumerGroup: l.Client.Group, ClientID: l.Client.ID}
	h.Append(&out.Fields)
	b.send(l.conn, &out)
}

// LiteQueues are the light queues of the lite topics that a client of a group reads, sorted.
func (b *Broker) LiteQueues(clientID, group string) []string {
	b.clientMu.Lock()
	defer b.clientMu.Unlock()
	return b.lites.Of(lite.Client{ID: clientID, Group: group})
}

// liteHost is the broker as package lite sees it.
type liteHost struct{ b *Broker }

func (h liteHost) Registry(read func(r *lite.Registry)) {
	h.b.clientMu.Lock()
	defer h.b.clientMu.Unlock()
	read(h.b.lites)
}

func (h liteHost) Sizes() (queues, offsets int) {
	s := h.b.store.Stats()
	return s.Queues, s.Offsets
}

func (h liteHost) Dispatch(clientID string) {
	h.b.clientMu.Lock()
	on := h.b.liteConns[clientID]
	h.b.clientMu.Unlock()
	if on != nil {
		h.b.pops.Dispatch(on.conn, clientID)
	}
}
