package manage

// QUERY_CONSUME_QUEUE (321).
//
// Callers: mqadmin queryCq.
//
// Behaviour: the entries of a queue from an index on: where each message lies in the log, how long it is, and the hash of its tags. With a group, what it
// wants of the topic comes along. There are no extended entries, so nothing is evaluated. RocketMQ answers without a body where the index lies
// behind the queue's end, and its tool cannot print that; here the list is empty.
//
// Codes: 0 with a JSON body; 1 the queue never held anything, or unreadable header; 29 too many wanted.

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// maxEntries is how many entries one answer tells.
const maxEntries = 100_000

// ConsumeQueue serves QUERY_CONSUME_QUEUE.
func (s *Service) ConsumeQueue(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h manage.ConsumeQueueHeader
	if err := h.Decode(f); err != nil {
		return apart.Answer{}, err
	}
	q := message.Queue{Topic: h.Topic, ID: message.QueueID(h.QueueID)}
	least, next := s.store.MinOffset(q), s.store.MaxOffset(q)
	if next == 0 {
		return apart.Answer{}, apart.Refuse(protocol.ResSystemError, "%d@%.300s is not exist!", h.QueueID, h.Topic)
	}
	if h.Count > maxEntries {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "%d entries are wanted, the limit is %d", h.Count, maxEntries)
	}
	body := manage.ConsumeQueue{MinIndex: int64(least), MaxIndex: int64(next), Entries: []manage.ConsumeQueueEntry{}}
	if h.Grouped {
		body.Subscription = s.clients.Subscription(h.Group, h.Topic)
		body.FilterData = "null" // as RocketMQ writes none
		if body.Subscription == nil {
			body.FilterData = fmt.Sprintf("%s@%s is not online!", h.Group, h.Topic)
		}
	}
	remark := ""
	from := message.QueueOffset(max(h.Index, 0))
	if from < least || from >= next {
		remark = fmt.Sprintf("Index %d of %d@%s is not exist!", h.Index, h.QueueID, h.Topic)
	}
	for e, err := range s.store.QueueEntries(q, from) {
		if err != nil {
			return apart.Answer{}, err
		}
		if from < least || e.QueueOffset-from >= message.QueueOffset(h.Count) {
			break
		}
		body.Entries = append(body.Entries, manage.ConsumeQueueEntry{Offset: int64(e.LogOffset), Size: e.Size, TagsCode: e.TagsCode})
	}
	return apart.Answer{Body: protocol.MarshalBody(body), Remark: remark}, nil
}
