// Package operate serves what operators ask of a broker as a whole: its statistics, its runtime information, where all groups are, its
// configuration, clean-up commands, the state of replication, and the limits of cold reads. What a single topic or group is asked about
// is the broker's own.
//
// The broker makes one [Desk], enters its handlers into its table and calls [Desk.Tick] every ten seconds. The handlers run on the
// connections' readers and never block them; everything here is safe to call at once.
//
// What differs from RocketMQ on purpose:
//
//   - UPDATE_BROKER_CONFIG (25) changes the keys of [config.Live] alone, all or none, and says of each other key why it is not
//     changed. RocketMQ takes unknown keys and writes down many that nothing looks at any more.
//   - The places of groups (317) have what was pulled and not committed yet as totalInflightDiff; RocketMQ's is a negative number.
//   - In a queue in which a group has no offset, its delay (303) is that of the first message; RocketMQ's is the time since 1970.
//   - What has nothing to clean up (306, 316) is a success: queues go with the last segment that they stand in, topics when they are deleted.
//   - Limits of cold reads (2001) are kept and told, as RocketMQ does while coldDataFlowControlEnable is false; nothing goes by them,
//     since who reads far behind gets no page of memory that others have. So nothing is counted of such reads (2003) either.
//   - The log is never read by mapping it: its read-ahead mode (2004) is always the normal one.
package operate

import (
	"context"
	"log/slog"
	"time"

	"github.com/aerobee-mq/aerobee/broker/rates"
	"github.com/aerobee-mq/aerobee/broker/statistics"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Store is what a Desk needs of the store; everything in it is documented at *store.Store.
type Store interface {
	Topic(name string) (topic.Config, bool)
	Groups() []group.Config
	Offset(group string, q message.Queue) (message.QueueOffset, bool)
	EachOffset(visit func(group string, q message.Queue, off message.QueueOffset))
	MinOffset(q message.Queue) message.QueueOffset
	MaxOffset(q message.Queue) message.QueueOffset
	StoreTimeAt(q message.Queue, off message.QueueOffset) (message.StoreTime, bool)
	OldestTime() (message.StoreTime, bool)
	DeleteExpired()
}

// Host is the broker around: how requests are answered, and what only it knows.
type Host interface {
	// Answer sends a response without header fields or body, Refuse the one that fits an error.
	Answer(c *remoting.Conn, f *protocol.Frame, code int32, remark string)
	Refuse(c *remoting.Conn, f *protocol.Frame, err error)
	// Later runs fn on a goroutine of the connection, with a copy of the frame, or answers that too many wait.
	Later(c *remoting.Conn, f *protocol.Frame, fn func(f *protocol.Frame))
	// Vitals tells how the broker and its store are.
	Vitals() Vitals
	// Timers counts the messages that wait for their time, by their topics.
	Timers() map[string]int64
	// Subscribes reports whether a group's members subscribe to a topic, or the group has none.
	Subscribes(group, topic string) bool
	// Pulled is how far a group has read a queue, or committed.
	Pulled(group string, q message.Queue) message.QueueOffset
}

// Vitals is how a broker and its store are.
type Vitals struct {
	LogStart, LogEnd, Synced      int64
	PendingTimers                 int
	DiskUsed, DiskFree, DiskTotal uint64
	FailedPuts                    int64 // since the start
}

// Options says what a Desk tells. All must be set but LogDir, Text and Change.
type Options struct {
	BrokerName string
	// Address is the broker's, "host:port".
	Address string
	// LogDir is where the log lies, "" if that is nobody's business.
	LogDir string
	// StartAccept is the time in ms before which sends are refused.
	StartAccept int64
	Statistics  *statistics.Table
	// Text is the configuration as properties text; nil is an empty one. Change changes it, wholly or not at all; nil refuses all. An
	// error is a [config.Refusal], or why a change cannot be kept.
	Text   func() string
	Change func(ctx context.Context, pairs []config.Property) error
	Now    func() time.Time
	// Steady is a clock that nobody can set.
	Steady func() time.Time
	Logger *slog.Logger
}

// Desk serves operators.
type Desk struct {
	opt     Options
	store   Store
	host    Host
	started time.Time
	rates   rates.Rates
	cold    coldLimits
	version versions
}

// New returns the part of a broker that serves operators.
func New(s Store, h Host, o Options) *Desk {
	if o.Text == nil {
		o.Text = func() string { return "" }
	}
	d := &Desk{opt: o, store: s, host: h, started: o.Now()}
	d.version.now.Timestamp = d.started.UnixMilli()
	d.cold.limits = map[string]int64{}
	d.rates.Add(rates.Sample{Millis: d.started.UnixMilli()})
	return d
}

// Tick takes the samples that statistics and rates are made of. It is to be called every ten seconds.
func (d *Desk) Tick() {
	d.opt.Statistics.Tick(d.opt.Steady().UnixMilli())
	d.rates.Add(d.sample())
}

func (d *Desk) sample() rates.Sample {
	t := d.opt.Statistics.Totals()
	return rates.Sample{Millis: d.opt.Now().UnixMilli(), Put: t.Put, Got: t.Got, PlainPut: t.PutPlain, PlainGot: t.GotPlain, Found: t.Found, Missed: t.Missed}
}

// body sends a success with a body.
func (d *Desk) body(c *remoting.Conn, f *protocol.Frame, body []byte, fields ...string) {
	if f.IsOneway() {
		return
	}
	out := f.Reply(protocol.ResSuccess, "")
	for i := 0; i+1 < len(fields); i += 2 {
		out.Fields.Add(fields[i], fields[i+1])
	}
	out.Body = body
	if err := c.Send(&out); err != nil {
		d.opt.Logger.Debug("answer not sent", "remote", c.RemoteAddr(), "code", out.Code, "error", err)
	}
}

// queue is a queue of this broker in bodies.
func (d *Desk) queue(q message.Queue) protocol.MessageQueue {
	return protocol.MessageQueue{BrokerName: d.opt.BrokerName, QueueID: int32(q.ID), Topic: q.Topic}
}

// storeTime is when a queue's message was stored, in ms; -1 if there is none, as RocketMQ says it.
func (d *Desk) storeTime(q message.Queue, off message.QueueOffset) int64 {
	if t, ok := d.store.StoreTimeAt(q, off); ok && off >= 0 {
		return int64(t)
	}
	return -1
}
