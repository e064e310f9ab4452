// Package manage serves requests of administrators, and of the brokers that follow one in RocketMQ, that only ask what a broker keeps, or
// that change little: tables of offsets and modes, entries of queues, connected producers, what a group may not read, static topics. What RocketMQ
// can do and one broker of ours cannot is refused here with its reason.
//
// Package broker enters the handlers into its table and calls each on a goroutine of the connection; they are safe to call at once.
package manage

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/apache"
)

// Store is what is asked; everything in it is documented at *store.Store.
type Store interface {
	EachOffset(visit func(group string, q message.Queue, off message.QueueOffset))
	EachRequestMode(visit func(group, topic string, m pop.Mode))
	QueueEntries(q message.Queue, from message.QueueOffset) iter.Seq2[apache.QueueEntry, error]
	Topic(name string) (topic.Config, bool)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	Forbidden(group, topic string) int32
	AllForbidden() map[string]map[string]int32
	SetForbidden(ctx context.Context, group, topic string, bits int32) error
}

// Clients tells who is connected.
type Clients interface {
	// EachProducer visits the members of all producer groups; seen is when each was last heard of, in ms.
	EachProducer(visit func(group, clientID, remote, language string, version int32, seen int64))
	// Subscription is what a connected group wants of a topic, nil if nothing.
	Subscription(group, topic string) *protocol.SubscriptionData
}

// Options says what the service needs to know. All must be set.
type Options struct {
	Broker   string // its name
	Address  string // the broker's, as lists of topics tell it
	NoTimers bool   // timer messages are refused
	// CheckTopic refuses names that no topic may be given. PlanTopic says what one will be after a request that makes it static, and whether that
	// is another than it is; PutTopic stores it and brings it into the route. Both want the turn.
	CheckTopic func(name string) error
	PlanTopic  func(h *protocol.CreateTopicHeader, static *topic.Static) (c topic.Config, changed bool, err error)
	PutTopic   func(ctx context.Context, c topic.Config) error
	// Turn keeps other changes of topics and groups out until done is called.
	Turn   func(ctx context.Context) (done func(), err error)
	Now    func() time.Time
	Logger *slog.Logger
}

// Service serves the requests.
type Service struct {
	store   Store
	clients Clients
	opt     Options
}

// New makes a service.
func New(s Store, c Clients, o Options) *Service { return &Service{store: s, clients: c, opt: o} }
