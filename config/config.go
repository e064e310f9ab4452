package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Flush modes of the commit log, by Apache's names.
const (
	SyncFlush  = "SYNC_FLUSH"
	AsyncFlush = "ASYNC_FLUSH"
)

// Config is one node's settings. Sizes are bytes.
type Config struct {
	// Data is the store's directory. Memory keeps everything in memory instead.
	Data   string
	Memory bool
	// CommitLogDir is where the commit log's segments lie, "" for Data/commitlog.
	CommitLogDir string
	// Roles is what this node serves: "namesrv" and "broker", or "proxy" alone.
	Roles []string
	// Listen is the list of addresses to listen on, all equal: "host:port", ":port", port 0 for any.
	Listen []string
	// Namesrv is the list of other NameServers to register at, "host:port".
	Namesrv []string
	// Advertise is the list of addresses that clients reach this node by: HOST[:PORT][@CIDR].
	Advertise []string
	// AdminFrom are the addresses and prefixes that administrators may ask from, see [Config.AdminPrefixes].
	AdminFrom []string
	// MemoryLimit is the memory that the node may use, 0 for the limit of its cgroup or machine.
	MemoryLimit int64
	// MaxConnections bounds open connections; MaxPendingBytes bounds messages accepted and not yet on disk.
	MaxConnections  int
	MaxPendingBytes int64

	LogLevel  string
	LogFormat string
	LogFile   string

	BrokerName  string
	ClusterName string
	BrokerID    int64
	BrokerIP1   string
	BrokerIP2   string
	HAPort      int
	// BrokerPermission is a bit set: 4 read, 2 write.
	BrokerPermission int32

	DefaultTopicQueueNums int32
	AutoCreateTopic       bool
	AutoCreateGroup       bool
	TraceTopic            bool
	TraceOn               bool
	RejectTransaction     bool
	TransactionTimeout    time.Duration
	TransactionInterval   time.Duration
	TransactionChecks     int32
	CompressedRegister    bool
	LongPolling           bool
	PropertyFilter        bool
	StoreReplies          bool // storeReplyMessageEnable
	ServerSideReset       bool // useServerSideResetOffset
	LockInStrictMode      bool
	TotalReplicas         int

	Pop     Pop
	TLS     TLS
	Auth    Auth
	Metrics Metrics
	Limits  Limits
	Trace   Trace
	// GrpcMaxConnAge is after how long a gRPC connection is told to reconnect, 0 for never.
	GrpcMaxConnAge time.Duration

	FlushDiskType    string
	SyncFlushTimeout time.Duration
	DirectIO         bool
	SegmentSize      int64
	MaxMessageSize   int
	MaxTransferCount int
	MessageIndex     bool
	DelayLevels      string
	TimerPrecision   time.Duration
	TimerMaxDelay    time.Duration
	MixedMessageType bool
	LightQueues      bool
	MultiDispatch    bool
	MaxLightQueues   int
	TimerWheel       bool
	RecallMessage    bool

	// FileReserved is how long a segment is kept after its last message; DeleteWhen names the hours, "04" or "04;16".
	FileReserved     time.Duration
	DeleteWhen       string
	DiskMaxUsedRatio int
	// MaxStoreSize bounds the commit log's size, 0 for no bound; MinFreeDisk refuses sends below so much free disk.
	MaxStoreSize int64
	MinFreeDisk  int64

	OrderMessage        bool
	SupportActingMaster bool

	// Origins says where values come from, for who asks; see [Origins]. Nothing depends on it.
	Origins map[string]string
}

// Default returns the settings of a node that nobody configured.
func Default() Config {
	return Config{
		Data:                  "aerobee-data",
		Roles:                 []string{"namesrv", "broker"},
		Listen:                []string{":9876", ":10911", ":10909", ":8081"},
		MaxConnections:        20000,
		MaxPendingBytes:       64 << 20,
		LogLevel:              "info",
		LogFormat:             "text",
		BrokerName:            hostName(),
		ClusterName:           "DefaultCluster",
		HAPort:                10912,
		BrokerPermission:      6,
		DefaultTopicQueueNums: 8,
		AutoCreateTopic:       true,
		AutoCreateGroup:       true,
		TraceTopic:            true,
		TraceOn:               true,
		LongPolling:           true,
		PropertyFilter:        true,
		StoreReplies:          true,
		ServerSideReset:       true,
		TotalReplicas:         1,
		TransactionTimeout:    6 * time.Second,
		TransactionInterval:   30 * time.Second,
		TransactionChecks:     15,
		Pop:                   defaultPop(),
		TLS:                   defaultTLS(),
		Metrics:               defaultMetrics(),
		Limits:                defaultLimits(),
		Trace:                 defaultTrace(),
		FlushDiskType:         SyncFlush,
		SyncFlushTimeout:      5 * time.Second,
		DirectIO:              true,
		SegmentSize:           1 << 30,
		MaxMessageSize:        4 << 20,
		MaxTransferCount:      32,
		MessageIndex:          true,
		DelayLevels:           "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
		TimerPrecision:        time.Millisecond,
		TimerMaxDelay:         10 * 365 * 24 * time.Hour,
		TimerWheel:            true,
		LightQueues:           true,
		MultiDispatch:         true,
		MaxLightQueues:        200_000,
		RecallMessage:         true,
		FileReserved:          72 * time.Hour,
		DeleteWhen:            "04",
		DiskMaxUsedRatio:      75,
		MinFreeDisk:           256 << 20,
	}
}

func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "broker-a"
}

// HasRole reports whether the node serves the role.
func (c *Config) HasRole(role string) bool {
	for _, r := range c.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Validate checks what no single key can: combinations, and values that would lose data or split a cluster.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.BrokerID != 0 {
		fail("brokerId=%d makes a replica, and this version runs as a single node: set brokerId=0", c.BrokerID)
	}
	if len(c.Listen) == 0 {
		fail("no address to listen on: give --listen at least once")
	}
	if c.Data == "" && !c.Memory {
		fail("no store directory: give --data DIR or --memory")
	}
	if most := c.SegmentSize / 2; int64(c.MaxMessageSize) > most {
		fail("maxMessageSize=%d does not fit mappedFileSizeCommitLog=%d twice: lower the one or raise the other", c.MaxMessageSize, c.SegmentSize)
	}
	for _, r := range c.Roles {
		if r != "namesrv" && r != "broker" && r != "proxy" {
			fail("role %q is unknown: the roles are namesrv, broker and proxy", r)
		}
	}
	if c.HasRole("proxy") {
		if len(c.Roles) > 1 {
			fail("the role proxy stands alone: a broker serves gRPC clients itself, and another node's proxy has its own ports")
		}
		if len(c.Namesrv) == 0 {
			fail("the role proxy needs the NameServers of the cluster behind it: set namesrvAddr, or give --namesrv HOST:PORT")
		}
	}
	if strings.ContainsAny(c.BrokerName, " \t\n;,") {
		fail("brokerName %q must not contain spaces, commas or semicolons", c.BrokerName)
	}
	if _, err := c.AdminPrefixes(); err != nil {
		fail("%w", err)
	}
	c.TLS.validate(fail)
	c.Auth.validate(fail)
	if c.Auth.Asks() && !c.HasRole("broker") {
		fail("authenticationEnabled, authorizationEnabled and aclEnable need the role broker, whose store has the users: without it nobody would be asked, so set them where the brokers are, and keep strangers from this node's ports otherwise")
	}
	return errors.Join(errs...)
}

// Properties is the settings as properties text, one effective key a line in the order of [Keys], secrets as well. Settings without a value
// are left out.
func (c *Config) Properties() string { return c.properties(false) }

// Told is Properties as GET_BROKER_CONFIG answers them to whoever asks: with *** in the place of secrets.
func (c *Config) Told() string { return c.properties(true) }

func (c *Config) properties(masked bool) string {
	var b strings.Builder
	for _, k := range Keys() {
		if !k.Effective {
			continue
		}
		if v := k.get(c); v != "" {
			if masked && k.Secret {
				v = mask
			}
			b.WriteString(k.Name + "=" + escapeValue(v) + "\n")
		}
	}
	return b.String()
}

func escapeValue(v string) string {
	return strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t").Replace(v)
}
