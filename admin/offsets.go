package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

// address is the broker of a queue, to read from.
func (a *Admin) address(ctx context.Context, q Queue) (string, error) {
	brokers, err := a.routed(ctx, q.Topic)
	if err != nil {
		return "", err
	}
	for _, b := range brokers {
		if b.Name == q.BrokerName {
			if addr, ok := b.any(); ok {
				return addr, nil
			}
		}
	}
	return "", fmt.Errorf("admin: topic %s has no queue on broker %s", q.Topic, q.BrokerName)
}

func (a *Admin) askOffset(ctx context.Context, q Queue, code int32, h header) (int64, error) {
	addr, err := a.address(ctx, q)
	if err != nil {
		return 0, err
	}
	answer, err := a.call(ctx, addr, code, h, nil)
	if err != nil {
		return 0, err
	}
	var r protocol.OffsetResponseHeader
	if err := r.Decode(answer.Fields); err != nil {
		return 0, fmt.Errorf("admin: answer of %s to request %d: %w", addr, code, err)
	}
	return r.Offset, nil
}

// MinOffset is the offset of the first message that the queue still has (31).
func (a *Admin) MinOffset(ctx context.Context, q Queue) (int64, error) {
	return a.askOffset(ctx, q, protocol.ReqGetMinOffset, &protocol.QueueHeader{Topic: q.Topic, QueueID: q.QueueID, Committed: true})
}

// MaxOffset is the offset that the queue's next message gets (30).
func (a *Admin) MaxOffset(ctx context.Context, q Queue) (int64, error) {
	return a.askOffset(ctx, q, protocol.ReqGetMaxOffset, &protocol.QueueHeader{Topic: q.Topic, QueueID: q.QueueID, Committed: true})
}

// OffsetAt is the offset of the first message that was stored at the time or later, the queue's end if there is none (29).
func (a *Admin) OffsetAt(ctx context.Context, q Queue, at time.Time) (int64, error) {
	return a.askOffset(ctx, q, protocol.ReqSearchOffsetByTimestamp, &protocol.SearchOffsetHeader{Topic: q.Topic, QueueID: q.QueueID, Timestamp: at.UnixMilli()})
}
