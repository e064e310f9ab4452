package manage

// GET_ALL_CONSUMER_OFFSET (43), GET_ALL_DELAY_OFFSET (45), GET_ALL_MESSAGE_REQUEST_MODE (402), QUERY_CORRECTION_OFFSET (308), UPDATE_AND_GET_GROUP_FORBIDDEN
// (353).
//
// Callers: 43, 45, 402 RocketMQ's slaves; 308 and 353 programs over its admin API.
//
// Behaviour: 43, 45 and 402 answer all that there is, the offsets of light queues included; 45 where each level begins in the log, which request 28 tells too, for
// the messages that are delivered are not told by their place in a queue here. 308 tells by queue the least offset of all groups but those in
// filterGroups that is not below what the queue still holds, and the largest number there is where the group to compare with lies behind it. RocketMQ forgets the offsets of
// the groups in filterGroups for good; here they are only left out. 353 sets and tells whether a group may read a topic.
//
// Codes: 0 with a JSON body; 29 a name too long (353); 1 unreadable header, too many pairs (353), or the store refused; 2 another change takes too long (353).

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/manage"
	"github.com/aerobee-mq/aerobee/store/apache"
)

func (s *Service) version() protocol.DataVersion {
	return protocol.DataVersion{Timestamp: s.opt.Now().UnixMilli()}
}

// AllOffsets serves GET_ALL_CONSUMER_OFFSET.
func (s *Service) AllOffsets(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	body := manage.Offsets{Version: s.version(), Topics: map[string][]string{}, Lights: map[string]int64{}, Offsets: map[string]map[int32]int64{}}
	s.store.EachOffset(func(group string, q message.Queue, off message.QueueOffset) {
		key := apache.OffsetKey(q.Topic, group)
		if light.Is(q.Topic) {
			body.Lights[key] = int64(off)
			return
		}
		if body.Offsets[key] == nil {
			body.Topics[group] = append(body.Topics[group], q.Topic)
		}
		if body.Offsets[key] == nil {
			body.Offsets[key] = map[int32]int64{}
		}
		body.Offsets[key][int32(q.ID)] = int64(off)
	})
	for _, topics := range body.Topics {
		slices.Sort(topics)
	}
	return apart.Answer{Body: body.Append(nil)}, nil
}

// AllDelayOffsets serves GET_ALL_DELAY_OFFSET.
func (s *Service) AllDelayOffsets(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	body := manage.DelayOffsets{Version: s.version(), Offsets: map[int32]int64{}}
	schedule, _ := s.store.Topic(message.TopicSchedule)
	for id := range schedule.ReadQueues {
		q := message.Queue{Topic: message.TopicSchedule, ID: message.QueueID(id)}
		if s.store.MaxOffset(q) > 0 {
			body.Offsets[id+1] = int64(s.store.MinOffset(q))
		}
	}
	return apart.Answer{Body: body.Append(nil)}, nil
}

// AllRequestModes serves GET_ALL_MESSAGE_REQUEST_MODE.
func (s *Service) AllRequestModes(context.Context, *protocol.Frame, string) (apart.Answer, error) {
	body := manage.RequestModes{Modes: map[string]map[string]protocol.RequestMode{}}
	s.store.EachRequestMode(func(group, topic string, m pop.Mode) {
		if body.Modes[topic] == nil {
			body.Modes[topic] = map[string]protocol.RequestMode{}
		}
		mode := protocol.RequestMode{ConsumerGroup: group, Topic: topic, Mode: protocol.ModePull, PopShareQueueNum: m.Share}
		if m.Pop {
			mode.Mode = protocol.ModePop
		}
		body.Modes[topic][group] = mode
	})
	return apart.Answer{Body: protocol.MarshalBody(body)}, nil
}

// CorrectionOffsets serves QUERY_CORRECTION_OFFSET.
func (s *Service) CorrectionOffsets(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h manage.CorrectionHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	out := map[string]bool{}
	for _, name := range strings.Split(h.FilterGroups, ",") {
		out[name] = true
	}
	type place struct {
		queue  message.Queue
		offset message.QueueOffset
	}
	var places []place
	compare := map[int32]int64{}
	s.store.EachOffset(func(group string, q message.Queue, off message.QueueOffset) {
		if q.Topic != h.Topic {
			return
		}
		if group == h.CompareGroup {
			compare[int32(q.ID)] = int64(off)
		}
		if !out[group] {
			places = append(places, place{q, off})
		}
	})
	body := manage.Corrections{Offsets: map[int32]int64{}}
	for _, p := range places { // the store may not be asked while it visits
		if p.offset < s.store.MinOffset(p.queue) {
			continue
		}
		id, off := int32(p.queue.ID), int64(p.offset)
		if least, there := body.Offsets[id]; !there || off < least {
			body.Offsets[id] = off
		}
	}
	for id, off := range compare {
		if least, there := body.Offsets[id]; there && least > off {
			body.Offsets[id] = math.MaxInt64
		}
	}
	return apart.Answer{Body: body.Append(nil)}, nil
}

const (
	// maxName bounds the names of groups and topics that are kept, in bytes; neither of them has to be there.
	maxName = 255
	// maxForbidden bounds the pairs of a group and a topic that it may not read, all of which are kept in memory.
	maxForbidden = 10_000
)

// Forbidden serves UPDATE_AND_GET_GROUP_FORBIDDEN.
func (s *Service) Forbidden(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	var h manage.ForbiddenHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	if n := max(len(h.Group), len(h.Topic)); n > maxName {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "the name of a group or topic has %d bytes, the limit is %d", n, maxName)
	}
	if h.Set {
		done, err := s.opt.Turn(ctx)
		if err != nil {
			return apart.Answer{}, err
		}
		defer done()
	}
	bits := s.store.Forbidden(h.Group, h.Topic)
	if h.Set && h.Readable != (bits&group.ForbidRead == 0) {
		if n := s.forbidden(); bits == 0 && n >= maxForbidden {
			return apart.Answer{}, apart.Refuse(protocol.ResSystemError, "%d pairs of a group and a topic are forbidden, as many as there may be: allow some of them", n)
		}
		bits ^= group.ForbidRead
		if err := s.store.SetForbidden(ctx, h.Group, h.Topic, bits); err != nil {
			return apart.Answer{}, err
		}
		s.opt.Logger.Info("what a group may read is changed", "group", h.Group, "topic", h.Topic, "readable", h.Readable, "by", from)
	}
	return apart.Answer{Body: protocol.MarshalBody(manage.Forbidden{Group: h.Group, Topic: h.Topic, Readable: bits&group.ForbidRead == 0})}, nil
}

// forbidden counts the pairs of a group and a topic.
func (s *Service) forbidden() (n int) {
	for _, topics := range s.store.AllForbidden() {
		n += len(topics)
	}
	return n
}
