// Package static says what mqadmin's updateStaticTopic and remappingStaticTopic make of a static topic whose queues all lie on one broker. It is a
// pure machine: what brokers have goes in, what they are to have comes out; package mqadmin asks and tells them.
package static

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// GlobalScope is the scope of static topics that mqadmin makes.
const GlobalScope = "__global__"

// Broker is a broker that the NameServer knows.
type Broker struct {
	Name, Cluster string
	Addr          string                             // its master's
	Wanted        bool                               // the command line names it, or its cluster
	Topic         *manage.TopicConfigAndQueueMapping // nil where the topic is not
}

// Named reports whether a list of names with commas between them has one of them.
func Named(list, name string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(n string) bool { return strings.TrimSpace(n) == name })
}

// Known wants each broker and each cluster that the command line names to be there.
func Known(brokers []Broker, names, clusters string) error {
	for _, wanted := range []struct {
		what, list string
		of         func(b *Broker) string
	}{{"broker", names, func(b *Broker) string { return b.Name }}, {"cluster", clusters, func(b *Broker) string { return b.Cluster }}} {
		for name := range strings.SplitSeq(wanted.list, ",") {
			name = strings.TrimSpace(name)
			if name != "" && !slices.ContainsFunc(brokers, func(b Broker) bool { return wanted.of(&b) == name }) {
				return fmt.Errorf("the NameServer knows no master of %s %s", wanted.what, name)
			}
		}
	}
	return nil
}

// Change is what mqadmin writes into a file before and after: a static topic as brokers have it, or are to have it. Source: TopicRemappingDetailWrapper
// of RocketMQ 5.5.
type Change struct {
	Brokers map[string]manage.TopicConfigAndQueueMapping `json:"brokerConfigMap"`
	In      []string                                     `json:"brokerToMapIn"`
	Out     []string                                     `json:"brokerToMapOut"`
	Epoch   int64                                        `json:"epoch"`
	Topic   string                                       `json:"topic"`
	Type    string                                       `json:"type"`
}

// Plan gives a static topic that many queues, or with 0 as many as it has, under a new epoch. now is in milliseconds.
func Plan(topic string, queues int32, brokers []Broker, now int64) (before, after Change, err error) {
	before, total, err := read(topic, brokers, now)
	if err != nil {
		return before, after, err
	}
	switch {
	case queues == 0 && total == 0:
		return before, after, fmt.Errorf("there is no static topic %s to remap", topic)
	case queues == 0:
		queues = total
	case queues < total:
		return before, after, fmt.Errorf("static topic %s has %d queues and cannot have %d: it never has fewer", topic, total, queues)
	case queues == total:
		return before, after, fmt.Errorf("static topic %s has %d queues already", topic, total)
	}
	home, err := homeOf(topic, total, brokers)
	if err != nil {
		return before, after, err
	}
	after = before
	after.Epoch, after.Brokers = max(before.Epoch+1000, now), map[string]manage.TopicConfigAndQueueMapping{}
	if queues == total {
		after.Type = "REMAPPING"
	}
	for _, b := range brokers {
		if b.Topic == nil && b.Cluster != home.Cluster {
			continue
		}
		c := copyOf(topic, &b)
		c.Detail.Epoch, c.Detail.TotalQueues = after.Epoch, queues
		if b.Name == home.Name {
			grow(&c, queues)
		}
		after.Brokers[b.Name] = c
	}
	return before, after, nil
}

// read is what is there, and how many queues that are.
func read(topic string, brokers []Broker, now int64) (before Change, total int32, err error) {
	before = Change{Brokers: map[string]manage.TopicConfigAndQueueMapping{}, In: []string{}, Out: []string{}, Epoch: now, Topic: topic, Type: "CREATE_OR_UPDATE"}
	for _, b := range brokers {
		if b.Topic == nil {
			continue
		}
		d := b.Topic.Detail
		if d == nil {
			return before, 0, fmt.Errorf("topic %s is on broker %s with %d queues and is not static: give the static one another name", topic, b.Name, b.Topic.WriteQueueNums)
		}
		if len(before.Brokers) > 0 && (d.Epoch != before.Epoch || d.TotalQueues != total) {
			return before, 0, fmt.Errorf("broker %s has %d queues of static topic %s in epoch %d, another one %d in epoch %d: a change has reached some of them only",
				b.Name, d.TotalQueues, topic, d.Epoch, total, before.Epoch)
		}
		before.Brokers[b.Name], before.Epoch, total = *b.Topic, d.Epoch, d.TotalQueues
	}
	return before, total, nil
}

// homeOf is the one broker that has the queues, and is to have them.
func homeOf(topic string, total int32, brokers []Broker) (Broker, error) {
	homes := map[string]Broker{}
	for _, b := range brokers {
		if b.Wanted || b.Topic != nil && len(b.Topic.Detail.Hosted) > 0 {
			homes[b.Name] = b
		}
	}
	names := slices.Sorted(maps.Keys(homes))
	if len(names) != 1 {
		return Broker{}, fmt.Errorf("static topic %s would lie on %d brokers (%s), or move among them: RocketMQ's own mqadmin does that, between its own brokers; name one broker with -b",
			topic, len(names), strings.Join(names, ", "))
	}
	home := homes[names[0]]
	if home.Topic != nil && len(home.Topic.Detail.Hosted) != int(total) {
		return home, fmt.Errorf("broker %s has %d of the %d queues of static topic %s, and no broker has the others", home.Name, len(home.Topic.Detail.Hosted), total, topic)
	}
	return home, nil
}

func copyOf(topic string, b *Broker) manage.TopicConfigAndQueueMapping {
	if b.Topic == nil {
		return manage.TopicConfigAndQueueMapping{
			TopicConfig: protocol.TopicConfig{TopicName: topic, Perm: protocol.PermRead | protocol.PermWrite, TopicFilterType: "SINGLE_TAG"},
			Detail: &manage.TopicQueueMappingDetail{Hosted: map[int32][]manage.LogicQueueMappingItem{},
				TopicQueueMappingInfo: protocol.TopicQueueMappingInfo{BrokerName: b.Name, CurrIDMap: map[int32]int32{}, Scope: GlobalScope, Topic: topic}},
		}
	}
	c, d := *b.Topic, *b.Topic.Detail
	d.Hosted = maps.Clone(d.Hosted)
	c.Detail = &d
	return c
}

// grow puts queues behind the broker's own until there are enough.
func grow(c *manage.TopicConfigAndQueueMapping, queues int32) {
	if c.Detail.Hosted == nil {
		c.Detail.Hosted = map[int32][]manage.LogicQueueMappingItem{}
	}
	for id := int32(len(c.Detail.Hosted)); id < queues; id++ {
		c.Detail.Hosted[id] = []manage.LogicQueueMappingItem{manage.NewLogicQueueMappingItem(c.Detail.BrokerName, c.WriteQueueNums)}
		c.WriteQueueNums++
		c.ReadQueueNums++
	}
}
