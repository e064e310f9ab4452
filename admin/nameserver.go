package admin

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// callNameServer sends one request to whichever NameServer answers and returns its answer, which is a success.
func (a *Admin) callNameServer(ctx context.Context, code int32, h header) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, a.opt.Timeout)
	defer cancel()
	answer, err := a.cluster.InvokeNameServer(ctx, frame(code, h, nil))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return answer, cluster.Check(answer, "the NameServer", code)
}

// everyNameServer sends a change to all NameServers: each keeps its own tables.
func (a *Admin) everyNameServer(ctx context.Context, code int32, h header) error {
	servers, err := a.NameServers(ctx)
	if err != nil {
		return err
	}
	return each(servers, func(_ int, addr string) error {
		_, err := a.call(ctx, addr, code, h, nil)
		return err
	})
}

// NameServers are the addresses of all NameServers, "host:port".
func (a *Admin) NameServers(ctx context.Context) ([]string, error) {
	servers, err := a.cluster.NameServers(ctx)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return servers, nil
}

// ClusterInfo is what the NameServer tells of brokers and clusters (106); [Admin.Brokers] is the same, sorted.
func (a *Admin) ClusterInfo(ctx context.Context) (protocol.ClusterInfo, error) {
	var info protocol.ClusterInfo
	err := a.askNameServer(ctx, protocol.ReqGetBrokerClusterInfo, nil, &info)
	return info, err
}

// Route is what the NameServer tells clients of a topic (105). A topic without one is [cluster.ErrTopicNotFound].
func (a *Admin) Route(ctx context.Context, topic string) (protocol.RouteData, error) {
	var route protocol.RouteData
	err := a.askNameServer(ctx, protocol.ReqGetRouteInfoByTopic, &protocol.GetRouteHeader{Topic: topic}, &route)
	return route, err
}

// KV is a value of a NameServer's own configuration (101); one that is not there is [cluster.ErrNotFound].
func (a *Admin) KV(ctx context.Context, namespace, key string) (string, error) {
	answer, err := a.callNameServer(ctx, protocol.ReqGetKVConfig, &protocol.KVHeader{Namespace: namespace, Key: key})
	if err != nil {
		return "", err
	}
	var h protocol.KVResponseHeader
	err = h.Decode(answer.Fields)
	return h.Value, err
}

// PutKV sets a value on every NameServer (100).
func (a *Admin) PutKV(ctx context.Context, namespace, key, value string) error {
	return a.everyNameServer(ctx, protocol.ReqPutKVConfig, &protocol.KVHeader{Namespace: namespace, Key: key, Value: value})
}

// DeleteKV takes a value away from every NameServer (102).
func (a *Admin) DeleteKV(ctx context.Context, namespace, key string) error {
	return a.everyNameServer(ctx, protocol.ReqDeleteKVConfig, &protocol.KVHeader{Namespace: namespace, Key: key})
}

// TakeKV takes a value away from every NameServer (102), and returns it; one that is not there is [cluster.ErrNotFound].
func (a *Admin) TakeKV(ctx context.Context, namespace, key string) (string, error) {
	value, err := a.KV(ctx, namespace, key)
	if err == nil {
		err = a.DeleteKV(ctx, namespace, key)
	}
	return value, err
}

// KVs are the values of a namespace (219); one in which nothing was ever put is [cluster.ErrNotFound].
func (a *Admin) KVs(ctx context.Context, namespace string) (map[string]string, error) {
	var table protocol.KVTable
	err := a.askNameServer(ctx, protocol.ReqGetKVListByNamespace, pairs{"namespace", namespace}, &table)
	return table.Table, err
}

// NameServerConfig is the configuration of the NameServer at the address, in its own order (319).
func (a *Admin) NameServerConfig(ctx context.Context, addr string) ([]config.Property, error) {
	return a.properties(ctx, addr, protocol.ReqGetNamesrvConfig)
}

// SetNameServerConfig changes the configuration of the NameServer at the address (318).
func (a *Admin) SetNameServerConfig(ctx context.Context, addr string, change ...config.Property) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateNamesrvConfig, nil, propertiesText(change))
	return err
}

// WipeWritePerm has the NameServer at the address route no more sends to a broker (205), and returns of how many topics.
func (a *Admin) WipeWritePerm(ctx context.Context, addr, broker string) (int, error) {
	return a.writePerm(ctx, addr, broker, protocol.ReqWipeWritePermOfBroker, "wipeTopicCount")
}

// AddWritePerm undoes [Admin.WipeWritePerm] (327).
func (a *Admin) AddWritePerm(ctx context.Context, addr, broker string) (int, error) {
	return a.writePerm(ctx, addr, broker, protocol.ReqAddWritePermOfBroker, "addTopicCount")
}

// SetWrites has every NameServer route sends to a broker (327), or no more (205): one that refuses keeps none of the others from it. It returns of how many
// topics, by the NameServer's address.
func (a *Admin) SetWrites(ctx context.Context, broker string, open bool) (topics map[string]int, err error) {
	servers, err := a.NameServers(ctx)
	if err != nil {
		return nil, err
	}
	change := a.WipeWritePerm
	if open {
		change = a.AddWritePerm
	}
	counts, done := make([]int, len(servers)), make([]bool, len(servers))
	err = each(servers, func(i int, addr string) error {
		n, err := change(ctx, addr, broker)
		counts[i], done[i] = n, err == nil
		return err
	})
	topics = map[string]int{}
	for i, addr := range servers {
		if done[i] {
			topics[addr] = counts[i]
		}
	}
	return topics, err
}

func (a *Admin) writePerm(ctx context.Context, addr, broker string, code int32, field string) (int, error) {
	answer, err := a.call(ctx, addr, code, &protocol.BrokerNameHeader{BrokerName: broker}, nil)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(answer.Fields.String(field))
	if err != nil {
		return 0, fmt.Errorf("admin: answer of %s to request %d: %s: %w", addr, code, field, err)
	}
	return n, nil
}
