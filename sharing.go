package aerobee

import (
	"context"
	"errors"
	"slices"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/nameserver"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/route"
)

// sharing finds a topic's readable queues on all brokers of the cluster, for the broker to share them out among consumers.
type sharing struct {
	own    *nameserver.Server // nil without the role namesrv
	others *cluster.Cluster   // nil without other NameServers
}

func (s *Server) newSharing() (*sharing, error) {
	h := &sharing{own: s.nameserver}
	if len(s.others) == 0 {
		return h, nil
	}
	var err error
	h.others, err = cluster.New(cluster.Options{NameServers: s.others, Sign: s.signer(), Logger: s.log})
	return h, err
}

func (h *sharing) close() error {
	if h == nil || h.others == nil {
		return nil
	}
	return h.others.Close()
}

// queues returns the queues of a topic, sorted. A NameServer that cannot be asked is an error: what it knows may be missing.
func (h *sharing) queues(ctx context.Context, name string) ([]protocol.MessageQueue, error) {
	var out []protocol.MessageQueue
	if h.own != nil {
		r, _ := h.own.Route(name, route.Client{})
		for _, q := range r.Queues {
			if !topic.Perm(q.Perm).Readable() {
				continue
			}
			for id := range q.ReadQueues {
				out = append(out, protocol.MessageQueue{Topic: name, BrokerName: q.Broker, QueueID: id})
			}
		}
	}
	if h.others != nil {
		r, err := h.others.Route(ctx, name)
		if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) {
			return nil, err
		}
		if err == nil {
			out = append(out, r.Readable...)
		}
	}
	slices.SortFunc(out, protocol.MessageQueue.Compare)
	return slices.Compact(out), nil
}
