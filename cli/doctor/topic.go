package doctor

import (
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TopicFacts is what is known of a topic.
type TopicFacts struct {
	Name    string
	Brokers []admin.Broker // of the cluster
	// Configs are the topic's on the brokers that have it, whatever the NameServer says.
	Configs map[string]protocol.TopicConfig
	// Routed are the brokers that the NameServer names for the topic.
	Routed []admin.Broker
	// Unreachable is why brokers do not answer, by name.
	Unreachable map[string]string
	// Stores are the brokers' stores, by name; RocketMQ's brokers do not tell.
	Stores map[string]v1.Store
	// AutoCreate tells that the first message to a topic makes it.
	AutoCreate bool
	Groups     []string // that subscribe, or have offsets
	Waiting    int64    // messages in it
	Near       []string // names of other topics that are nearly the same
}

// Topic looks at a topic: why has it no route, why does it take or give nothing.
func Topic(t *TopicFacts) []Finding {
	f := &findings{}
	if !message.LegalName(t.Name) {
		f.add(rule{"illegal-name", "brokers refuse it", "letters, digits, and % | - _ alone"}, true, int64(len(t.Name)), "%.100q is no name of a topic", t.Name)
	}
	if len(t.Brokers) == 0 {
		f.add(rule{"no-broker", "there is nobody to have topics", "is a broker running, and is this NameServer in its namesrvAddr?"}, true, 0, "no broker is registered at the NameServer")
		return f.list
	}
	if len(t.Configs) == 0 && len(t.Routed) == 0 {
		t.nowhere(f)
		return f.list
	}
	routed := map[string]bool{}
	for _, b := range t.Routed {
		routed[b.Name] = true
	}
	for _, broker := range slices.Sorted(maps.Keys(t.Configs)) {
		if !routed[broker] {
			f.add(rule{"not-routed", "clients ask the NameServer, and it does not name this broker", "a broker tells its NameServers within 30 s; see `aerobee doctor`, and whether the broker's permission (brokerPermission) hides it"}, true, 0,
				"broker %s has the topic, and the NameServer does not know", broker)
		}
	}
	for _, b := range t.Routed {
		t.routedTo(f, &b)
	}
	t.reading(f)
	return f.list
}

// nowhere says why no broker has the topic.
func (t *TopicFacts) nowhere(f *findings) {
	near := ""
	if len(t.Near) > 0 {
		near = "; there is " + strings.Join(t.Near, ", ")
	}
	r := rule{"topic-missing", "clients get no route for it", "aerobee topic create " + t.Name}
	if t.AutoCreate {
		r.why += "; the first message would make it (autoCreateTopicEnable), a consumer does not"
	}
	f.add(r, true, int64(len(t.Brokers)), "none of %d brokers has topic %s%s", len(t.Brokers), t.Name, near)
}

// routedTo looks at one broker to which clients are sent.
func (t *TopicFacts) routedTo(f *findings, b *admin.Broker) {
	addr, ok := b.Master()
	if why := t.Unreachable[b.Name]; why != "" {
		f.add(rule{"broker-unreachable", "clients are sent to it", "is it running, and can this machine reach the address? --advertise HOST[:PORT] sets it"}, true, 0,
			"broker %s, to which the route leads, does not answer at %s within %v: %s", b.Name, addr, reachTimeout, why)
		return
	}
	if !ok {
		f.add(rule{"no-master", "nothing can be written to it", "bring its master back"}, true, 0, "broker %s has no master now", b.Name)
	}
	c, ok := t.Configs[b.Name]
	if !ok {
		f.add(rule{"route-is-old", "clients that go there are refused", "the broker tells its NameServers within 30 s; a NameServer that keeps it has another broker of that name"}, true, 0,
			"the NameServer sends clients to broker %s, which does not have the topic", b.Name)
		return
	}
	if c.Perm&protocol.PermWrite == 0 || c.WriteQueueNums <= 0 {
		f.add(rule{"not-writable", "sends to it are refused there", "aerobee topic create " + t.Name + " --perm rw"}, true, int64(c.WriteQueueNums), "on broker %s the topic has permission %d and %d queues to write to", b.Name, c.Perm, c.WriteQueueNums)
	}
	if c.Perm&protocol.PermRead == 0 || c.ReadQueueNums <= 0 {
		f.add(rule{"not-readable", "consumers get no queues of it there", "aerobee topic create " + t.Name + " --perm rw"}, true, int64(c.ReadQueueNums), "on broker %s the topic has permission %d and %d queues to read from", b.Name, c.Perm, c.ReadQueueNums)
	} else if c.ReadQueueNums < c.WriteQueueNums {
		f.add(rule{"queues-not-read", "what is sent to the others waits until they are read", "as many queues to read as to write"}, true, int64(c.WriteQueueNums-c.ReadQueueNums),
			"on broker %s messages go to %d queues and consumers read %d of them", b.Name, c.WriteQueueNums, c.ReadQueueNums)
	}
	if s, ok := t.Stores[b.Name]; ok && s.Full != "" {
		f.add(rule{"disk-full", "sends are refused until there is room", "room on the disk, or a shorter fileReservedTime"}, true, int64(s.Disk.Free), "broker %s refuses sends: %s", b.Name, s.Full)
	}
}

func (t *TopicFacts) reading(f *findings) {
	if len(t.Groups) == 0 && t.Waiting > 0 {
		f.add(rule{"nobody-subscribes", "its messages are deleted when they are old", "start a consumer, or leave it"}, false, t.Waiting, "no group has offsets in the topic or subscribes to it; it holds %d messages", t.Waiting)
	}
}
