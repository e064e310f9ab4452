package aerobee

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/store"
)

// bounded is the store as the broker sees it: with at most so many topics and groups, 0 for no bound. What the broker needs for its own work is made all
// the same: system topics and groups, and the topics of retries and dead letters, of which each group has its few.
type bounded struct {
	*store.Store
	topics, groups int
	own            []string // topics that the broker makes at each start, beside those that are system topics everywhere
}

func (s *Server) boundedStore() *bounded {
	c := &s.cfg
	return &bounded{Store: s.store, topics: c.Limits.Topics, groups: c.Limits.Groups, own: []string{c.BrokerName, c.ClusterName, c.ClusterName + "_REPLY_TOPIC"}}
}

// PutTopic is the store's, or refuses a topic too many. The broker makes one change at a time.
func (b *bounded) PutTopic(ctx context.Context, c topic.Config) error {
	needed := topic.IsSystem(c.Name) || message.IsRetry(c.Name) || message.IsDLQ(c.Name) || slices.Contains(b.own, c.Name)
	if _, known := b.Topic(c.Name); b.topics > 0 && !known && !needed {
		if have, _ := b.Counts(); have >= b.topics {
			return apart.Refuse(protocol.ResInvalidParameter, "topic %.300s is not made: there are %d topics, the limit is %d (maxTopics)", c.Name, have, b.topics)
		}
	}
	return b.Store.PutTopic(ctx, c)
}

// PutGroup is the store's, or refuses a group too many.
func (b *bounded) PutGroup(ctx context.Context, c group.Config) error {
	if _, known := b.Group(c.Name); b.groups > 0 && !known && !group.IsSystem(c.Name) {
		if _, have := b.Counts(); have >= b.groups {
			return apart.Refuse(protocol.ResInvalidParameter, "group %.300s is not made: there are %d groups, the limit is %d (maxGroups)", c.Name, have, b.groups)
		}
	}
	return b.Store.PutGroup(ctx, c)
}

// withRate refuses HTTP requests for which their address has no room. Questions whether the node lives are answered always: who asks them ends it for want
// of an answer.
func (s *Server) withRate(h http.Handler) http.Handler {
	if s.rates == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || r.URL.Path == "/health" || r.URL.Path == "/ready" {
			h.ServeHTTP(w, r)
			return
		}
		key := ratelimit.Network(peer.Addr())
		wait := s.rates.TakeOf(key)
		if wait <= 0 {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		w.WriteHeader(http.StatusTooManyRequests)
		why := s.rates.Refusal(key, wait)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": "Too Many Requests", "status": http.StatusTooManyRequests,
			"detail": why, "error": why}) // the peer has gone if this fails, and nobody is left to tell
	})
}
