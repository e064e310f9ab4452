package lite

// GET_BROKER_LITE_INFO (200074), GET_PARENT_TOPIC_INFO (200075), GET_LITE_TOPIC_INFO (200076), GET_LITE_CLIENT_INFO (200077), GET_LITE_GROUP_INFO (200078),
// TRIGGER_LITE_DISPATCH (200079).
//
// Callers: mqadmin getBrokerLiteInfo, getParentTopicInfo, getLiteTopicInfo, getLiteClientInfo, getLiteGroupInfo, triggerLiteDispatch.
//
// Behaviour: what the broker knows now. What RocketMQ counts of its event queues there is not here, and is 0; when a client was last there is -1. Lags are those of the lite
// topics in which the group has an offset. A lite topic belongs on the broker that is asked. A dispatch lets pops that wait look again. A group that is not there is 26; RocketMQ
// makes it, where groups are made on first use, and says that it is none of lite topics.
//
// Codes: 0, but for 200079 with a JSON body; 17 no such parent; 26 no such group; 29 a topic that is no parent, a group that is none of it; 1 unreadable header.

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/kind"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/lites"
)

// Group attributes of lite topics.
const (
	AttrParent = "lite.bind.topic" // whose lite topics the group reads
	attrModel  = "lite.sub.model"  // Exclusive: each lite topic has one reader
	attrQuota  = "lite.sub.client.quota"
	// AttrRewindLost and AttrRewindLeft let whoever reads a lite topic next begin at its beginning, when its reader has lost it to another, or has left it.
	AttrRewindLost = "lite.sub.reset.offset.exclusive"
	AttrRewindLeft = "lite.sub.reset.offset.unsubscribe"
)

// Quota is how many lite topics a client of a group may read. Source: SubscriptionGroupAttributes and ClientProcessor of RocketMQ 5.5, whose proxy lets 300 more pass.
func Quota(attributes map[string]string) int {
	const usual, buffer = 2000, 300
	n, err := strconv.ParseInt(attributes[attrQuota], 10, 32)
	if err != nil {
		n = usual
	}
	return int(n) + buffer
}

const attrExpiration = "lite.topic.expiration" // of topics, minutes

// maxTold bounds the lite topics and lags of one answer. Source: LiteManagerProcessor of RocketMQ 5.5.
const maxTold = 10_000

// Store is what is asked; everything in it is documented at *store.Store.
type Store interface {
	Topic(name string) (topic.Config, bool)
	Topics() []topic.Config
	Group(name string) (group.Config, bool)
	Groups() []group.Config
	EachLight(visit func(queue string))
	EachOffset(visit func(group string, q message.Queue, off message.QueueOffset))
	Offset(group string, q message.Queue) (message.QueueOffset, bool)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	ResetOffset(ctx context.Context, group string, q message.Queue, off message.QueueOffset) error
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
}

// Host is the broker around.
type Host interface {
	// Registry calls read with the registry guarded.
	Registry(read func(r *Registry))
	// Sizes are how many queues and offsets the store has.
	Sizes() (queues, offsets int)
	// Dispatch lets what waits for messages of a client's lite topics look again.
	Dispatch(clientID string)
}

// Info serves the requests.
type Info struct {
	store     Store
	host      Host
	moved     Moved
	maxQueues int
}

// NewInfo makes one; maxQueues is how many light queues there may be.
func NewInfo(s Store, h Host, moved Moved, maxQueues int) *Info {
	return &Info{store: s, host: h, moved: moved, maxQueues: maxQueues}
}

func body(v any) (apart.Answer, error) { return apart.Answer{Body: protocol.MarshalBody(v)}, nil }

// parent finds a topic that has lite topics.
func (n *Info) parent(name string) (topic.Config, error) {
	t, ok := n.store.Topic(name)
	switch {
	case !ok:
		return t, apart.Refuse(protocol.ResTopicNotExist, "Topic [%.300s] not exist.", name)
	case kind.OfTopic(t.Attributes) != kind.Lite:
		return t, apart.Refuse(protocol.ResInvalidParameter, "Topic [%.300s] type not match.", name)
	}
	return t, nil
}

// bound finds a group and the parent topic that it reads.
func (n *Info) bound(name string) (parent string, err error) {
	g, ok := n.store.Group(name)
	switch {
	case !ok:
		return "", apart.Refuse(protocol.ResSubscriptionGroupNotExist, "Group [%.300s] not exist.", name)
	case g.Attributes[AttrParent] == "":
		return "", apart.Refuse(protocol.ResInvalidParameter, "Group [%.300s] is not a LITE group.", name)
	}
	return g.Attributes[AttrParent], nil
}

// expiration is how many minutes lite topics outlive their last message, -1 for ever.
func expiration(t *topic.Config) int32 {
	n, err := strconv.ParseInt(t.Attributes[attrExpiration], 10, 32)
	if err != nil {
		return -1
	}
	return int32(n)
}

// groups are the groups that read lite topics by parent topic.
func (n *Info) groups() map[string][]string {
	out := map[string][]string{}
	for _, g := range n.store.Groups() { // sorted
		if parent := g.Attributes[AttrParent]; parent != "" {
			out[parent] = append(out[parent], g.Name)
		}
	}
	return out
}

// count counts the light queues, and those of a parent's lite topics.
func (n *Info) count(of string) (all, lites int32) {
	n.store.EachLight(func(queue string) {
		all++
		if parent, _, ok := light.LiteTopic(queue); ok && parent == of {
			lites++
		}
	})
	return all, lites
}

// Broker serves GET_BROKER_LITE_INFO.
func (n *Info) Broker(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	queues, offsets := n.host.Sizes()
	out := lites.BrokerInfo{StoreType: "default", MaxQueues: clamp(n.maxQueues), QueueTableSize: clamp(queues), OffsetTableSize: clamp(offsets), GroupMeta: n.groups(), TopicMeta: map[string]int32{}}
	out.Queues, _ = n.count("")
	n.host.Registry(func(r *Registry) { out.Subscriptions = clamp(r.Len()) })
	for _, t := range n.store.Topics() {
		if kind.OfTopic(t.Attributes) == kind.Lite {
			out.TopicMeta[t.Name] = expiration(&t)
		}
	}
	return body(out)
}

func clamp(n int) int32 { return int32(min(n, math.MaxInt32)) }

// Parent serves GET_PARENT_TOPIC_INFO.
func (n *Info) Parent(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h lites.ParentHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	t, err := n.parent(h.Topic)
	if err != nil {
		return apart.Answer{}, err
	}
	out := lites.ParentInfo{Topic: t.Name, TTL: expiration(&t), Groups: n.groups()[t.Name]}
	out.Queues, out.LiteTopics = n.count(t.Name)
	return body(out)
}

// Topic serves GET_LITE_TOPIC_INFO.
func (n *Info) Topic(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h lites.TopicHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	if _, err := n.parent(h.Parent); err != nil {
		return apart.Answer{}, err
	}
	queue, err := light.LiteQueue(h.Parent, h.LiteTopic)
	if err != nil {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "%v", err)
	}
	q := message.Queue{Topic: queue}
	out := lites.TopicInfo{LiteTopic: h.LiteTopic, Parent: h.Parent, Here: true, Subscribers: []lites.Client{}}
	out.Extent = protocol.TopicOffset{MinOffset: max(int64(n.store.MinOffset(q)), 0), MaxOffset: max(int64(n.store.MaxOffset(q)), 0)}
	if last, ok := n.store.StoreTimeAt(q, message.QueueOffset(out.Extent.MaxOffset-1)); ok && out.Extent.MaxOffset > 0 {
		out.Extent.LastUpdateTimestamp = int64(last)
	}
	groups := n.groups()[h.Parent]
	n.host.Registry(func(r *Registry) {
		for _, c := range r.Readers(queue) {
			out.Subscribers = append(out.Subscribers, lites.Client(c))
		}
		for _, g := range groups {
			if len(r.Readers(light.Wild(h.Parent, g))) > 0 {
				out.Subscribers = append(out.Subscribers, lites.Client{ID: "*", Group: g})
			}
		}
	})
	return body(out)
}

// Client serves GET_LITE_CLIENT_INFO.
func (n *Info) Client(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h lites.ClientHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	if _, err := n.parent(h.Parent); err != nil {
		return apart.Answer{}, err
	}
	g, ok := n.store.Group(h.Group)
	switch {
	case !ok:
		return apart.Answer{}, apart.Refuse(protocol.ResSubscriptionGroupNotExist, "Group [%.300s] not exist.", h.Group)
	case g.Attributes[AttrParent] != h.Parent:
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "Subscription [%.300s]-[%.300s] not match.", h.Group, h.Parent)
	}
	out := lites.ClientInfo{ClientID: h.ClientID, Group: h.Group, Parent: h.Parent, LastAccess: -1, Count: -1}
	n.host.Registry(func(r *Registry) {
		if queues := r.Of(Client{ID: h.ClientID, Group: h.Group}); len(queues) > 0 {
			out.Count = clamp(len(queues))
			out.Topics = queues[:min(len(queues), max(int(h.MaxCount), 0), maxTold)]
		}
	})
	return body(out)
}

// Group serves GET_LITE_GROUP_INFO.
func (n *Info) Group(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h lites.GroupHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	parent, err := n.bound(h.Group)
	if err != nil {
		return apart.Answer{}, err
	}
	out := lites.GroupInfo{Group: h.Group, Parent: parent, LiteTopic: h.LiteTopic, Earliest: -1}
	if h.LiteTopic == "" {
		n.lags(&out, min(max(int(h.TopK), 0), maxTold))
		return body(out)
	}
	queue, err := light.LiteQueue(parent, h.LiteTopic)
	if err != nil {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "%v", err)
	}
	q := message.Queue{Topic: queue}
	next := n.store.MaxOffset(q)
	at, known := n.store.Offset(h.Group, q)
	switch {
	case next <= 0:
		out.Total = -1
	case !known:
		out.Earliest = 0
	default:
		out.Total, out.Earliest = int64(next-at), n.timeAt(q, at)
		out.Place = &protocol.OffsetWrapper{BrokerOffset: int64(next), ConsumerOffset: int64(at)}
		if at > 0 {
			out.Place.LastTimestamp = n.timeAt(q, at-1)
		}
	}
	return body(out)
}

// timeAt is when a message was stored, -1 if there is none.
func (n *Info) timeAt(q message.Queue, off message.QueueOffset) int64 {
	if t, ok := n.store.StoreTimeAt(q, off); ok {
		return int64(t)
	}
	return -1
}

// lags finds where a group lags most.
func (n *Info) lags(out *lites.GroupInfo, top int) {
	places := map[string]message.QueueOffset{}
	n.store.EachOffset(func(group string, q message.Queue, off message.QueueOffset) {
		if parent, _, ok := light.LiteTopic(q.Topic); ok && group == out.Group && parent == out.Parent {
			places[q.Topic] = off
		}
	})
	all := []lites.Lag{}
	for _, queue := range slices.Sorted(maps.Keys(places)) {
		q, at := message.Queue{Topic: queue}, places[queue]
		if behind := int64(n.store.MaxOffset(q) - at); behind > 0 {
			_, lite, _ := light.LiteTopic(queue)
			all = append(all, lites.Lag{LiteTopic: lite, Count: behind, Earliest: n.timeAt(q, at)})
			out.Total += behind
		}
	}
	slices.SortFunc(all, func(a, b lites.Lag) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.LiteTopic, b.LiteTopic))
	})
	out.ByCount = slices.Clone(all[:min(len(all), top)])
	slices.SortFunc(all, func(a, b lites.Lag) int {
		return cmp.Or(cmp.Compare(a.Earliest, b.Earliest), cmp.Compare(a.LiteTopic, b.LiteTopic))
	})
	out.ByTime = all[:min(len(all), top)]
	if len(all) > 0 {
		out.Earliest = all[0].Earliest
	}
}

// Dispatch serves TRIGGER_LITE_DISPATCH.
func (n *Info) Dispatch(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h lites.DispatchHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	if _, err := n.bound(h.Group); err != nil {
		return apart.Answer{}, err
	}
	var clients []string
	n.host.Registry(func(r *Registry) {
		for _, c := range r.Clients() {
			if c.Group == h.Group && (h.ClientID == "" || c.ID == h.ClientID) {
				clients = append(clients, c.ID)
			}
		}
	})
	for _, id := range clients {
		n.host.Dispatch(id)
	}
	return apart.Answer{}, nil
}
