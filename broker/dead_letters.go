package broker

import (
	"context"

	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// DeadLetters are the dead letters of the broker's store.
func (b *Broker) DeadLetters() *dead.Letters {
	return &dead.Letters{Store: search{b.store}, Put: b.putRetry, Log: b.opt.Logger}
}

// putRetry stores a record in a group's retry topic and waits for the disk.
func (b *Broker) putRetry(ctx context.Context, group string, r *message.Record) error {
	g, ok := b.store.Group(group)
	if !ok {
		return groupMissing(group)
	}
	if g.RetryQueues <= 0 {
		return apart.Refuse(protocol.ResNoPermission, "group %s has no retry queues", group)
	}
	if _, err := b.ensureRetry(ctx, g, false, false); err != nil {
		return err
	}
	return b.putAndWait(ctx, r, 0)
}
