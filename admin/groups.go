package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// ErrGroupNotFound reports a consumer group that no broker knows.
var ErrGroupNotFound = errors.New("group does not exist")

// Group is a consumer group with its configuration on each broker that has it.
type Group struct {
	Name    string                                      `json:"name"`
	Kind    Kind                                        `json:"kind"`
	Configs map[string]protocol.SubscriptionGroupConfig `json:"configs"` // by broker name
}

// Groups lists all consumer groups that the brokers know, by name (201 of each broker).
func (a *Admin) Groups(ctx context.Context) ([]Group, error) {
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	tables := make([]protocol.SubscriptionGroupTable, len(brokers))
	err = onAny(brokers, func(i int, _ Broker, addr string) error {
		return a.ask(ctx, addr, protocol.ReqGetAllSubscriptionGroupConfig, nil, &tables[i])
	})
	byName := map[string]*Group{}
	for i, b := range brokers {
		for name, c := range tables[i].Groups {
			if byName[name] == nil {
				byName[name] = &Group{Name: name, Kind: KindOfGroup(name), Configs: map[string]protocol.SubscriptionGroupConfig{}}
			}
			byName[name].Configs[b.Name] = c
		}
	}
	out := make([]Group, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	return out, err
}

// KindOfGroup knows the groups that brokers make for themselves and for RocketMQ's own tools.
func KindOfGroup(name string) Kind {
	switch name {
	case "TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "SELF_TEST_P_GROUP", "CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL",
		"CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER":
		return System
	}
	if strings.HasPrefix(name, "CID_RMQ_SYS_") || strings.HasPrefix(name, "CID_SYS_RMQ_") {
		return System
	}
	return Normal
}

// GroupConfig is a group's configuration at the broker of that address (352). It costs less than [Admin.Groups] where groups are many. A broker that makes
// groups on first use (autoCreateSubscriptionGroup) may make one that it does not know, as RocketMQ does; else the error is a [*cluster.Error].
func (a *Admin) GroupConfig(ctx context.Context, addr, name string) (protocol.SubscriptionGroupConfig, error) {
	var c protocol.SubscriptionGroupConfig
	err := a.ask(ctx, addr, protocol.ReqGetSubscriptionGroupConfig, &protocol.GroupHeader{Group: name}, &c)
	return c, err
}

// PutGroup makes a group, or changes it to be as c says, on the masters of the target: with the zero target where the group is, else on the
// only cluster there is (200). Begin with [protocol.NewSubscriptionGroupConfig], or with what [Admin.Groups] says.
func (a *Admin) PutGroup(ctx context.Context, at Target, c protocol.SubscriptionGroupConfig) ([]Broker, error) {
	all, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	brokers, err := a.groupHomes(ctx, at, c.GroupName, all)
	if errors.Is(err, ErrGroupNotFound) {
		brokers, err = at.brokers(all)
	}
	if err != nil {
		return nil, err
	}
	body := protocol.MarshalBody(c)
	return brokers, onMasters(brokers, func(_ Broker, addr string) error {
		_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateSubscriptionGroup, nil, body)
		return err
	})
}

// groupHomes are the brokers of the target; where it names nothing, those that have the group.
func (a *Admin) groupHomes(ctx context.Context, at Target, name string, all []Broker) ([]Broker, error) {
	if at != (Target{}) {
		return at.brokers(all)
	}
	groups, err := a.Groups(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("admin: %w: %s", ErrGroupNotFound, name)
	}
	return slices.DeleteFunc(slices.Clone(all), func(b Broker) bool {
		_, has := groups[i].Configs[b.Name]
		return !has
	}), nil
}

// DeleteGroup deletes a group with its offsets and its retry topic from the masters of the target, with the zero target from all
// that have it (207; 215 and 216 of the retry topic). Its dead letters stay. A group that somebody still consumes with comes back
// where groups are made on first use.
func (a *Admin) DeleteGroup(ctx context.Context, at Target, name string) ([]Broker, error) {
	all, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	brokers, err := a.groupHomes(ctx, at, name, all)
	if err != nil {
		return nil, err
	}
	h := &protocol.DeleteGroupHeader{GroupName: name, CleanOffset: true}
	if err := onMasters(brokers, func(_ Broker, addr string) error {
		_, err := a.call(ctx, addr, protocol.ReqDeleteSubscriptionGroup, h, nil)
		return err
	}); err != nil {
		return brokers, err
	}
	_, err = a.DeleteTopic(ctx, at, message.RetryTopic(name))
	if errors.Is(err, cluster.ErrTopicNotFound) {
		err = nil
	}
	return brokers, err
}

// Member is one client that consumes with a group.
type Member struct {
	ClientID string `json:"clientId"`
	Addr     string `json:"addr"` // "host:port" as the broker sees it
	Language string `json:"language"`
	Version  string `json:"version"`
	// Subscriptions are what it says it subscribes to, its retry topic apart; the members of a group must say the same. nil if it was
	// not asked or did not say.
	Subscriptions []Subscription `json:"subscriptions"`
	// Silent is why it did not say which queues it consumes, "" if it did or was not asked.
	Silent string `json:"silent"`
	broker string // address of a broker that it is connected to
}

// Subscription is what a group wants of a topic.
type Subscription struct {
	Topic      string `json:"topic"`
	Expression string `json:"expression"` // "*" for everything
	Type       string `json:"type"`       // TAG or SQL92
}

// Progress is a group's place in one queue. Lag is how many messages lie before it.
type Progress struct {
	Queue
	BrokerOffset   int64     `json:"brokerOffset"`   // the queue's end
	ConsumerOffset int64     `json:"consumerOffset"` // what the group has committed
	Lag            int64     `json:"lag"`
	LastConsumed   time.Time `json:"lastConsumed"` // when the last message before the offset was stored
	Owner          string    `json:"owner"`        // client id of the member that consumes the queue, "" if none says so
}

// GroupState is what there is to know of a group.
type GroupState struct {
	Group
	ConsumeType   string         `json:"consumeType"`  // CONSUME_PASSIVELY (push), CONSUME_ACTIVELY (pull), CONSUME_POP; "" when nobody is there
	MessageModel  string         `json:"messageModel"` // CLUSTERING or BROADCASTING
	FromWhere     string         `json:"consumeFromWhere"`
	Members       []Member       `json:"members"`
	Subscriptions []Subscription `json:"subscriptions"`
	Queues        []Progress     `json:"queues"` // of all topics that the group subscribes to or has offsets in, its retry topic among these
	Lag           int64          `json:"lag"`
}

// Group describes one group (201, 203 and 208 of each broker, 307 of each member). An unknown group is [ErrGroupNotFound].
func (a *Admin) Group(ctx context.Context, name string) (GroupState, error) {
	s := GroupState{Group: Group{Name: name, Kind: KindOfGroup(name)}}
	groups, err := a.Groups(ctx)
	if i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name }); i >= 0 {
		s.Group = groups[i]
	}
	progressErr := a.progress(ctx, &s)
	if err == nil && len(s.Configs) == 0 && len(s.Members) == 0 && len(s.Queues) == 0 {
		return s, fmt.Errorf("admin: %w: %s", ErrGroupNotFound, name)
	}
	a.owners(ctx, &s)
	return s, errors.Join(err, progressErr)
}

// GroupProgress is [Admin.Group] without configurations and owners, which costs two requests a broker (203, 208). A group that nobody
// knows has no members and no queues.
func (a *Admin) GroupProgress(ctx context.Context, name string) (GroupState, error) {
	s := GroupState{Group: Group{Name: name, Kind: KindOfGroup(name)}}
	err := a.progress(ctx, &s)
	return s, err
}

func (a *Admin) progress(ctx context.Context, s *GroupState) error {
	s.Members, s.Subscriptions, s.Queues = []Member{}, []Subscription{}, []Progress{}
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return err
	}
	connections := make([]protocol.ConsumerConnection, len(brokers))
	stats := make([]protocol.ConsumeStats, len(brokers))
	addrs := make([]string, len(brokers))
	err = onAny(brokers, func(i int, _ Broker, addr string) error {
		addrs[i] = addr
		errOnline := a.ask(ctx, addr, protocol.ReqGetConsumerConnectionList, &protocol.ConsumerGroupHeader{ConsumerGroup: s.Name}, &connections[i])
		if errors.Is(errOnline, cluster.ErrNotFound) { // nobody is online there
			errOnline = nil
		}
		return errors.Join(errOnline, a.consumeStats(ctx, addr, s.Name, &connections[i], &stats[i]))
	})
	for i := range brokers {
		s.addConnections(addrs[i], &connections[i])
		for q, w := range stats[i].OffsetTable {
			lag := max(w.BrokerOffset-w.ConsumerOffset, 0)
			s.Lag += lag
			s.Queues = append(s.Queues, Progress{Queue: q, BrokerOffset: w.BrokerOffset, ConsumerOffset: w.ConsumerOffset, Lag: lag, LastConsumed: timeOf(w.LastTimestamp)})
		}
	}
	slices.SortFunc(s.Members, func(x, y Member) int { return strings.Compare(x.ClientID, y.ClientID) })
	slices.SortFunc(s.Subscriptions, func(x, y Subscription) int { return strings.Compare(x.Topic, y.Topic) })
	slices.SortFunc(s.Queues, func(x, y Progress) int { return x.Queue.Compare(y.Queue) })
	return err
}

// consumeStats reads the group's place in all topics that it has offsets in, and in those that it subscribes to but has not
// committed anything in yet: of these a broker tells only who asks for them by name.
func (a *Admin) consumeStats(ctx context.Context, addr, group string, online *protocol.ConsumerConnection, stats *protocol.ConsumeStats) error {
	if err := a.ask(ctx, addr, protocol.ReqGetConsumeStats, &protocol.ConsumeStatsHeader{ConsumerGroup: group}, stats); err != nil {
		return err
	}
	if stats.OffsetTable == nil {
		stats.OffsetTable = map[Queue]protocol.OffsetWrapper{}
	}
	told := map[string]bool{}
	for q := range stats.OffsetTable {
		told[q.Topic] = true
	}
	for topic := range online.SubscriptionTable {
		if told[topic] || message.IsRetry(topic) {
			continue
		}
		var more protocol.ConsumeStats
		if err := a.ask(ctx, addr, protocol.ReqGetConsumeStats, &protocol.ConsumeStatsHeader{ConsumerGroup: group, Topic: topic}, &more); err != nil {
			return err
		}
		maps.Copy(stats.OffsetTable, more.OffsetTable)
	}
	return nil
}

// addConnections adds what one broker says of who is there. Every member is connected to several brokers.
func (s *GroupState) addConnections(addr string, c *protocol.ConsumerConnection) {
	if c.ConsumeType != "" {
		s.ConsumeType, s.MessageModel, s.FromWhere = c.ConsumeType, c.MessageModel, c.ConsumeFromWhere
	}
	for _, m := range c.ConnectionSet {
		if !slices.ContainsFunc(s.Members, func(have Member) bool { return have.ClientID == m.ClientID }) {
			s.Members = append(s.Members, Member{ClientID: m.ClientID, Addr: m.ClientAddr, Language: m.Language,
				Version: protocol.VersionName(m.Version), broker: addr})
		}
	}
	for topic, sub := range c.SubscriptionTable {
		if !slices.ContainsFunc(s.Subscriptions, func(have Subscription) bool { return have.Topic == topic }) {
			kind := sub.ExpressionType
			if kind == "" {
				kind = protocol.ExpressionTag
			}
			s.Subscriptions = append(s.Subscriptions, Subscription{topic, sub.SubString, kind})
		}
	}
}

// runningInfo is the part of a member's answer to 307 that is looked at: the queues that it consumes, and what it subscribes to.
type runningInfo struct {
	Subs      []protocol.SubscriptionData `json:"subscriptionSet"`
	Queues    map[Queue]json.RawMessage   `json:"mqTable"`
	PopQueues map[Queue]json.RawMessage   `json:"mqPopTable"`
}

// owners asks the members which queues they consume. In a broadcast every member consumes all, so nobody is asked. A member
// that does not answer, or cannot, is no error: it is named, and what it consumes has no owner here.
func (a *Admin) owners(ctx context.Context, s *GroupState) {
	if s.MessageModel == protocol.ModelBroadcasting {
		return
	}
	infos := make([]runningInfo, len(s.Members))
	_ = each(s.Members, func(i int, m Member) error {
		if err := a.ask(ctx, m.broker, protocol.ReqGetConsumerRunningInfo, &protocol.RunningInfoHeader{ConsumerGroup: s.Name, ClientID: m.ClientID}, &infos[i]); err != nil {
			s.Members[i].Silent = err.Error()
			return nil
		}
		s.Members[i].Subscriptions = subscriptionsOf(infos[i].Subs)
		return nil
	})
	owner := map[Queue]string{}
	for i, m := range s.Members {
		for q := range infos[i].Queues {
			owner[q] = m.ClientID
		}
		for q := range infos[i].PopQueues {
			owner[q] = m.ClientID
		}
	}
	for i := range s.Queues {
		s.Queues[i].Owner = owner[s.Queues[i].Queue]
	}
}

// subscriptionsOf are a member's subscriptions by topic, without that to the retry topic, which every member has.
func subscriptionsOf(subs []protocol.SubscriptionData) []Subscription {
	out := []Subscription{}
	for _, s := range subs {
		if !message.IsRetry(s.Topic) {
			out = append(out, Subscription{s.Topic, s.SubString, cmp.Or(s.ExpressionType, protocol.ExpressionTag)})
		}
	}
	slices.SortFunc(out, func(x, y Subscription) int { return strings.Compare(x.Topic, y.Topic) })
	return out
}
