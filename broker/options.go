package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/aerobee-mq/aerobee/broker/account"
	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/broker/popping"
	"github.com/aerobee-mq/aerobee/broker/trace"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/internal/seal"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Options says who a broker is and how it behaves. The zero value of a field means its default; only StoreHost has none.
type Options struct {
	// BrokerName, ClusterName and BrokerID are the broker's identity: "broker-a", "DefaultCluster", 0 (master).
	BrokerName  string
	ClusterName string
	BrokerID    int64
	// StoreHost is the canonical advertised address: clients find it in message ids and come back to it. The store must
	// have been opened with the same one.
	StoreHost netip.AddrPort
	// Advertise is the address that is registered at remote NameServers, "host:port"; StoreHost if empty.
	Advertise string
	// HAAddr is the replication address that is registered, "host:port"; StoreHost's address and port+1 if empty.
	HAAddr string
	// Permission is the broker's permission, a bit set: 4 read, 2 write. 6.
	Permission int32
	// Region is the value of the property MSG_REGION: "DefaultRegion". TraceOff makes TRACE_ON false.
	Region   string
	TraceOff bool

	// DenyTopicCreation and DenyGroupCreation refuse unknown topics and groups instead of making them on first use.
	DenyTopicCreation bool
	DenyGroupCreation bool
	// DefaultTopicQueueNums is how many queues the template topic TBW102 has, and so the most that a first send makes: 8.
	DefaultTopicQueueNums int32
	// TraceTopic makes the topic that clients write their traces to.
	TraceTopic bool
	// StartAccept is the time in ms since 1970 before which sends are refused; 0 accepts at once.
	StartAccept int64
	// DenyLitePull refuses request 361.
	DenyLitePull bool
	// DenyPropertyFilter refuses subscriptions by SQL92.
	DenyPropertyFilter bool
	// NoLights lets messages stand in their own queue alone, whatever light queues they name; the store must be told the same.
	NoLights bool
	// MaxLights is how many light queues the store allows.
	MaxLights int
	// Sign signs the requests to other NameServers; nil: nobody does.
	Sign func(f *protocol.Frame)
	// MayReach refuses a request about a message that it names by an offset, if its user has no right to the message's topic; nil: nobody is asked.
	MayReach func(c *remoting.Conn, f *protocol.Frame, topic string) error
	// Secrets seals the passwords of users; by default with a key that lives as long as the process.
	Secrets account.Sealer
	// MixedTopics allows topics that take messages of all kinds.
	MixedTopics bool
	// DenyTimers refuses timer messages, DenyRecall their recall; MaxTimerDelay is how far ahead one may be: ten years.
	DenyTimers    bool
	DenyRecall    bool
	MaxTimerDelay time.Duration
	// ClientSideReset leaves a reset of offsets to the group's members (220), as RocketMQ 4 does, see reset_clients.go.
	ClientSideReset bool
	// LockQuorum is how many brokers must have given a queue lock, see lock.go: 1.
	LockQuorum int
	// DropReplies does not store the replies that go from client to client (324, 325).
	DropReplies bool

	// Members bounds what clients announce in heartbeats.
	Members member.Limits
	// MaxAsked bounds the requests that wait for clients' answers, half of it for one client: 128.
	MaxAsked int
	// MaxMessageSize bounds a body, and a whole batch, in bytes: 4 MiB.
	MaxMessageSize int
	// PullMaxMessages and PullMaxBytes bound one pull answer: 32 messages, 256 KiB. One message always fits.
	PullMaxMessages int
	PullMaxBytes    int
	// NoLongPolling answers a pull that finds nothing after ShortPolling (1 s) instead of the time that the client asks for.
	NoLongPolling bool
	ShortPolling  time.Duration
	// MaxHolds bounds the pulls on hold: 100,000. HoldRecheck is how often all of them are looked at again, as the net
	// under a missed arrival: 5 s. HoldWorkers answer pulls that wake up: 4.
	MaxHolds    int
	HoldRecheck time.Duration
	HoldWorkers int
	// DelayLevels are the store's, by which the delays of retry policies are measured; the 18 of RocketMQ if empty.
	DelayLevels []time.Duration
	// Pop says how consumers that pop are served. Who the broker is, its clocks and its logger are filled in.
	Pop popping.Options
	// MaxDeferred bounds the sends that wait for a topic or group that is being made: 10,000.
	MaxDeferred int
	// MaxWaitingBytes bounds the copies of requests that wait for a goroutine, the disk, or a topic being made, of all
	// connections together: 256 MiB. A request passes when nothing else waits.
	MaxWaitingBytes int64
	// MemoryWindow is how far behind the end of the log a queue's first message may lie, in bytes, so that a new group
	// starts there and not at the queue's end, see request 14: 1 GiB.
	MemoryWindow int64
	// ClientExpiry is how long a client counts as connected after its last heartbeat: 120 s.
	ClientExpiry time.Duration

	// DenyTransactions refuses half messages. TransactionTimeout is how long after its storing nobody is asked about one, the same as
	// the store's HalfImmunity (6 s); TransactionInterval the time between two questions (30 s), TransactionChecks the most
	// questions (15), and TransactionMaxAge the age at which one is given up in any case (72 h).
	DenyTransactions                                           bool
	TransactionTimeout, TransactionInterval, TransactionMaxAge time.Duration
	TransactionChecks                                          int32

	// NameServers are the remote NameServers to register at, "host:port".
	NameServers []string
	// RegisterPeriod and RegisterTimeout are the time between two registrations (30 s) and the limit of one (6 s).
	RegisterPeriod  time.Duration
	RegisterTimeout time.Duration
	// CompressedRegister compresses the registration's body. OnChange registers only when the NameServer's version of
	// the topics differs (Apache's forceRegister=false) instead of every time.
	CompressedRegister bool
	OnChange           bool

	// Latencies counts how long requests take, nil if nobody asks; it must be the connections'. MaxSeries bounds the series of each metric by topic and group:
	// 50,000.
	Latencies *latency.Table
	MaxSeries int

	Spans *trace.Recorder // hears of what becomes of messages; nil if nobody traces them
	// LogDir is where the log lies, as runtime information names it; it may be empty.
	LogDir string
	// ChangeConfig changes settings while the broker runs (25), see operate.Options; nil refuses all changes.
	ChangeConfig func(ctx context.Context, pairs []config.Property) error
	// ConfigText is the whole configuration as properties text, for request 26; nil answers an empty one.
	ConfigText func() string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
}

// readsAtOnce is how many pulls may read at the same time, such that the largest answers take no more than MaxWaitingBytes.
func (o *Options) readsAtOnce() int {
	const least, most = 4, 64
	return int(min(max(o.MaxWaitingBytes/int64(max(o.MaxMessageSize, o.PullMaxBytes)), least), most))
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	setDefault(&o.BrokerName, "broker-a")
	setDefault(&o.ClusterName, "DefaultCluster")
	setDefault(&o.Region, "DefaultRegion")
	setDefault(&o.Permission, 6)
	setDefault(&o.DefaultTopicQueueNums, 8)
	setDefault(&o.MaxMessageSize, 4<<20)
	setDefault(&o.PullMaxMessages, 32)
	setDefault(&o.PullMaxBytes, 256<<10)
	setDefault(&o.ShortPolling, time.Second)
	setDefault(&o.MaxHolds, 100_000)
	setDefault(&o.HoldRecheck, 5*time.Second)
	setDefault(&o.HoldWorkers, 4)
	setDefault(&o.MaxDeferred, 10_000)
	setDefault(&o.MaxSeries, 50_000)
	setDefault(&o.MaxAsked, 128)
	if o.Secrets == nil {
		o.Secrets = seal.Memory()
	}
	if len(o.DelayLevels) == 0 {
		o.DelayLevels, _ = message.ParseDelayLevels(message.DefaultDelayLevels) // a constant that can be read
	}
	setDefault(&o.MaxWaitingBytes, 256<<20)
	setDefault(&o.MemoryWindow, 1<<30)
	setDefault(&o.MaxTimerDelay, 10*365*24*time.Hour)
	setDefault(&o.ClientExpiry, 120*time.Second)
	setDefault(&o.TransactionTimeout, 6*time.Second)
	setDefault(&o.TransactionInterval, 30*time.Second)
	setDefault(&o.TransactionMaxAge, 72*time.Hour)
	setDefault(&o.TransactionChecks, 15)
	setDefault(&o.RegisterPeriod, 30*time.Second)
	setDefault(&o.RegisterTimeout, 6*time.Second)
	if o.StoreHost.IsValid() {
		setDefault(&o.Advertise, o.StoreHost.String())
		setDefault(&o.HAAddr, netip.AddrPortFrom(o.StoreHost.Addr(), o.StoreHost.Port()+1).String())
	}
	if o.ConfigText == nil {
		o.ConfigText = func() string { return "" }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) validate() error {
	switch {
	case !o.StoreHost.IsValid():
		return fmt.Errorf("broker: StoreHost is not set: message ids would name no address")
	case checkTopicName(o.BrokerName) != "":
		return fmt.Errorf("broker: BrokerName, and a topic bears the same name: %s", checkTopicName(o.BrokerName))
	case checkTopicName(o.ClusterName) != "":
		return fmt.Errorf("broker: ClusterName, and a topic bears the same name: %s", checkTopicName(o.ClusterName))
	case o.BrokerID < 0:
		return fmt.Errorf("broker: BrokerID is %d, the smallest is 0", o.BrokerID)
	case o.Permission&^6 != 0:
		return fmt.Errorf("broker: Permission is %d, the bits are 4 (read) and 2 (write)", o.Permission)
	case o.DefaultTopicQueueNums < 1:
		return fmt.Errorf("broker: DefaultTopicQueueNums is %d, the smallest is 1", o.DefaultTopicQueueNums)
	case o.MaxMessageSize < 1 || o.MaxMessageSize > 15<<20:
		return fmt.Errorf("broker: MaxMessageSize is %d bytes, it must lie in 1..%d since a frame holds 16 MiB", o.MaxMessageSize, 15<<20)
	}
	return nil
}
