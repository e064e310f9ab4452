package operate

// GET_BROKER_CONSUME_STATS (317), QUERY_CONSUME_TIME_SPAN (303).
//
// Callers: mqadmin brokerConsumeStats; programs with RocketMQ's admin API.
//
// Behaviour: 317 gives for each group the places in the queues of each topic in which it has an offset, or of each order topic only; a
// topic to which a connected group does not subscribe is left out. 303 gives for each queue of a topic the store times of its first and last message
// and of what the group has consumed last.
//
// Codes: 0 with a body; 17 no such topic (303); 1 unreadable header.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// HandleConsumeStats serves GET_BROKER_CONSUME_STATS.
func (d *Desk) HandleConsumeStats(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.BrokerConsumeStatsHeader
	if err := h.Decode(f.Fields); err != nil {
		d.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	d.host.Later(c, f, func(f *protocol.Frame) {
		list := d.places(h.Order)
		d.body(c, f, list.Append(nil))
	})
}

func (d *Desk) places(ordered bool) protocol.ConsumeStatsList {
	list := protocol.ConsumeStatsList{BrokerAddr: d.opt.Address}
	groups, topics := d.store.Groups(), d.topics()
	slices.SortFunc(groups, func(a, b group.Config) int { return strings.Compare(a.Name, b.Name) })
	for _, g := range groups {
		of := protocol.GroupConsumeStats{Group: g.Name}
		for _, name := range slices.Sorted(maps.Keys(topics[g.Name])) {
			t, ok := d.store.Topic(name)
			if !ok || ordered && !t.Order || !d.host.Subscribes(g.Name, name) {
				continue
			}
			stats := d.placesIn(g.Name, &t)
			for _, w := range stats.OffsetTable {
				list.TotalDiff += w.BrokerOffset - w.ConsumerOffset
				list.TotalInflightDiff += w.PullOffset - w.ConsumerOffset
			}
			of.Topics = append(of.Topics, stats)
		}
		list.Groups = append(list.Groups, of)
	}
	return list
}

// topics are the topics in which groups have an offset, by group. One pass over all offsets finds them.
func (d *Desk) topics() map[string]map[string]struct{} {
	all := map[string]map[string]struct{}{}
	d.store.EachOffset(func(groupName string, q message.Queue, _ message.QueueOffset) {
		if all[groupName] == nil {
			all[groupName] = map[string]struct{}{}
		}
		all[groupName][q.Topic] = struct{}{}
	})
	return all
}

func (d *Desk) placesIn(groupName string, t *topic.Config) protocol.ConsumeStats {
	stats := protocol.ConsumeStats{ConsumeTPS: d.opt.Statistics.GroupTPS(groupName, t.Name), OffsetTable: map[protocol.MessageQueue]protocol.OffsetWrapper{}}
	for id := range t.WriteQueues {
		q := message.Queue{Topic: t.Name, ID: message.QueueID(id)}
		committed, _ := d.store.Offset(groupName, q)
		w := protocol.OffsetWrapper{BrokerOffset: max(int64(d.store.MaxOffset(q)), 0), ConsumerOffset: int64(committed), PullOffset: int64(d.host.Pulled(groupName, q))}
		if committed > 0 {
			w.LastTimestamp = max(d.storeTime(q, committed-1), 0)
		}
		stats.OffsetTable[d.queue(q)] = w
	}
	return stats
}

// HandleTimeSpan serves QUERY_CONSUME_TIME_SPAN.
func (d *Desk) HandleTimeSpan(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.ConsumeTimeSpanHeader
	if err := h.Decode(f.Fields); err != nil {
		d.host.Answer(c, f, protocol.ResSystemError, err.Error())
		return
	}
	d.host.Later(c, f, func(f *protocol.Frame) {
		t, ok := d.store.Topic(h.Topic)
		if !ok {
			d.host.Answer(c, f, protocol.ResTopicNotExist, fmt.Sprintf("topic[%.300s] not exist", h.Topic))
			return
		}
		spans := protocol.ConsumeTimeSpans{ConsumeTimeSpanSet: []protocol.QueueTimeSpan{}}
		for id := range t.WriteQueues {
			spans.ConsumeTimeSpanSet = append(spans.ConsumeTimeSpanSet, d.span(h.Group, message.Queue{Topic: t.Name, ID: message.QueueID(id)}))
		}
		d.body(c, f, protocol.MarshalBody(spans))
	})
}

func (d *Desk) span(groupName string, q message.Queue) protocol.QueueTimeSpan {
	least, next := d.store.MinOffset(q), d.store.MaxOffset(q)
	s := protocol.QueueTimeSpan{MessageQueue: d.queue(q), MinTimeStamp: d.storeTime(q, least), MaxTimeStamp: d.storeTime(q, next-1)}
	s.ConsumeTimeStamp = s.MinTimeStamp
	committed, _ := d.store.Offset(groupName, q)
	if committed > 0 {
		s.ConsumeTimeStamp = d.storeTime(q, committed-1)
	}
	if at := max(committed, least); at < next {
		if waits := d.storeTime(q, at); waits >= 0 {
			s.DelayTime = max(d.opt.Now().UnixMilli()-waits, 0)
		}
	}
	s.MinTimeStampText, s.MaxTimeStampText, s.ConsumeTimeStampText = protocol.HumanTime(s.MinTimeStamp), protocol.HumanTime(s.MaxTimeStamp), protocol.HumanTime(s.ConsumeTimeStamp)
	return s
}
