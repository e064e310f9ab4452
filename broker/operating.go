package broker

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/operate"
	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store"
)

// deskHost is the broker as package operate sees it; it answers as for package popping.
type deskHost struct{ popHost }

func (b *Broker) newStatistics() *statistics.Table {
	return statistics.New(statistics.Options{Cluster: b.opt.ClusterName, System: b.systemTopicTest()})
}

func (b *Broker) newDesk() *operate.Desk {
	o := &b.opt
	return operate.New(b.store, deskHost{popHost{b}}, operate.Options{
		BrokerName: o.BrokerName, Address: o.StoreHost.String(), LogDir: o.LogDir, StartAccept: o.StartAccept, Statistics: b.statistics, Text: o.ConfigText,
		Change: o.ChangeConfig, Now: o.Now, Steady: b.steady, Logger: o.Logger,
	})
}

func (h deskHost) Vitals() operate.Vitals {
	s := h.b.store.Stats()
	return operate.Vitals{LogStart: int64(s.LogStart), LogEnd: int64(s.LogEnd), Synced: int64(s.Synced), PendingTimers: s.PendingTimers,
		DiskUsed: s.DiskUsed, DiskFree: s.DiskFree, DiskTotal: s.DiskTotal, FailedPuts: h.b.stats.putFailed.Load()}
}

func (h deskHost) Timers() map[string]int64 {
	out := map[string]int64{}
	for _, c := range h.b.store.TimerCounts() {
		out[c.Topic] = int64(c.Pending)
	}
	return out
}

func (h deskHost) Subscribes(groupName, topicName string) bool {
	h.b.clientMu.Lock()
	defer h.b.clientMu.Unlock()
	g := h.b.clients.Group(groupName)
	return g == nil || len(g.Subscriptions()) == 0 || g.Subscription(topicName) != nil
}

func (h deskHost) Pulled(groupName string, q message.Queue) message.QueueOffset {
	committed, _ := h.b.store.Offset(groupName, q)
	h.b.clientMu.Lock()
	defer h.b.clientMu.Unlock()
	return max(committed, h.b.pulled[pulledKey{groupName, q}].next)
}

// countArrivals counts what has become visible. It runs on the committing goroutine.
func (b *Broker) countArrivals(arrivals []store.Arrival) {
	now := b.opt.Now().UnixMilli()
	for i := range arrivals {
		if a := &arrivals[i]; !light.Is(a.Topic) { // that is the same message once more
			b.puts.Add(a.Topic, int32(a.Queue), len(a.Record), now-int64(a.StoreTime))
		}
	}
	b.puts.Flush()
}

// Change changes options while the broker runs, or before it starts, all or with an error none: Permission, MaxMessageSize (which may not grow beyond what it was at first), PullMaxMessages,
// NoLongPolling, MixedTopics, DropReplies, ClientSideReset, the transactions' Interval, Checks and MaxAge, and the Deny options but
// DenyTimers and DenyLitePull. The caller makes one change at a time.
func (b *Broker) Change(ctx context.Context, change func(*Options)) error {
	was := b.live.Load()
	next := *was
	change(&next)
	if err := next.validate(); err != nil {
		return err
	}
	if next.MaxMessageSize > b.opt.MaxMessageSize {
		return fmt.Errorf("broker: MaxMessageSize is %d, %d is the most while the broker runs, since memory was set aside for it", next.MaxMessageSize, b.opt.MaxMessageSize)
	}
	if template, ok := b.store.Topic(message.TopicAutoName); ok && was.DenyTopicCreation && !next.DenyTopicCreation && !template.Perm.Inherited() {
		template.Perm |= topic.PermInherit // the broker began without topics after the template
		if err := b.putTopic(ctx, template); err != nil {
			return err
		}
	}
	b.live.Store(&next) // nothing fails from here on
	b.pops.SetUnreadable(next.Permission&permRead == 0)
	b.checkback.Set(next.TransactionInterval, next.TransactionMaxAge, next.TransactionChecks)
	if next.Permission != was.Permission {
		b.registrar.SetPermission(ctx, next.Permission)
	}
	return nil
}
