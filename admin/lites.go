package admin

import (
	"context"
	"strconv"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/lites"
)

// Each broker has lite topics of its own: the calls of this file are made to the one at the address.

// LiteBroker is how many lite topics a broker has, and who reads them (200074).
func (a *Admin) LiteBroker(ctx context.Context, addr string) (lites.BrokerInfo, error) {
	var out lites.BrokerInfo
	err := a.ask(ctx, addr, protocol.ReqGetBrokerLiteInfo, nil, &out)
	return out, err
}

// LiteParent is how many lite topics a parent topic has (200075).
func (a *Admin) LiteParent(ctx context.Context, addr, topic string) (lites.ParentInfo, error) {
	var out lites.ParentInfo
	err := a.ask(ctx, addr, protocol.ReqGetParentTopicInfo, &protocol.TopicHeader{Topic: topic}, &out)
	return out, err
}

// LiteTopic is the extent of a lite topic and who subscribes to it (200076).
func (a *Admin) LiteTopic(ctx context.Context, addr, parent, lite string) (lites.TopicInfo, error) {
	var out lites.TopicInfo
	err := a.ask(ctx, addr, protocol.ReqGetLiteTopicInfo, pairs{"parentTopic", parent, "liteTopic", lite}, &out)
	return out, err
}

// LiteClient is which lite topics a client subscribes to (200077).
func (a *Admin) LiteClient(ctx context.Context, addr, parent, group, clientID string) (lites.ClientInfo, error) {
	var out lites.ClientInfo
	err := a.ask(ctx, addr, protocol.ReqGetLiteClientInfo, pairs{"parentTopic", parent, "group", group, "clientId", clientID}, &out)
	return out, err
}

// LiteGroup is how far a group is in its lite topics: in one, or with "" in all, with those most behind (200078).
func (a *Admin) LiteGroup(ctx context.Context, addr, group, lite string, most int32) (lites.GroupInfo, error) {
	h := pairs{"group", group, "topK", strconv.Itoa(int(most))}
	if lite != "" {
		h = append(h, "liteTopic", lite)
	}
	var out lites.GroupInfo
	err := a.ask(ctx, addr, protocol.ReqGetLiteGroupInfo, h, &out)
	return out, err
}

// DispatchLite has the broker look again for lite topics with messages for a group's client, "" for all of them (200079).
func (a *Admin) DispatchLite(ctx context.Context, addr, group, clientID string) error {
	h := pairs{"group", group}
	if clientID != "" {
		h = append(h, "clientId", clientID)
	}
	_, err := a.call(ctx, addr, protocol.ReqTriggerLiteDispatch, h, nil)
	return err
}
