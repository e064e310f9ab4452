package admin

import (
	"context"
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

// Kind says what a topic or a group is there for.
type Kind string

// The kinds. Groups are normal or system.
const (
	Normal     Kind = "normal"
	Retry      Kind = "retry"       // a group's failed messages on their way back
	DeadLetter Kind = "dead-letter" // a group's messages that failed too often
	System     Kind = "system"      // of the brokers themselves
)

// Topic is a topic with its configuration on each broker that has it.
type Topic struct {
	Name    string                          `json:"name"`
	Kind    Kind                            `json:"kind"`
	Configs map[string]protocol.TopicConfig `json:"configs"` // by broker name; empty when no broker that lives has it
}

// MessageType is the attribute message.type, which 5.x brokers keep: NORMAL, FIFO, DELAY, TRANSACTION, MIXED; "" without.
func (t *Topic) MessageType() string {
	for _, c := range t.Configs {
		if v := c.Attributes["message.type"]; v != "" {
			return v
		}
	}
	return ""
}

// Queue is one queue of a topic on one broker.
type Queue = cluster.Queue

// QueueState is the extent of one queue: Min is the offset of its first message, Max that of the next one to be stored.
type QueueState struct {
	Queue
	Min        int64     `json:"min"`
	Max        int64     `json:"max"`
	LastStored time.Time `json:"lastStored"`
}

// TopicState is what there is to know of a topic.
type TopicState struct {
	Topic
	Brokers []Broker     `json:"brokers"`
	Queues  []QueueState `json:"queues"` // by broker and number
	Groups  []string     `json:"groups"` // that subscribe, or have offsets in it
}

// TopicNames lists the names of all topics that the NameServer knows, sorted (206).
func (a *Admin) TopicNames(ctx context.Context) ([]string, error) {
	var list protocol.TopicList
	err := a.askNameServer(ctx, protocol.ReqGetAllTopicListFromNameServer, nil, &list)
	slices.Sort(list.Topics)
	return slices.Compact(list.Topics), err
}

// Topics lists all topics with their configurations, by name (206; 21 and 305 of each broker).
func (a *Admin) Topics(ctx context.Context) ([]Topic, error) {
	names, err := a.TopicNames(ctx)
	if err != nil {
		return nil, err
	}
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	tables := make([]protocol.TopicConfigTable, len(brokers))
	systems := make([]protocol.TopicList, len(brokers))
	err = onAny(brokers, func(i int, _ Broker, addr string) error {
		return errors.Join(a.ask(ctx, addr, protocol.ReqGetAllTopicConfig, nil, &tables[i]),
			a.ask(ctx, addr, protocol.ReqGetSystemTopicListFromBroker, nil, &systems[i]))
	})
	system := map[string]bool{}
	for i, b := range brokers {
		system[b.Name], system[b.Cluster] = true, true
		for _, name := range systems[i].Topics {
			system[name] = true
		}
	}
	byName := map[string]*Topic{}
	add := func(name string) *Topic {
		if byName[name] == nil {
			byName[name] = &Topic{Name: name, Kind: topicKind(name, system), Configs: map[string]protocol.TopicConfig{}}
		}
		return byName[name]
	}
	for _, name := range names {
		add(name)
	}
	for i, b := range brokers {
		for name, c := range tables[i].Topics {
			add(name).Configs[b.Name] = c
		}
	}
	out := make([]Topic, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	return out, err
}

func topicKind(name string, system map[string]bool) Kind {
	switch {
	case message.IsRetry(name):
		return Retry
	case message.IsDLQ(name):
		return DeadLetter
	case system[name], strings.HasPrefix(name, message.SystemPrefix):
		return System
	}
	return Normal
}

// Topic describes one topic (105; 351, 202 and 300 of each broker that has it). A topic that does not exist is
// [cluster.ErrTopicNotFound].
func (a *Admin) Topic(ctx context.Context, name string) (TopicState, error) {
	s := TopicState{Topic: Topic{Name: name, Kind: topicKind(name, nil), Configs: map[string]protocol.TopicConfig{}}, Queues: []QueueState{}, Groups: []string{}}
	brokers, err := a.routed(ctx, name)
	if err != nil {
		return s, err
	}
	s.Brokers = brokers
	configs := make([]protocol.TopicConfig, len(brokers))
	stats := make([]protocol.TopicStats, len(brokers))
	groups := make([]protocol.GroupList, len(brokers))
	err = onAny(brokers, func(i int, b Broker, addr string) error {
		h := &protocol.TopicHeader{Topic: name}
		var errConfig error
		configs[i], errConfig = a.topicConfig(ctx, addr, name)
		return errors.Join(errConfig, a.ask(ctx, addr, protocol.ReqGetTopicStatsInfo, h, &stats[i]),
			a.ask(ctx, addr, protocol.ReqQueryTopicConsumeByWho, h, &groups[i]))
	})
	for i, b := range brokers {
		if configs[i].TopicName != "" {
			s.Configs[b.Name] = configs[i]
		}
		for q, o := range stats[i].OffsetTable {
			s.Queues = append(s.Queues, QueueState{Queue: q, Min: o.MinOffset, Max: o.MaxOffset, LastStored: timeOf(o.LastUpdateTimestamp)})
		}
		s.Groups = append(s.Groups, groups[i].Groups...)
	}
	slices.SortFunc(s.Queues, func(x, y QueueState) int { return x.Queue.Compare(y.Queue) })
	slices.Sort(s.Groups)
	s.Groups = slices.Compact(s.Groups)
	return s, err
}

// routed are the brokers that have the topic, by name (105).
func (a *Admin) routed(ctx context.Context, topic string) ([]Broker, error) {
	route, err := a.Route(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make([]Broker, 0, len(route.Brokers))
	for _, b := range route.Brokers {
		out = append(out, Broker{Name: b.Name, Cluster: b.Cluster, Addrs: b.Addrs})
	}
	slices.SortFunc(out, func(x, y Broker) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// topicConfig reads a topic's configuration on one broker (351). Brokers of 4.x do not know the request: all of theirs are
// read instead (21).
func (a *Admin) topicConfig(ctx context.Context, addr, name string) (protocol.TopicConfig, error) {
	var c protocol.TopicConfig
	err := a.ask(ctx, addr, protocol.ReqGetTopicConfig, &protocol.TopicHeader{Topic: name}, &c)
	if !errors.Is(err, cluster.ErrNotSupported) {
		return c, err
	}
	var table protocol.TopicConfigTable
	if err := a.ask(ctx, addr, protocol.ReqGetAllTopicConfig, nil, &table); err != nil {
		return c, err
	}
	c, ok := table.Topics[name]
	if !ok {
		return c, &cluster.Error{Code: protocol.ResTopicNotExist, Remark: "No topic in this broker. topic: " + name, Addr: addr, Request: protocol.ReqGetAllTopicConfig}
	}
	return c, nil
}

// PutTopic makes a topic, or changes it to be as c says, on the masters of the target: with the zero target where the topic is, else
// on the only cluster there is (17). WriteQueueNums 0 is 8, ReadQueueNums 0 is WriteQueueNums, Perm 0 is 6. Attributes are
// what the topic has afterwards, nil for what it has now; brokers of 4.x do not keep any. It returns the brokers that were
// changed, when the NameServer knows of it.
func (a *Admin) PutTopic(ctx context.Context, at Target, c protocol.TopicConfig) ([]Broker, error) {
	brokers, err := a.homes(ctx, at, c.TopicName)
	if err != nil {
		return nil, err
	}
	if c.WriteQueueNums == 0 {
		c.WriteQueueNums = max(c.ReadQueueNums, 8)
	}
	if c.ReadQueueNums == 0 {
		c.ReadQueueNums = c.WriteQueueNums
	}
	if c.Perm == 0 {
		c.Perm = protocol.PermRead | protocol.PermWrite
	}
	if c.TopicFilterType == "" {
		c.TopicFilterType = "SINGLE_TAG"
	}
	err = onMasters(brokers, func(_ Broker, addr string) error { return a.putTopic(ctx, addr, &c) })
	if err != nil {
		return brokers, err
	}
	return brokers, a.awaitRoute(ctx, c.TopicName, brokers)
}

func (a *Admin) putTopic(ctx context.Context, addr string, c *protocol.TopicConfig) error {
	h := &protocol.CreateTopicHeader{Topic: c.TopicName, DefaultTopic: message.TopicAutoName, ReadQueueNums: c.ReadQueueNums, WriteQueueNums: c.WriteQueueNums,
		Perm: c.Perm, TopicFilterType: c.TopicFilterType, TopicSysFlag: c.TopicSysFlag, Order: c.Order}
	if c.Attributes != nil {
		old, err := a.topicConfig(ctx, addr, c.TopicName)
		if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) {
			return err
		}
		h.Attributes = attributeChange(old.Attributes, c.Attributes)
	}
	_, err := a.call(ctx, addr, protocol.ReqUpdateAndCreateTopic, h, nil)
	return err
}

// attributeChange is the text of what must change: "+name=value,-name". A value that stays is left out: brokers refuse to set
// some attributes twice.
func attributeChange(old, want map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have, ok := old[name]; !ok || have != want[name] {
			parts = append(parts, "+"+name+"="+want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, stays := want[name]; !stays {
			parts = append(parts, "-"+name)
		}
	}
	return strings.Join(parts, ",")
}

// homes are the brokers of the target; where it names nothing, those that have the topic, if any has.
func (a *Admin) homes(ctx context.Context, at Target, topic string) ([]Broker, error) {
	if at == (Target{}) {
		brokers, err := a.routed(ctx, topic)
		if !errors.Is(err, cluster.ErrTopicNotFound) {
			return brokers, err
		}
	}
	all, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	return at.brokers(all)
}

// awaitRoute asks the NameServer until it knows the topic on all of the brokers: Apache's tell it after their answer.
func (a *Admin) awaitRoute(ctx context.Context, topic string, brokers []Broker) error {
	ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
	defer cancel()
	const pause = 20 * time.Millisecond
	for {
		have, err := a.routed(ctx, topic)
		missing := slices.DeleteFunc(slices.Clone(brokers), func(b Broker) bool {
			return slices.ContainsFunc(have, func(h Broker) bool { return h.Name == b.Name })
		})
		if err == nil && len(missing) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("admin: topic %s is made, but the NameServer does not know it on %d of %d brokers yet: %w", topic, len(missing), len(brokers), ctx.Err())
		case <-time.After(pause):
		}
	}
}

// DeleteTopic deletes a topic from the masters of the target, with the zero target from all that have it, and from every NameServer
// (215, 216). It returns the brokers. Its messages are gone for consumers; the log drops their bytes in its own time.
func (a *Admin) DeleteTopic(ctx context.Context, at Target, name string) ([]Broker, error) {
	brokers, err := a.routed(ctx, name)
	if err != nil {
		return nil, err
	}
	h := &protocol.DeleteTopicInNamesrvHeader{Topic: name}
	if at != (Target{}) {
		if brokers, err = at.brokers(brokers); err != nil {
			return nil, err
		}
		h.ClusterName = brokers[0].Cluster
	}
	if err := onMasters(brokers, func(_ Broker, addr string) error {
		_, err := a.call(ctx, addr, protocol.ReqDeleteTopicInBroker, &protocol.TopicHeader{Topic: name}, nil)
		return err
	}); err != nil || at.Broker != "" { // of one broker among several the NameServer hears from the broker alone
		return brokers, err
	}
	servers, err := a.cluster.NameServers(ctx)
	if err != nil {
		return brokers, fmt.Errorf("admin: %w", err)
	}
	return brokers, each(servers, func(_ int, addr string) error {
		_, err := a.call(ctx, addr, protocol.ReqDeleteTopicInNamesrv, h, nil)
		return err
	})
}

func timeOf(millis int64) time.Time {
	if millis <= 0 {
		return time.Time{}
	}
	return message.Shown(time.UnixMilli(millis)).Local()
}
