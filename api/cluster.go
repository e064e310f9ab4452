package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
)

// askTimeout bounds what one request asks of the brokers.
const askTimeout = 10 * time.Second

// asking gives do the node's Admin and a bounded context.
func (c *call) asking(do func(ctx context.Context, a *admin.Admin) error) error {
	if c.o.Admin == nil {
		return errNotServed
	}
	a, err := c.o.Admin()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), askTimeout)
	defer cancel()
	return do(ctx, a)
}

func brokers(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		list, err := a.Brokers(ctx)
		body := v1.Brokers{Brokers: []v1.Broker{}}
		for i := range list {
			body.Brokers = append(body.Brokers, brokerBody(&list[i]))
		}
		return c.reply(body, err)
	})
}

func brokerBody(b *admin.Broker) v1.Broker {
	out := v1.Broker{Name: b.Name, Cluster: b.Cluster, Addrs: map[string]string{}, Runtime: map[string]string{}}
	for id, addr := range b.Addrs {
		out.Addrs[strconv.FormatInt(id, 10)] = addr
	}
	return out
}

func oneBroker(c *call) error {
	return c.atMaster(func(ctx context.Context, a *admin.Admin, b *admin.Broker, addr string) error {
		body := brokerBody(b)
		var err error
		body.Runtime, err = a.RuntimeInfo(ctx, addr)
		return c.reply(body, err)
	})
}

func brokerNamed(ctx context.Context, a *admin.Admin, name string) (*admin.Broker, error) {
	list, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(b admin.Broker) bool { return b.Name == name })
	if i < 0 {
		return nil, &problem{"not-found", "there is no broker " + name}
	}
	return &list[i], nil
}

// target is where a change is made.
func target(ctx context.Context, a *admin.Admin, clusterName, broker string) (admin.Target, error) {
	at := admin.Target{Cluster: clusterName, Broker: broker}
	if at == (admin.Target{}) {
		return at, nil
	}
	list, err := a.Brokers(ctx)
	if err == nil && !slices.ContainsFunc(list, func(b admin.Broker) bool {
		return (clusterName == "" || b.Cluster == clusterName) && (broker == "" || b.Name == broker)
	}) {
		err = &problem{"not-found", "there is no such place: cluster " + strconv.Quote(clusterName) + ", broker " + strconv.Quote(broker)}
	}
	return at, err
}

// page leaves the part of a list sorted by name that a request wants, and says whether there is more.
func page[T any](c *call, all []T, name func(*T) string, wanted func(*T) bool) (part []T, next string) {
	after, match, limit := c.v.Text("after"), strings.ToLower(c.v.Text("match")), int(c.v.Int("limit"))
	for i := range all {
		n := name(&all[i])
		if n <= after || !strings.Contains(strings.ToLower(n), match) || !wanted(&all[i]) {
			continue
		}
		if len(part) == limit {
			return part, name(&part[limit-1])
		}
		part = append(part, all[i])
	}
	return part, ""
}

func topics(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		all, err := a.Topics(ctx)
		kind, body := c.v.Text("kind"), v1.Topics{Topics: []v1.TopicLine{}}
		var part []admin.Topic
		part, body.Next = page(c, all, func(t *admin.Topic) string { return t.Name }, func(t *admin.Topic) bool { return kind == "" || kind == string(t.Kind) })
		for i := range part {
			body.Topics = append(body.Topics, topicLine(&part[i]))
		}
		return c.reply(body, err)
	})
}

func topicLine(t *admin.Topic) v1.TopicLine {
	l := v1.TopicLine{Name: t.Name, Kind: string(t.Kind), Type: t.MessageType(), Brokers: []string{}}
	for _, broker := range sortedKeys(t.Configs) {
		l.ReadQueues += t.Configs[broker].ReadQueueNums
		l.WriteQueues += t.Configs[broker].WriteQueueNums
		l.Brokers = append(l.Brokers, broker)
	}
	return l
}

func oneTopic(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		s, err := a.Topic(ctx, c.v.Text("topic"))
		if err != nil {
			return err
		}
		body := v1.Topic{Name: s.Name, Kind: string(s.Kind), Type: s.MessageType(), Configs: []v1.TopicConfig{}, Queues: []v1.QueueExtent{}, Groups: append([]string{}, s.Groups...)}
		for _, broker := range sortedKeys(s.Configs) {
			config := s.Configs[broker]
			body.Configs = append(body.Configs, v1.TopicConfig{Broker: broker, ReadQueues: config.ReadQueueNums, WriteQueues: config.WriteQueueNums,
				Permission: permission(config.Perm), Ordered: config.Order, Attributes: orNone(config.Attributes)})
		}
		for _, q := range s.Queues {
			body.Queues = append(body.Queues, v1.QueueExtent{Broker: q.BrokerName, Queue: q.QueueID, First: q.Min, Next: q.Max, LastStored: stamp(q.LastStored)})
		}
		return c.reply(body, nil)
	})
}

func putTopic(c *call) error {
	var change v1.TopicChange
	if err := c.body(&change); err != nil {
		return err
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := target(ctx, a, change.Cluster, change.Broker)
		if err != nil {
			return err
		}
		name := c.v.Text("topic")
		s, err := a.Topic(ctx, name)
		if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) {
			return err
		}
		config := changedTopic(&s, name, &change)
		done, err := a.PutTopic(ctx, at, config)
		return c.changed(name, done, err)
	})
}

// sortedKeys are a map's keys in their order.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func orNone[M ~map[string]string](m M) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// stamp is a time for JSON, null for the zero time.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = message.Shown(t)
	return &t
}

func deleteTopic(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := target(ctx, a, c.v.Text("cluster"), c.v.Text("broker"))
		if err != nil {
			return err
		}
		done, err := a.DeleteTopic(ctx, at, c.v.Text("topic"))
		return c.changed(c.v.Text("topic"), done, err)
	})
}

// ruledOut takes what an Admin finds out itself, before it asks anybody, for a refusal.
func ruledOut(err error) error {
	if err == nil {
		return nil
	}
	if p := problemOf(err); p.Status != http.StatusServiceUnavailable {
		return err
	}
	for _, passing := range []error{cluster.ErrBusy, cluster.ErrUnavailable, cluster.ErrUnreachable, cluster.ErrClosed, context.Canceled} {
		if errors.Is(err, passing) {
			return err
		}
	}
	return &problem{"refused", err.Error()}
}
