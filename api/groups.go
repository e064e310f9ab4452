package api

import (
	"context"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/protocol"
)

func groups(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		all, err := a.Groups(ctx)
		if err != nil && len(all) == 0 {
			return err
		}
		kind, body := c.v.Text("kind"), v1.Groups{Groups: []v1.GroupLine{}}
		var part []admin.Group
		part, body.Next = page(c, all, func(g *admin.Group) string { return g.Name }, func(g *admin.Group) bool { return kind == "" || kind == string(g.Kind) })
		for _, g := range part {
			s, err := a.GroupProgress(ctx, g.Name)
			if err != nil {
				return err
			}
			s.Group = g
			body.Groups = append(body.Groups, groupLine(&s))
		}
		return c.reply(body, nil)
	})
}

func groupLine(s *admin.GroupState) v1.GroupLine {
	l := v1.GroupLine{Name: s.Name, Kind: string(s.Kind), Model: s.MessageModel, Members: len(s.Members), Topics: []string{}, Lag: s.Lag, Brokers: sortedKeys(s.Configs)}
	for _, sub := range s.Subscriptions {
		l.Topics = append(l.Topics, sub.Topic)
	}
	for _, q := range s.Queues {
		l.Topics = append(l.Topics, q.Topic)
	}
	slices.Sort(l.Topics)
	l.Topics = slices.DeleteFunc(slices.Compact(l.Topics), func(name string) bool { return strings.HasPrefix(name, "%") })
	return l
}

func oneGroup(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		s, err := a.Group(ctx, c.v.Text("group"))
		if err != nil {
			return err
		}
		body := v1.Group{GroupLine: groupLine(&s), ConsumeType: s.ConsumeType, From: s.FromWhere, Enabled: true, Broadcast: true,
			Clients: []v1.Member{}, Subscriptions: []v1.Subscription{}, Queues: []v1.Progress{}}
		for _, broker := range sortedKeys(s.Configs) {
			config := s.Configs[broker]
			body.MaxRetries, body.Enabled, body.Orderly, body.Broadcast = config.RetryMaxTimes, config.ConsumeEnable, config.ConsumeMessageOrderly, config.ConsumeBroadcastEnable
			break
		}
		owned := map[string]int{}
		for _, q := range s.Queues {
			owned[q.Owner]++
			body.Queues = append(body.Queues, v1.Progress{Topic: q.Topic, Broker: q.BrokerName, Queue: q.QueueID, Offset: q.ConsumerOffset, End: q.BrokerOffset,
				Lag: q.Lag, LastConsumed: stamp(q.LastConsumed), Owner: q.Owner})
		}
		for _, m := range s.Members {
			body.Clients = append(body.Clients, v1.Member{ClientID: m.ClientID, Address: m.Addr, Language: m.Language, Version: m.Version, Queues: owned[m.ClientID], Silent: m.Silent})
		}
		for _, sub := range s.Subscriptions {
			body.Subscriptions = append(body.Subscriptions, v1.Subscription{Topic: sub.Topic, Type: sub.Type, Expression: sub.Expression})
		}
		return c.reply(body, nil)
	})
}

func putGroup(c *call) error {
	var change v1.GroupChange
	if err := c.body(&change); err != nil {
		return err
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := target(ctx, a, change.Cluster, change.Broker)
		if err != nil {
			return err
		}
		all, err := a.Groups(ctx)
		if err != nil {
			return err
		}
		name := c.v.Text("group")
		config := protocol.NewSubscriptionGroupConfig(name)
		if i := slices.IndexFunc(all, func(g admin.Group) bool { return g.Name == name }); i >= 0 {
			for _, broker := range sortedKeys(all[i].Configs) {
				config = all[i].Configs[broker]
				break
			}
		}
		changeGroup(&config, &change)
		done, err := a.PutGroup(ctx, at, config)
		return c.changed(name, done, err)
	})
}

func changeGroup(config *protocol.SubscriptionGroupConfig, change *v1.GroupChange) {
	set(&config.RetryMaxTimes, change.MaxRetries)
	set(&config.ConsumeTimeoutMinute, change.ConsumeMinutes)
	set(&config.ConsumeEnable, change.Enabled)
	set(&config.ConsumeBroadcastEnable, change.Broadcast)
	set(&config.ConsumeMessageOrderly, change.Orderly)
}

// set changes what a request names.
func set[T any](into, given *T) {
	if given != nil {
		*into = *given
	}
}

func deleteGroup(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := target(ctx, a, c.v.Text("cluster"), c.v.Text("broker"))
		if err != nil {
			return err
		}
		done, err := a.DeleteGroup(ctx, at, c.v.Text("group"))
		return c.changed(c.v.Text("group"), done, err)
	})
}

func reset(c *call) error {
	var want v1.Reset
	if err := c.body(&want); err != nil {
		return err
	}
	r := admin.Reset{Group: c.v.Text("group"), Topic: want.Topic}
	switch {
	case (want.To == "") == (want.Queue == nil):
		return &problem{"bad-request", "either to or queue: the body names neither or both"}
	case want.Queue != nil:
		r.Queue = &admin.Queue{BrokerName: want.Queue.Broker, QueueID: want.Queue.Queue, Topic: want.Topic}
		r.Offset = &want.Queue.Offset
	case want.To == "earliest":
	case want.To == "latest":
		r.Timestamp = -1
	default:
		at, err := v1.ParseTime(want.To)
		if err != nil {
			return &problem{"bad-request", "to is neither earliest nor latest, nor a time as 2026-01-31T15:04:05Z"}
		}
		r.Timestamp = max(at.UnixMilli(), 0)
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		do := a.Reset
		if want.DryRun {
			do = a.PlanReset
		}
		moves, err := do(ctx, r)
		body := v1.Moves{Group: r.Group, Topic: r.Topic, DryRun: want.DryRun, Moves: []v1.Move{}}
		for _, m := range moves {
			body.Moves = append(body.Moves, v1.Move{Broker: m.BrokerName, Queue: m.QueueID, From: m.From, To: m.To})
		}
		return c.reply(body, ruledOut(err))
	})
}
