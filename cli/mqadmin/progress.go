package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// consumed is where a group stands, of all brokers together. topic "" is all of its topics.
func (c *call) consumed(ctx context.Context, brokers []admin.Broker, group, topic string) (protocol.ConsumeStats, error) {
	all := protocol.ConsumeStats{OffsetTable: map[admin.Queue]protocol.OffsetWrapper{}}
	var errs []error
	for _, b := range brokers {
		one, err := c.ConsumeStats(ctx, anyAddr(b.Addrs), group, topic)
		if errors.Is(err, cluster.ErrNotFound) || errors.Is(err, cluster.ErrTopicNotFound) {
			continue
		}
		errs = append(errs, err)
		maps.Copy(all.OffsetTable, one.OffsetTable)
		all.ConsumeTPS += one.ConsumeTPS
	}
	return all, errors.Join(errs...)
}

func consumerProgress(ctx context.Context, c *call) error {
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return err
	}
	if !c.has("groupName") {
		return c.allProgress(ctx, brokers)
	}
	group := c.text("groupName")
	stats, err := c.consumed(ctx, brokers, group, c.text("topicName"))
	if len(stats.OffsetTable) == 0 {
		if err == nil {
			err = fmt.Errorf("group %s has no offsets: it is not there, has consumed nothing, or broadcasts", group)
		}
		return err
	}
	var owners map[admin.Queue]string
	if c.truth("showClientIP") {
		owners = c.owners(ctx, group)
	}
	c.printProgress(&stats, owners)
	return err
}

// owners are the hosts of a group's members, by the queues that they say they consume. Who does not answer has none.
func (c *call) owners(ctx context.Context, group string) map[admin.Queue]string {
	out := map[admin.Queue]string{}
	all, _ := c.online(ctx, group) // nobody there owns nothing
	for _, m := range all.ConnectionSet {
		info, err := c.runningInfo(ctx, group, m.ClientID, false)
		if err != nil {
			continue
		}
		host, _, _ := strings.Cut(m.ClientID, "@")
		for q := range info.Queues {
			out[q] = host
		}
		for q := range info.PopQueues {
			out[q] = host
		}
	}
	return out
}

func (c *call) printProgress(stats *protocol.ConsumeStats, owners map[admin.Queue]string) {
	names := []string{"#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Client IP", "#Diff", "#Inflight", "#LastTime"}
	format := "%-64s  %-32s  %-4v  %-20v  %-20v  %-20s %-20v %-20v %s\n"
	if owners == nil {
		names = slices.Delete(names, 5, 6)
		format = "%-64s  %-32s  %-4v  %-20v  %-20v  %-20v %-20v %s\n"
	}
	t := c.Table("queues", format, format, names...)
	var lag, inflight int64
	for _, q := range slices.SortedFunc(maps.Keys(stats.OffsetTable), admin.Queue.Compare) {
		w := stats.OffsetTable[q]
		diff, flying := w.BrokerOffset-w.ConsumerOffset, w.PullOffset-w.ConsumerOffset
		lag, inflight = lag+diff, inflight+flying
		last := "N/A"
		if w.LastTimestamp != 0 {
			last = c.stamp(w.LastTimestamp)
		}
		row := []any{javatext.Front(q.Topic, 64), javatext.Front(q.BrokerName, 32), q.QueueID, w.BrokerOffset, w.ConsumerOffset, diff, flying, last}
		if owners != nil {
			owner := owners[q]
			if owner == "" {
				owner = "N/A"
			}
			row = slices.Insert(row, 5, any(owner))
		}
		t.Add(row...)
	}
	c.Say("\n")
	c.Fact("consumeTps", stats.ConsumeTPS, "Consume TPS: %.2f\n", stats.ConsumeTPS)
	c.Fact("diffTotal", lag, "Consume Diff Total: %d\n", lag)
	c.Fact("inflightTotal", inflight, "Consume Inflight Total: %d\n", inflight)
}

// retryGroups are the groups that have a retry topic, which is how mqadmin finds groups.
func (c *call) retryGroups(ctx context.Context) ([]string, error) {
	names, err := c.TopicNames(ctx)
	var groups []string
	for _, name := range names {
		if group, ok := strings.CutPrefix(name, message.RetryPrefix); ok {
			group, _, _ = strings.Cut(group, "+") // of pops: group and topic
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups), err
}

// standing is what is known of a group in one line.
type standing struct {
	stats  protocol.ConsumeStats
	online protocol.ConsumerConnection
	err    error
}

func (s *standing) lag() int64 {
	var total int64
	for _, w := range s.stats.OffsetTable {
		total += w.BrokerOffset - w.ConsumerOffset
	}
	return total
}

// version is the oldest one of the members.
func (s *standing) version() string {
	oldest := s.online.ConnectionSet[0].Version
	for _, m := range s.online.ConnectionSet {
		oldest = min(oldest, m.Version)
	}
	return protocol.VersionName(oldest)
}

func (c *call) allProgress(ctx context.Context, brokers []admin.Broker) error {
	groups, err := c.retryGroups(ctx)
	if err != nil {
		return err
	}
	all := make([]standing, len(groups))
	parallel(groups, func(i int, group string) {
		all[i].stats, all[i].err = c.consumed(ctx, brokers, group, "")
		all[i].online, _ = c.onlineAt(ctx, brokers, group) // nobody there is what the line says
	})
	t := c.Table("groups", "%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s\n", "%-64s  %-6d  %-24s %-5s  %-14s  %-7d  %d\n",
		"#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total")
	var errs []error
	for i, group := range groups {
		s := &all[i]
		errs = append(errs, s.err)
		version, kind, model := "OFFLINE", "", ""
		if len(s.online.ConnectionSet) > 0 {
			version, kind = s.version(), "PUSH"
			if s.online.ConsumeType == protocol.ConsumeActively {
				kind = "PULL"
			}
			if s.online.ConsumeType == protocol.ConsumePassively {
				model = s.online.MessageModel
			}
		}
		t.Add(javatext.Front(group, 64), len(s.online.ConnectionSet), version, kind, model, int64(s.stats.ConsumeTPS), s.lag())
	}
	return errors.Join(errs...)
}
