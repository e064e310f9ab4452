package doctor_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/doctor"
	"github.com/aerobee-mq/aerobee/protocol"
)

func TestGroup(t *testing.T) {
	f := func(what string, s admin.GroupState, want ...string) {
		t.Helper()
		var got []string
		for _, x := range doctor.Group(&doctor.GroupFacts{State: s}) {
			got = append(got, x.Rule+": "+x.Says)
			if x.Try == "" || x.Why == "" {
				t.Errorf("%s: %s says nothing to try, or not why", what, x.Rule)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	sub := func(pairs ...string) (out []admin.Subscription) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, admin.Subscription{Topic: pairs[i], Expression: pairs[i+1], Type: protocol.ExpressionTag})
		}
		return out
	}
	group := func(change func(*admin.GroupState), members ...admin.Member) admin.GroupState {
		s := admin.GroupState{MessageModel: protocol.ModelClustering, Members: members}
		s.Name, s.Configs = "g", map[string]protocol.SubscriptionGroupConfig{"b": protocol.NewSubscriptionGroupConfig("g")}
		s.Queues = []admin.Progress{{Queue: admin.Queue{Topic: "t", BrokerName: "b"}, Owner: "a"}, {Queue: admin.Queue{Topic: "t", BrokerName: "b", QueueID: 1}, Owner: "b"}}
		if change != nil {
			change(&s)
		}
		return s
	}
	a, b, c := admin.Member{ClientID: "a", Subscriptions: sub("t", "x || y")}, admin.Member{ClientID: "b", Subscriptions: sub("t", "y||x")},
		admin.Member{ClientID: "c", Subscriptions: sub("t", "*", "u", "")}
	f("well", group(nil, a, b))
	f("nobody", group(func(s *admin.GroupState) { s.Lag = 7 }), "nobody-online: nobody consumes; 7 messages wait")
	f("other subscriptions", group(nil, a, b, c), "subscriptions-differ: topic t: c: TAG *; a, b: TAG x || y",
		"subscriptions-differ: topic u: c: TAG *; a, b: no subscription", "idle-members: 1 of 3 members have no queue")
	f("switched off", group(func(s *admin.GroupState) {
		config := s.Configs["b"]
		config.ConsumeEnable = false
		s.Configs["b"] = config
	}, a, b), "switched-off: the group is not allowed to consume on broker b")
	f("no owner", group(func(s *admin.GroupState) { s.Queues[1].Owner, s.Queues[1].Lag = "", 3 }, a),
		"queue-without-owner: 3 messages wait in queue 1 of topic t on broker b, which no member consumes")
	f("silent", group(func(s *admin.GroupState) { s.Queues[1].Owner, s.Queues[1].Lag = "", 3 }, a, admin.Member{ClientID: "b", Addr: "h:1", Silent: "no answer"}),
		"member-silent: member b at h:1 does not say what it consumes: no answer")
}

// told wants findings, as "rule: what it says"; problems begin with an exclamation mark.
func told(t *testing.T, what string, found []doctor.Finding, want ...string) {
	t.Helper()
	var got []string
	for _, x := range found {
		line := x.Rule + ": " + x.Says
		if x.Problem {
			line = "!" + line
		}
		got = append(got, line)
		if x.Try == "" || x.Why == "" {
			t.Errorf("%s: %s says nothing to try, or not why", what, x.Rule)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestStuckQueues(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	f := func(what string, q v1.GroupQueue, want ...string) {
		t.Helper()
		q.Topic, q.Queue = "t", 1
		g := &doctor.GroupFacts{Now: now, Queues: []v1.GroupQueues{{Broker: "b", Queues: []v1.GroupQueue{q}}}}
		g.State.Name, g.State.MessageModel = "g", protocol.ModelClustering
		g.State.Members = []admin.Member{{ClientID: "a"}}
		g.State.Queues = []admin.Progress{{Queue: admin.Queue{Topic: "t", BrokerName: "b", QueueID: 1}, Owner: "a"}}
		told(t, what, doctor.Group(g), want...)
	}
	f("at the end", v1.GroupQueue{End: 5, Committed: 5, PulledTo: -1})
	f("pulled a moment ago", v1.GroupQueue{End: 5, Committed: 2, PulledTo: 2, PulledAt: ago(time.Second), PulledBy: "a"})
	f("never pulled", v1.GroupQueue{End: 5, Committed: 2, PulledTo: -1}, "!never-pulled: nobody has pulled queue 1 of topic t on broker b since the broker was started; 3 messages wait, a has it")
	f("pulled long ago", v1.GroupQueue{End: 5, Committed: 2, PulledTo: 3, PulledAt: ago(90 * time.Second), PulledBy: "a"}, "!not-pulled: queue 1 of topic t on broker b was pulled last 90 s ago by a; 3 messages wait")
	f("not committed", v1.GroupQueue{End: 5, Committed: 2, PulledTo: 4, PulledAt: ago(time.Second), PulledBy: "a"}, "pulled-not-committed: 2 messages of queue 1 of topic t on broker b are pulled by a and not committed, 3 wait in all")
	f("locked", v1.GroupQueue{End: 5, Committed: 2, PulledTo: -1, LockedBy: "z", LockSeconds: 20},
		"!locked-by-another: queue 1 of topic t on broker b is locked by z, which renewed the lock 20 s ago, and a has the queue: 3 messages wait; the lock ends in 40 s")
	f("popped", v1.GroupQueue{End: 5, Committed: 2, PulledTo: -1, Popped: true, InFlight: 2, Late: 1}, "in-flight: 2 messages of queue 1 of topic t on broker b are popped and not acknowledged, 1 are about to come again; 3 wait")
	f("gone", v1.GroupQueue{First: 5, End: 5, Committed: 2, PulledTo: -1}, "!messages-gone: 3 messages of queue 1 of topic t on broker b are deleted that the group has not consumed: it is at 2, the first one left is 5")
}

// TestLockOfAStranger: a member that waits for a queue's lock need not say that the queue is its own. Who holds the lock is named all the same, unless that is a
// member, which is about to consume the queue.
func TestLockOfAStranger(t *testing.T) {
	f := func(holder string, want ...string) {
		t.Helper()
		g := &doctor.GroupFacts{Now: time.Unix(1e9, 0), Queues: []v1.GroupQueues{{Broker: "b", Queues: []v1.GroupQueue{{Topic: "t", Queue: 1, End: 5, Committed: 2, PulledTo: -1, LockedBy: holder, LockSeconds: 20}}}}}
		g.State.Name, g.State.MessageModel = "g", protocol.ModelClustering
		g.State.Members = []admin.Member{{ClientID: "a", Silent: "it does not answer"}}
		told(t, holder, doctor.Group(g), append([]string{"member-silent: member a at  does not say what it consumes: it does not answer"}, want...)...)
	}
	f("z", "!locked-by-another: queue 1 of topic t on broker b is locked by z, which renewed the lock 20 s ago and is no member: 3 messages wait; the lock ends in 40 s")
	f("a", "never-pulled: nobody has pulled queue 1 of topic t on broker b since the broker was started; 3 messages wait, nobody has it")
}

// TestOwnersOfTwoBrokers has an ordered group consume queues of the same number on two brokers, each by a member of its own.
func TestOwnersOfTwoBrokers(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	queue := func(locked string) []v1.GroupQueue {
		return []v1.GroupQueue{{Topic: "t", Queue: 1, End: 5, Committed: 2, PulledTo: 2, PulledAt: &now, PulledBy: locked, LockedBy: locked}}
	}
	f := func(what, first, second string, want ...string) {
		t.Helper()
		g := &doctor.GroupFacts{Now: now, Queues: []v1.GroupQueues{{Broker: "b1", Queues: queue(first)}, {Broker: "b2", Queues: queue(second)}}}
		g.State.Name, g.State.MessageModel = "g", protocol.ModelClustering
		g.State.Members = []admin.Member{{ClientID: "a"}, {ClientID: "b"}}
		g.State.Queues = []admin.Progress{{Queue: admin.Queue{Topic: "t", BrokerName: "b1", QueueID: 1}, Owner: "a"}, {Queue: admin.Queue{Topic: "t", BrokerName: "b2", QueueID: 1}, Owner: "b"}}
		told(t, what, doctor.Group(g), want...)
	}
	f("well", "a", "b")
	f("one is locked", "a", "a",
		"!locked-by-another: queue 1 of topic t on broker b2 is locked by a, which renewed the lock 0 s ago, and b has the queue: 3 messages wait; the lock ends in 60 s")
}

func TestUnwanted(t *testing.T) {
	g := &doctor.GroupFacts{Topics: []string{"t"}, Dead: 4, Samples: []doctor.Sample{
		{Topic: "t", Broker: "b", Type: "TAG", Expression: "x", Looked: 3, Tags: []string{"y", "z"}}, {Topic: "t", Queue: 1, Looked: 3, Wanted: 1}}}
	g.State.Name, g.State.Members = "g", []admin.Member{{ClientID: "a"}}
	g.State.Subscriptions = []admin.Subscription{{Topic: "t"}, {Topic: "u"}}
	told(t, "unwanted", doctor.Group(g), "!topic-missing: the group subscribes to topic u, which does not exist",
		`filter-matches-nothing: none of the next 3 messages in queue 0 of topic t on broker b is wanted by TAG "x"; their tags are: y, z`, "dead-letters: 4 dead letters wait for a person")
}

func TestTopic(t *testing.T) {
	b := []admin.Broker{{Name: "b", Addrs: map[int64]string{0: "h:1"}}}
	config := func(read, write, perm int32) map[string]protocol.TopicConfig {
		return map[string]protocol.TopicConfig{"b": {ReadQueueNums: read, WriteQueueNums: write, Perm: perm}}
	}
	f := func(what string, facts doctor.TopicFacts, want ...string) {
		t.Helper()
		if facts.Name == "" {
			facts.Name = "t"
		}
		told(t, what, doctor.Topic(&facts), want...)
	}
	f("well", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(4, 4, 6), Groups: []string{"g"}, Waiting: 5})
	f("no broker", doctor.TopicFacts{}, "!no-broker: no broker is registered at the NameServer")
	f("missing", doctor.TopicFacts{Brokers: b, Near: []string{"tt"}}, "!topic-missing: none of 1 brokers has topic t; there is tt")
	f("illegal", doctor.TopicFacts{Name: "a.b", Brokers: b}, `!illegal-name: "a.b" is no name of a topic`, "!topic-missing: none of 1 brokers has topic a.b")
	f("not routed", doctor.TopicFacts{Brokers: b, Configs: config(4, 4, 6)}, "!not-routed: broker b has the topic, and the NameServer does not know")
	f("old route", doctor.TopicFacts{Brokers: b, Routed: b}, "!route-is-old: the NameServer sends clients to broker b, which does not have the topic")
	f("unreachable", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(4, 4, 6), Unreachable: map[string]string{"b": "refused"}},
		"!broker-unreachable: broker b, to which the route leads, does not answer at h:1 within 3s: refused")
	f("read only", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(4, 4, 4)}, "!not-writable: on broker b the topic has permission 4 and 4 queues to write to")
	f("write only", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(4, 4, 2)}, "!not-readable: on broker b the topic has permission 2 and 4 queues to read from")
	f("fewer to read", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(2, 4, 6), Waiting: 7}, "!queues-not-read: on broker b messages go to 4 queues and consumers read 2 of them",
		"nobody-subscribes: no group has offsets in the topic or subscribes to it; it holds 7 messages")
	f("full", doctor.TopicFacts{Brokers: b, Routed: b, Configs: config(4, 4, 6), Stores: map[string]v1.Store{"b": {Full: "95% used"}}}, "!disk-full: broker b refuses sends: 95% used")
	f("no master", doctor.TopicFacts{Brokers: b, Routed: []admin.Broker{{Name: "b"}}, Configs: config(4, 4, 6)}, "!no-master: broker b has no master now")
}

func TestCluster(t *testing.T) {
	ok := func() doctor.Reached {
		return doctor.Reached{Name: "b", Addr: "h:1", HasMaster: true, Version: "V5_5_0", Node: &v1.Node{Name: "b", Version: "1.1", Ready: true}, Store: &v1.Store{}}
	}
	f := func(what string, change func(c *doctor.Cluster, b *doctor.Reached), want ...string) {
		t.Helper()
		c := &doctor.Cluster{NameServers: []doctor.NameServer{{Addr: "n:1", Brokers: []string{"b at h:1"}}}, Brokers: []doctor.Reached{ok()}}
		change(c, &c.Brokers[0])
		told(t, what, doctor.Look(c), want...)
	}
	f("well", func(*doctor.Cluster, *doctor.Reached) {})
	f("one of Apache's", func(_ *doctor.Cluster, b *doctor.Reached) { b.Node, b.Store = nil, nil })
	f("nobody", func(c *doctor.Cluster, _ *doctor.Reached) { c.Brokers, c.NameServers[0].Error = nil, "refused" },
		"!nameserver-unreachable: NameServer n:1 does not answer: refused", "!no-broker: no broker is registered")
	f("two NameServers", func(c *doctor.Cluster, _ *doctor.Reached) {
		c.NameServers = append(c.NameServers, doctor.NameServer{Addr: "n:2"})
	}, "!nameservers-differ: NameServer n:1 knows b at h:1, and n:2 knows no broker")
	f("unreachable", func(_ *doctor.Cluster, b *doctor.Reached) { b.Error, b.Took = "timeout", 3*time.Second },
		"!broker-unreachable: broker b is known at h:1, where nobody answers: timeout; asked for 3s of at most 3s")
	f("another", func(_ *doctor.Cluster, b *doctor.Reached) { b.Node.Name = "z" }, "!broker-is-another: at h:1, where broker b should be, broker z answers")
	f("guessed", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Node.Advertised = v1.Advertised{Address: "h:1", Guessed: true}
	},
		"address-guessed: broker b is known at h:1 because nobody has said its address")
	f("clock", func(_ *doctor.Cluster, b *doctor.Reached) { b.Skew = -time.Minute }, "!clock-off: the clock of broker b is 1m0s behind this machine's, at most 30s is well")
	f("clock a little", func(_ *doctor.Cluster, b *doctor.Reached) { b.Skew = 5 * time.Second }, "clock-off: the clock of broker b is 5s ahead of this machine's, at most 2s is well")
	f("clock hardly", func(_ *doctor.Cluster, b *doctor.Reached) { b.Skew = 2 * time.Second })
	f("files", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Node.Limits = v1.Limits{OpenFiles: 900, MaxOpenFiles: 1000}
	}, "!open-files: broker b has 900 of 1000 open files, more than 80%")
	f("few files", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Node.Limits = v1.Limits{OpenFiles: 9, MaxOpenFiles: 1024, Connections: 10000}
	},
		"open-files-low: broker b may open 1024 files, and is to take 10000 connections (maxConnections): it needs 11024")
	f("full", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Store.Full, b.Store.Troubles, b.Store.Disk = "95% used", []string{"a sync has failed"}, v1.Disk{Used: 95, Free: 5, Total: 100}
	}, "!disk-full: broker b refuses sends: 95% used", "!trouble: broker b: a sync has failed")
	f("nearly full", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Store.Disk, b.Store.Retention.MaxUsedPercent = v1.Disk{Used: 80, Free: 20, Total: 100}, 75
	}, "!disk-above-limit: the disk of broker b is 80% full, its limit is 75% (diskMaxUsedSpaceRatio); from 85% on segments go before their age, from 90% on sends are refused")
	f("well above the usual limits", func(_ *doctor.Cluster, b *doctor.Reached) {
		b.Store.Disk, b.Store.Retention.MaxUsedPercent = v1.Disk{Used: 96, Free: 4, Total: 100}, 95
	}, "!disk-above-limit: the disk of broker b is 96% full, its limit is 95% (diskMaxUsedSpaceRatio); from 95% on segments go before their age, from 95% on sends are refused")
	low := func(usedMiB uint64) func(*doctor.Cluster, *doctor.Reached) {
		return func(_ *doctor.Cluster, b *doctor.Reached) {
			b.Store.Disk = v1.Disk{Used: usedMiB << 20, Free: (1000 - usedMiB) << 20, Total: 1000 << 20}
			b.Store.Retention = v1.Retention{MaxUsedPercent: 75, MinFreeBytes: 256 << 20}
		}
	}
	f("room", low(480))
	f("low", low(700), "disk-low: the disk of broker b is 70% full and has 300 MiB left; its limits are 75% (diskMaxUsedSpaceRatio) and 256 MiB (minFreeDisk)")
	f("low by bytes", low(500), "disk-low: the disk of broker b is 50% full and has 500 MiB left; its limits are 75% (diskMaxUsedSpaceRatio) and 256 MiB (minFreeDisk)")
	f("versions", func(c *doctor.Cluster, _ *doctor.Reached) {
		old := ok()
		old.Version, old.Addr, old.Node, old.Store = "V4_9_7", "h:2", nil, nil
		c.Brokers = append(c.Brokers, old, ok())
	}, "versions-differ: brokers have 2 versions instead of 1: V4_9_7 (b at h:2), V5_5_0 of Aerobee 1.1 (b at h:1 and 1 more)")
	f("builds", func(c *doctor.Cluster, b *doctor.Reached) {
		b.Node.Version = "1.0"
		newer := ok()
		newer.Addr = "h:2"
		c.Brokers = append(c.Brokers, newer)
	}, "versions-differ: brokers have 2 versions instead of 1: V5_5_0 of Aerobee 1.0 (b at h:1), V5_5_0 of Aerobee 1.1 (b at h:2)")
	f("not ready", func(_ *doctor.Cluster, b *doctor.Reached) { b.Node.Ready, b.Node.Reason = false, "stopping" }, "!not-ready: broker b at h:1 is not well: stopping")
	f("replica alone", func(_ *doctor.Cluster, b *doctor.Reached) { b.ID, b.HasMaster = 1, false }, "!no-master: broker b has no master now, only the replica 1 at h:1")
}
