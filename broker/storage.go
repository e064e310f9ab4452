package broker

import (
	"context"

	"github.com/aerobee-mq/aerobee/broker/account"
	"github.com/aerobee-mq/aerobee/broker/checkback"
	"github.com/aerobee-mq/aerobee/broker/lite"
	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/broker/popping"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/offset"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store"
)

// Store is what a broker needs of the store below it; *store.Store is the one there is. Everything in it is documented
// there. Put, PutBatch, PutDelayed and Kick return without waiting for the disk; the sink hears of the outcome.
type Store interface {
	Put(r *message.Record, sink store.Sink, token uint64) error
	PutBatch(rs []message.Record, sink store.Sink, token uint64) error
	PutDelayed(r *message.Record, level int, sink store.Sink, token uint64) error
	PutTimed(r *message.Record, deliverMillis int64, sink store.Sink, token uint64) error
	Times() *timer.Times
	Withdraw(ctx context.Context, r *message.Record, deliverMillis int64) (store.Appended, error)
	PutHalf(r *message.Record, sink store.Sink, token uint64) error
	checkback.Store
	KickAside()
	Get(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(tagsCode int64) bool) ([]byte, store.GetResult)
	GetReady(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(tagsCode int64) bool) ([]byte, store.GetResult)
	GetMatching(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(message.Properties) (wanted, more bool)) ([]byte, store.GetResult)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	OffsetByTime(q message.Queue, t message.StoreTime, upper bool) (message.QueueOffset, error)
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
	OldestTime() (message.StoreTime, bool)
	View(dst []byte, at message.LogOffset) ([]byte, error)
	Query(dst []byte, topic, key string, uniqueKey bool, max int, from, to message.StoreTime) ([]byte, int, message.StoreTime, message.LogOffset, error)

	TopicBytes(name []byte) (*topic.Config, bool)
	TopicChanges() uint64
	Topic(name string) (topic.Config, bool)
	Topics() []topic.Config
	TopicVersion() topic.Version
	TopicsSince(v topic.Version) (changed []*topic.Config, gone []string, now topic.Version, ok bool)
	PutTopic(ctx context.Context, c topic.Config) error
	DeleteTopic(ctx context.Context, name string) error

	Group(name string) (group.Config, bool)
	Groups() []group.Config
	GroupVersion() group.Version
	PutGroup(ctx context.Context, c group.Config) error
	DeleteGroup(ctx context.Context, name string, cleanOffsets bool) error

	CommitOffset(group string, q message.Queue, off message.QueueOffset) error
	ResetOffset(ctx context.Context, group string, q message.Queue, off message.QueueOffset) error
	Offset(group string, q message.Queue) (message.QueueOffset, bool)
	Progress(dst []offset.Progress, group, topic string, queues int32) []offset.Progress
	Offsets(group string) map[message.Queue]message.QueueOffset
	EachOffset(visit func(group string, q message.Queue, off message.QueueOffset))
	Lock(group, client string, qs []message.Queue) []message.Queue
	Unlock(group, client string, qs []message.Queue)
	LocksHeld(group string) bool
	LockHolder(group string, q message.Queue) (client string, ageMillis int64, ok bool)
	PopCounts(group string, q message.Queue) (pop.Counts, bool)
	Forbidden(group, topic string) int32
	popping.Store
	account.Store
	manage.Store
	lite.Store
	AllForbidden() map[string]map[string]int32
	Stats() store.Stats
	DeleteExpired()
	TimerCounts() []store.TimerCount
}

// search reads the store for packages that do not know it.
type search struct{ Store }

const searchBytes = 4 << 20

// Read returns records of a queue from an offset on, at most maxCount, that match, and the offset to go on from.
func (s search) Read(q message.Queue, from message.QueueOffset, maxCount int, match func(tagsCode int64) bool) ([]byte, message.QueueOffset, error) {
	recs, got := s.Get(nil, q, from, maxCount, searchBytes, match)
	return recs, got.Next, got.Err
}
