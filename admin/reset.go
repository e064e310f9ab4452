package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Reset says where a group shall go on in a topic.
type Reset struct {
	Group, Topic string
	// Queue is the one queue to reset, nil for all of the topic.
	Queue *Queue
	// Timestamp is where to go: to the first message stored at this time or later, in milliseconds; 0 is the beginning, -1
	// the end.
	Timestamp int64
	// Offset is where to go instead of Timestamp, in the one queue; nil for Timestamp.
	Offset *int64
}

// Moved is what a reset did to one queue.
type Moved struct {
	Queue
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// PlanReset says what [Admin.Reset] would do at this moment, and changes nothing (208, 29, 30, 31).
func (a *Admin) PlanReset(ctx context.Context, r Reset) ([]Moved, error) {
	_, moves, err := a.planReset(ctx, &r)
	return moves, err
}

// Reset sets a group's offsets (222). Brokers of 5.x and Aerobee do it whether members run or not, and members go on from
// there at once. Older brokers leave it to the members that run; where none does, the offsets are written for them (29, 15);
// one queue alone they can reset only while nobody consumes, and that is refused otherwise.
func (a *Admin) Reset(ctx context.Context, r Reset) ([]Moved, error) {
	brokers, plan, err := a.planReset(ctx, &r)
	if err != nil {
		return nil, err
	}
	results := make([][]Moved, len(brokers))
	err = each(brokers, func(i int, b Broker) error {
		addr, ok := b.Master()
		if !ok {
			return fmt.Errorf("admin: broker %s has no master now", b.Name)
		}
		var own []Moved
		for _, m := range plan {
			if m.BrokerName == b.Name {
				own = append(own, m)
			}
		}
		var err error
		results[i], err = a.resetOn(ctx, addr, &r, own)
		return err
	})
	return slices.Concat(results...), err
}

// planReset finds the brokers of the queues and works out where each queue is and would be.
func (a *Admin) planReset(ctx context.Context, r *Reset) ([]Broker, []Moved, error) {
	if r.Offset != nil && r.Queue == nil {
		return nil, nil, fmt.Errorf("admin: an offset is of one queue: name the queue, or a time for all of them")
	}
	brokers, err := a.routed(ctx, r.Topic)
	if err != nil {
		return nil, nil, err
	}
	if r.Queue != nil {
		brokers = slices.DeleteFunc(brokers, func(b Broker) bool { return b.Name != r.Queue.BrokerName })
	}
	if len(brokers) == 0 {
		return nil, nil, fmt.Errorf("admin: topic %s has no queue on broker %s", r.Topic, r.Queue.BrokerName)
	}
	groups, err := a.Groups(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(groups, func(g Group) bool { return g.Name == r.Group }) {
		return nil, nil, fmt.Errorf("admin: %w: %s", ErrGroupNotFound, r.Group)
	}
	plans := make([][]Moved, len(brokers))
	err = onMasters(brokers, func(b Broker, addr string) error {
		i := slices.IndexFunc(brokers, func(x Broker) bool { return x.Name == b.Name })
		var err error
		plans[i], err = a.planOn(ctx, addr, r)
		return err
	})
	moves := slices.Concat(plans...)
	if err == nil && len(moves) == 0 {
		err = fmt.Errorf("admin: topic %s has no queue %d on broker %s", r.Topic, r.Queue.QueueID, r.Queue.BrokerName)
	}
	return brokers, moves, err
}

// planOn works the moves on one broker out.
func (a *Admin) planOn(ctx context.Context, addr string, r *Reset) ([]Moved, error) {
	var stats protocol.TopicStats
	if err := a.ask(ctx, addr, protocol.ReqGetTopicStatsInfo, &protocol.TopicHeader{Topic: r.Topic}, &stats); err != nil {
		return nil, err
	}
	var now protocol.ConsumeStats
	if err := a.ask(ctx, addr, protocol.ReqGetConsumeStats, &protocol.ConsumeStatsHeader{ConsumerGroup: r.Group, Topic: r.Topic}, &now); err != nil {
		return nil, err
	}
	for q, w := range now.OffsetTable { // brokers of 4.x leave queues out of 202 that can be read but not written
		if _, told := stats.OffsetTable[q]; !told && stats.OffsetTable != nil {
			stats.OffsetTable[q] = protocol.TopicOffset{MaxOffset: w.BrokerOffset}
		}
	}
	var moves []Moved
	for q, extent := range stats.OffsetTable {
		if r.Queue != nil && q.QueueID != r.Queue.QueueID {
			continue
		}
		to, err := a.resetTarget(ctx, addr, r, q, extent)
		if err != nil {
			return nil, err
		}
		moves = append(moves, Moved{Queue: q, From: now.OffsetTable[q].ConsumerOffset, To: to})
	}
	slices.SortFunc(moves, func(x, y Moved) int { return x.Queue.Compare(y.Queue) })
	return moves, nil
}

func (a *Admin) resetTarget(ctx context.Context, addr string, r *Reset, q Queue, extent protocol.TopicOffset) (int64, error) {
	switch {
	case r.Offset != nil && (*r.Offset < extent.MinOffset || *r.Offset > extent.MaxOffset):
		return 0, fmt.Errorf("admin: offset %d is outside of queue %d on broker %s, which goes from %d to %d", *r.Offset, q.QueueID, q.BrokerName, extent.MinOffset, extent.MaxOffset)
	case r.Offset != nil:
		return *r.Offset, nil
	case r.Timestamp < 0 || extent.MinOffset == extent.MaxOffset:
		return extent.MaxOffset, nil
	}
	h := &protocol.SearchOffsetHeader{Topic: r.Topic, QueueID: q.QueueID, Timestamp: r.Timestamp}
	answer, err := a.call(ctx, addr, protocol.ReqSearchOffsetByTimestamp, h, nil)
	if err != nil {
		return 0, err
	}
	var found protocol.OffsetResponseHeader
	if err := found.Decode(answer.Fields); err != nil {
		return 0, fmt.Errorf("admin: answer of %s to request %d: %w", addr, protocol.ReqSearchOffsetByTimestamp, err)
	}
	return found.Offset, nil
}

// resetOn resets on one broker and returns what was moved.
func (a *Admin) resetOn(ctx context.Context, addr string, r *Reset, plan []Moved) ([]Moved, error) {
	itself, err := a.resetsItself(ctx, addr)
	if err != nil {
		return nil, err
	}
	if !itself {
		switch members, err := a.online(ctx, addr, r.Group); {
		case err != nil:
			return nil, err
		case members == 0:
			return plan, a.commit(ctx, addr, r, plan)
		case r.Queue != nil:
			return nil, fmt.Errorf("admin: the broker at %s cannot reset one queue while group %s has %d members: stop them, or reset the whole topic", addr, r.Group, members)
		}
	}
	h := &protocol.ResetOffsetHeader{Group: r.Group, Topic: r.Topic, QueueID: -1, Offset: -1, Timestamp: r.Timestamp, Force: true}
	if r.Queue != nil {
		h.QueueID = r.Queue.QueueID
	}
	if r.Offset != nil {
		h.Offset = *r.Offset
	}
	var done protocol.ResetOffset
	if err := a.ask(ctx, addr, protocol.ReqInvokeBrokerToResetOffset, h, &done); err != nil {
		return nil, err
	}
	out := make([]Moved, 0, len(done.OffsetTable))
	for _, m := range plan {
		if to, ok := done.OffsetTable[m.Queue]; ok {
			out = append(out, Moved{Queue: m.Queue, From: m.From, To: to})
		}
	}
	return out, nil
}

// resetsItself reports whether a broker resets offsets on its own side. RocketMQ 5 says so in its configuration (26), older ones
// do not know of it; Aerobee always does, and answers as 5.5.0.
func (a *Admin) resetsItself(ctx context.Context, addr string) (bool, error) {
	answer, err := a.call(ctx, addr, protocol.ReqGetBrokerConfig, nil, nil)
	if err != nil {
		return false, err
	}
	pairs, err := config.ParseProperties(string(answer.Body))
	if err != nil {
		return false, fmt.Errorf("admin: configuration of %s: %w", addr, err)
	}
	for _, p := range pairs {
		if p.Key == "useServerSideResetOffset" {
			return strings.EqualFold(p.Value, "true"), nil
		}
	}
	return answer.Version >= protocol.Version5_5_0, nil
}

// online is how many members of the group the broker sees.
func (a *Admin) online(ctx context.Context, addr, group string) (int, error) {
	var seen protocol.ConsumerConnection
	err := a.ask(ctx, addr, protocol.ReqGetConsumerConnectionList, &protocol.ConsumerGroupHeader{ConsumerGroup: group}, &seen)
	if errors.Is(err, cluster.ErrNotFound) {
		return 0, nil
	}
	return len(seen.ConnectionSet), err
}

func (a *Admin) commit(ctx context.Context, addr string, r *Reset, plan []Moved) error {
	return each(plan, func(_ int, m Moved) error {
		h := &protocol.UpdateConsumerOffsetHeader{ConsumerGroup: r.Group, Topic: r.Topic, QueueID: m.QueueID, CommitOffset: m.To}
		_, err := a.call(ctx, addr, protocol.ReqUpdateConsumerOffset, h, nil)
		return err
	})
}
