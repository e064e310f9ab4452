package broker

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
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

	// NameServers are the remote NameServers to register at, "host:port".
	NameServers []string
	// RegisterPeriod and RegisterTimeout are the time between two registrations (30 s) and the limit of one (6 s).
	RegisterPeriod  time.Duration
	RegisterTimeout time.Duration
	// CompressedRegister compresses the registration's body. OnChange registers only when the NameServer's version of
	// the topics differs (Apache's forceRegister=false) instead of every time.
	CompressedRegister bool
	OnChange           bool

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
	setDefault(&o.MaxWaitingBytes, 256<<20)
	setDefault(&o.MemoryWindow, 1<<30)
	setDefault(&o.ClientExpiry, 120*time.Second)
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
