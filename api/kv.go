package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

func kvs(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		namespace := c.v.Text("namespace")
		values, err := a.KVs(ctx, namespace)
		if err != nil {
			return err
		}
		part, next := page(c, sortedKeys(values), func(key *string) string { return *key }, func(*string) bool { return true })
		body := operate.KVs{Namespace: namespace, KVs: []operate.KV{}, Next: next}
		for _, key := range part {
			body.KVs = append(body.KVs, operate.KV{Namespace: namespace, Key: key, Value: values[key]})
		}
		return c.reply(body, nil)
	})
}

// kvAt gives do the namespace and the key that the path names, and answers with the value that it returns.
func (c *call) kvAt(do func(ctx context.Context, a *admin.Admin, namespace, key string) (string, error)) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		body := operate.KV{Namespace: c.v.Text("namespace"), Key: c.v.Text("key")}
		var err error
		body.Value, err = do(ctx, a, body.Namespace, body.Key)
		return c.reply(body, err)
	})
}

func kv(c *call) error {
	return c.kvAt(func(ctx context.Context, a *admin.Admin, namespace, key string) (string, error) {
		return a.KV(ctx, namespace, key)
	})
}

func putKV(c *call) error {
	var change operate.KVChange
	if err := c.body(&change); err != nil {
		return err
	}
	return c.kvAt(func(ctx context.Context, a *admin.Admin, namespace, key string) (string, error) {
		return change.Value, a.PutKV(ctx, namespace, key, change.Value)
	})
}

// deleteKV answers with the value that was there.
func deleteKV(c *call) error {
	return c.kvAt(func(ctx context.Context, a *admin.Admin, namespace, key string) (string, error) {
		return a.TakeKV(ctx, namespace, key)
	})
}

// orderBody is an order configuration as the NameServers keep it, read. What is no broker with a number of queues is in its text alone.
func orderBody(topic, value string) operate.Order {
	body := operate.Order{Topic: topic, Value: value, Brokers: []operate.OrderQueues{}}
	for part := range strings.SplitSeq(value, ";") {
		broker, count, _ := strings.Cut(strings.TrimSpace(part), ":")
		if n, err := strconv.ParseInt(count, 10, 32); err == nil && broker != "" {
			body.Brokers = append(body.Brokers, operate.OrderQueues{Broker: broker, Queues: int32(n)})
		}
	}
	return body
}

// ordering gives do the topic that the path names, and answers with the order configuration that it returns.
func (c *call) ordering(do func(ctx context.Context, a *admin.Admin, topic string) (string, error)) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		topic := c.v.Text("topic")
		value, err := do(ctx, a, topic)
		if errors.Is(err, cluster.ErrNotFound) {
			err = &problem{"not-found", "topic " + topic + " has no order configuration"}
		}
		return c.reply(orderBody(topic, value), err)
	})
}

func order(c *call) error {
	return c.ordering(func(ctx context.Context, a *admin.Admin, topic string) (string, error) {
		return a.KV(ctx, protocol.NamespaceOrderTopic, topic)
	})
}

func putOrder(c *call) error {
	var change operate.OrderChange
	if err := c.body(&change); err != nil {
		return err
	}
	var parts, seen []string
	for i, b := range change.Brokers {
		if slices.Contains(seen, b.Broker) {
			return &problem{"refused", fmt.Sprintf("brokers[%d] is %s, as one before it: each broker has one number of queues", i, b.Broker)}
		}
		seen, parts = append(seen, b.Broker), append(parts, fmt.Sprintf("%s:%d", b.Broker, b.Queues))
	}
	return c.ordering(func(ctx context.Context, a *admin.Admin, topic string) (string, error) {
		value := strings.Join(parts, ";")
		return value, a.PutKV(ctx, protocol.NamespaceOrderTopic, topic, value)
	})
}

func deleteOrder(c *call) error {
	return c.ordering(func(ctx context.Context, a *admin.Admin, topic string) (string, error) {
		return a.TakeKV(ctx, protocol.NamespaceOrderTopic, topic)
	})
}

func topicRoute(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		route, err := a.Route(ctx, c.v.Text("topic"))
		if err != nil {
			return err
		}
		body := operate.Route{Topic: c.v.Text("topic"), Order: route.OrderConf, Brokers: []operate.RouteBroker{}}
		queues := make(map[string]protocol.QueueData, len(route.Queues))
		for _, q := range route.Queues {
			queues[q.BrokerName] = q
		}
		for _, b := range route.Brokers {
			one := operate.RouteBroker{Broker: b.Name, Cluster: b.Cluster, Addrs: map[string]string{}}
			for id, addr := range b.Addrs {
				one.Addrs[strconv.FormatInt(id, 10)] = addr
			}
			if q, known := queues[b.Name]; known {
				one.ReadQueues, one.WriteQueues, one.Permission = q.ReadQueueNums, q.WriteQueueNums, permission(q.Perm)
			}
			body.Brokers = append(body.Brokers, one)
		}
		slices.SortFunc(body.Brokers, func(x, y operate.RouteBroker) int { return strings.Compare(x.Broker, y.Broker) })
		return c.reply(body, nil)
	})
}
