// Package popping serves the requests of consumers that pop: pop, acknowledge, change of invisible time, notification, peek,
// and the sharing out of queues by the broker. It owns the requests that wait for messages; what is popped, and by whom, the
// store knows (projection/pop).
//
// The broker enters the handlers into its table, and tells of arrivals and of connections that end. The handlers run on the
// connections' readers and never block them; everything here is safe to call at once.
//
// What differs from RocketMQ on purpose:
//
//   - A message that was not acknowledged as often as its group allows becomes a dead letter; RocketMQ's broker leaves that
//     to clients and proxies, and puts it to the retry topic for ever.
//   - Of the requests that wait for a queue, an arrival wakes the longest waiting one that wants the message. RocketMQ asks one of them,
//     and when that one does not want it, nobody hears of the message.
//   - One pop may bring messages of both kinds of retry topics.
//   - All of a node's popped messages together are bounded ([Options.Total]), for they are kept in memory, and those of one group to half of
//     that. A message is out of sight for 12 hours at most, which in RocketMQ is its proxy's rule alone, and no request waits longer than an hour.
//   - Half messages cannot be popped. RocketMQ's broker hands them out.
//   - The old handle of a renewed message stays bad after a restart, unless a power cut took the renewal along.
package popping

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/broker/trace"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store/commitlog"
)

// Store is what popping needs of the store; everything in it is documented at *store.Store.
type Store interface {
	PopBegin(group string, q message.Queue, r pop.Request) (pop.Lease, error)
	PopAbandon(l pop.Lease)
	PopTake(ctx context.Context, popTime, invisible int64, ordered bool, taken ...pop.Taken) error
	PopAck(group string, q message.Queue, popTime int64, offs []message.QueueOffset, sink commitlog.Sink) (known int, lost []message.QueueOffset, err error)
	PopAckLost(group string, q message.Queue, popTime int64, lost []message.QueueOffset, sink commitlog.Sink) (bool, error)
	PopRenew(group string, q message.Queue, off message.QueueOffset, popTime, invisible int64, suspend bool, sink commitlog.Sink) (newPopTime, newInvisible int64, known bool, err error)
	PopExpire(ctx context.Context, handle message.LogOffset) error
	PopReady(group string, q message.Queue, r pop.Request) (ready bool, refused *pop.Refusal)
	PopState(group string, q message.Queue, off message.QueueOffset) (pop.State, bool)
	Pops(group string, q message.Queue) bool
	RequestMode(group, topic string) (pop.Mode, bool)
	SetRequestMode(ctx context.Context, group, topic string, m pop.Mode) error
	Offset(group string, q message.Queue) (message.QueueOffset, bool)
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	Topic(name string) (topic.Config, bool)
	Group(name string) (group.Config, bool)
	EachLight(visit func(queue string))
	Kick()
}

// Catch is what a request has brought of one topic to one group: of all messages, those that come again are Again.
type Catch struct {
	Group, Topic                           string
	Messages, Bytes, AgainCount, AgainSize int
}

// Host is the broker around: how requests are answered, and what only it knows.
type Host interface {
	// Answer sends a response without header fields or body, Refuse the one that fits an error.
	Answer(c *remoting.Conn, f *protocol.Frame, code int32, remark string)
	Refuse(c *remoting.Conn, f *protocol.Frame, err error)
	// RefusalOf is what Refuse answers.
	RefusalOf(err error) *apart.Refusal
	// Later runs fn on a goroutine of the connection, with a copy of the frame, or answers that too many wait.
	Later(c *remoting.Conn, f *protocol.Frame, fn func(f *protocol.Frame))
	// EnsureGroup returns the group, made if that is allowed.
	EnsureGroup(name string) (group.Config, error)
	// Compile compiles a subscription's expression; the error is what the client is told.
	Compile(kind, expression string) (*filter.Filter, error)
	// Read reads messages of a queue as a pull does. A nil filter wants all.
	Read(dst []byte, q message.Queue, from message.QueueOffset, count, size int, f *filter.Filter) ([]byte, Read)
	// Recent reports whether a queue's message 0 is there and recent, so that a new group begins with it.
	Recent(q message.Queue) bool
	// Members are the client ids of a group that is connected.
	Members(group string) []string
	// LiteQueues are the light queues of the lite topics that a client of a group reads; light.Wild stands for all of a parent.
	LiteQueues(clientID, group string) []string
	// Reserve sets aside how much a group may get now by its quota, of what is wanted; without room wait is how long there is none. After it
	// Settle says how much more was used, or less.
	Reserve(group string, messages, bytes int) (m, b int, wait time.Duration)
	Settle(group string, messages, bytes int)
	// Got counts messages that were handed out.
	Got(c Catch)
}

// Read says what a Read found: Count messages, and that the next one is to be read from Next on.
type Read struct {
	Next  message.QueueOffset
	Count int
	Err   error
}

// Options says how popping behaves. The zero value of a field means its default; Now, Steady and Logger must be set.
type Options struct {
	BrokerName string
	// Address stands in remarks as the broker's.
	Address string
	// Unreadable refuses all pops: the broker's permission lacks reading.
	Unreadable bool
	// PerQueue and Total bound how many messages may be in flight: of a group in a queue (0 is no bound), and of all (300,000).
	PerQueue, Total int
	// Waiting and WaitingPerQueue bound the requests that wait for messages: 100,000, and 1,024 for a group's queue.
	Waiting, WaitingPerQueue int
	// PerGroup bounds how many messages of one group may be in flight, so that others have room: half of Total.
	PerGroup int
	// MaxInvisible is how long a message may be out of sight, unless it is renewed: 12 hours, as RocketMQ's proxy has it. A client that asks
	// for more is told that it has got this.
	MaxInvisible time.Duration
	// MaxBytes bounds the messages of one answer, of which one always fits: 256 KiB.
	MaxBytes int
	// RetryTopicV2 must be the store's. OnlyRetryV2 leaves topics of the older name alone then.
	RetryTopicV2, OnlyRetryV2 bool
	// ActualRetryTopic hands messages that come again out under their retry topic's name instead of the topic's.
	ActualRetryTopic bool
	// RetryLast is how many of a hundred pops look into the retry topics last, the others first: 80.
	RetryLast int
	// Queues finds a topic's readable queues on all brokers, sorted; nil knows of this broker's alone.
	Queues func(ctx context.Context, topic string) ([]protocol.MessageQueue, error)
	// Mode is how groups read topics of which nobody has said.
	Mode pop.Mode
	// Statistics counts what is handed out and acknowledged; nil is a table that nobody looks at.
	Statistics *statistics.Table
	// Spans hears of what is handed out and acknowledged; nil if nobody traces messages.
	Spans *trace.Recorder
	Now   func() time.Time
	// Steady is a clock that nobody can set, for how long requests wait.
	Steady func() time.Time
	// Logger receives what an operator should know.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	for field, value := range map[*int]int{&o.Total: 300_000, &o.Waiting: 100_000, &o.WaitingPerQueue: 1024,
		&o.MaxBytes: 256 << 10, &o.RetryLast: 80} {
		if *field == 0 {
			*field = value
		}
	}
	if o.PerGroup == 0 {
		o.PerGroup = (o.Total + 1) / 2
	}
	if o.Statistics == nil {
		o.Statistics = statistics.New(statistics.Options{System: func(string) bool { return false }})
	}
	if o.MaxInvisible == 0 {
		o.MaxInvisible = 12 * time.Hour
	}
	return o
}

// Pops serves consumers that pop.
type Pops struct {
	opt   Options
	store Store
	host  Host
	table waiting
	wilds wilds
	turn  atomic.Uint32 // of the revive queues
	full  atomic.Int64  // when it was last said that too much is in flight, in ms
	stop  chan struct{}
	done  sync.WaitGroup
	// unreadable is Options.Unreadable as it is now.
	unreadable atomic.Bool
}

// New returns the part of a broker that serves consumers which pop.
func New(s Store, h Host, o Options) *Pops {
	p := &Pops{opt: o.withDefaults(), store: s, host: h, stop: make(chan struct{})}
	p.table.init(p.opt.Waiting, p.opt.WaitingPerQueue)
	p.unreadable.Store(o.Unreadable)
	return p
}

// SetUnreadable refuses all pops from now on, or no longer.
func (p *Pops) SetUnreadable(yes bool) { p.unreadable.Store(yes) }

// Start begins to watch how long requests wait.
func (p *Pops) Start() { p.done.Go(p.watch) }

// Drain answers all that waits, and lets nothing wait any more. The connections must still be open.
func (p *Pops) Drain() {
	for _, r := range p.table.drain() {
		p.expired(r)
	}
}

// Close is Drain, and waits for the goroutine of Start.
func (p *Pops) Close() {
	p.Drain()
	close(p.stop)
	p.done.Wait()
}

// Moved wakes who waits at a queue whose offset was reset. It reports false if the group does not pop the queue.
func (p *Pops) Moved(groupName string, q message.Queue) bool {
	popped := p.store.Pops(groupName, q)
	if popped {
		p.wakeQueue(groupName, q)
	}
	return popped
}

// reviveQueues is how many revive queues Apache has, which handles name.
const reviveQueues = 8

// reviveQueue is what handles of one pop name. It means nothing here but that 999 is of ordered pops.
func (p *Pops) reviveQueue(ordered bool) int32 {
	if ordered {
		return protocol.PopOrderQueue
	}
	return int32(p.turn.Add(1) % reviveQueues)
}

// checked is what the checks of a request have found.
type checked struct {
	group group.Config
	topic topic.Config
}

// check makes the checks that pop, peek, notification and polling info share, in Apache's order. What says what the
// client is doing, in remarks.
func (p *Pops) check(what, groupName, topicName string, queue int32) (c checked, err error) {
	if p.unreadable.Load() {
		return c, apart.Refuse(protocol.ResNoPermission, "the broker[%s] %s message is forbidden", p.opt.Address, what)
	}
	t, ok := p.store.Topic(topicName)
	if !ok {
		return c, apart.Refuse(protocol.ResTopicNotExist, "topic[%.300s] not exist, apply first please!", topicName)
	}
	if !t.Perm.Readable() || message.Hidden(topicName) {
		return c, apart.Refuse(protocol.ResNoPermission, "the topic[%s] peeking message is forbidden", topicName)
	}
	if queue >= t.ReadQueues {
		return c, apart.Refuse(protocol.ResInvalidParameter, "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d]", queue, topicName, t.ReadQueues)
	}
	g, ok := p.store.Group(groupName)
	if !ok {
		if g, err = p.host.EnsureGroup(groupName); err != nil {
			return c, apart.Refuse(protocol.ResSubscriptionGroupNotExist, "subscription group [%.300s] does not exist", groupName)
		}
	}
	if !g.ConsumeEnable {
		return c, apart.Refuse(protocol.ResNoPermission, "subscription group no permission, %s", groupName)
	}
	return checked{g, t}, nil
}

// known finds the real queue of a message that was popped, of which a handle says from which topic it came, and checks that its
// offset may be there: at most the queue's end, and below it if strict.
func (p *Pops) known(groupName, topicName string, from protocol.PopTopic, queue int32, off int64, strict bool) (q message.Queue, err error) {
	if !message.IsRetry(topicName) {
		topicName = from.Name(groupName, topicName)
	}
	t, ok := p.store.Topic(topicName)
	if !ok {
		return q, apart.Refuse(protocol.ResTopicNotExist, "topic[%.300s] not exist, apply first please!", topicName)
	}
	if queue < 0 || queue >= t.ReadQueues {
		return q, apart.Refuse(protocol.ResMessageIllegal, "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d]", queue, topicName, t.ReadQueues)
	}
	q = message.Queue{Topic: topicName, ID: message.QueueID(queue)}
	least, end := int64(p.store.MinOffset(q)), int64(p.store.MaxOffset(q))
	if off < least || off > end || strict && off == end {
		return q, apart.Refuse(protocol.ResNoMessage, "offset is illegal, key:%s@%d, commit:%d, store:%d~%d", topicName, queue, off, least, end)
	}
	return q, nil
}

// refused returns the machine's refusal in an error, nil if it is another one.
func refused(err error) *pop.Refusal {
	var r *pop.Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// sayFull says at most once a minute that too much is in flight.
func (p *Pops) sayFull(groupName string, q message.Queue, r *pop.Refusal) {
	now, last := p.opt.Now().UnixMilli(), p.full.Load()
	if now-last >= time.Minute.Milliseconds() && p.full.CompareAndSwap(last, now) {
		p.opt.Logger.Warn("a queue hands out nothing more until messages are acknowledged or come again", "group", groupName,
			"topic", q.Topic, "queue", q.ID, "in flight", r.Count, "limit", r.Limit)
	}
}

// popTimeout bounds the writing of a pop.
const popTimeout = 10 * time.Second

// answer sends a response with header fields and perhaps a body in parts.
func (p *Pops) answer(c *remoting.Conn, f *protocol.Frame, code int32, remark string, h interface{ Append(fs *protocol.Fields) }, body ...[]byte) {
	if f.IsOneway() {
		return
	}
	out := f.Reply(code, remark)
	h.Append(&out.Fields)
	if err := c.SendBody(&out, body...); err != nil {
		p.opt.Logger.Debug("answer not sent", "remote", c.RemoteAddr(), "code", code, "error", err)
	}
}

// refuseWith refuses a request with an empty header: clients read it whatever the code is.
func (p *Pops) refuseWith(c *remoting.Conn, f *protocol.Frame, err error, h interface{ Append(fs *protocol.Fields) }) {
	r := p.host.RefusalOf(err)
	p.answer(c, f, r.Code, r.Remark, h)
}

// replyTo is what an answer needs of a request, without fields and body.
func replyTo(f *protocol.Frame) protocol.Frame {
	return protocol.Frame{Encoding: f.Encoding, Code: f.Code, Opaque: f.Opaque, Flag: f.Flag, Received: f.Received}
}
