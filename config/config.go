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
	// Roles is what this node serves: "namesrv" and "broker".
	Roles []string
	// Listen is the list of addresses to listen on, all equal: "host:port", ":port", port 0 for any.
	Listen []string
	// Namesrv is the list of other NameServers to register at, "host:port".
	Namesrv []string
	// Advertise is the list of addresses that clients reach this node by: HOST[:PORT][@CIDR].
	Advertise []string
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
	CompressedRegister    bool
	LongPolling           bool
	PropertyFilter        bool

	FlushDiskType    string
	SyncFlushTimeout time.Duration
	DirectIO         bool
	SegmentSize      int64
	MaxMessageSize   int
	MaxTransferCount int
	MessageIndex     bool
	DelayLevels      string

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
		FlushDiskType:         SyncFlush,
		SyncFlushTimeout:      5 * time.Second,
		DirectIO:              true,
		SegmentSize:           1 << 30,
		MaxMessageSize:        4 << 20,
		MaxTransferCount:      32,
		MessageIndex:          true,
		DelayLevels:           "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
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
		if r != "namesrv" && r != "broker" {
			fail("role %q is unknown: the roles are namesrv and broker", r)
		}
	}
	if strings.ContainsAny(c.BrokerName, " \t\n;,") {
		fail("brokerName %q must not contain spaces, commas or semicolons", c.BrokerName)
	}
	return errors.Join(errs...)
}

// Properties is the settings as properties text, one effective key a line in the order of [Keys], as GET_BROKER_CONFIG
// answers them. Settings without a value are left out.
func (c *Config) Properties() string {
	var b strings.Builder
	for _, k := range Keys() {
		if !k.Effective {
			continue
		}
		if v := k.get(c); v != "" {
			b.WriteString(k.Name + "=" + escapeValue(v) + "\n")
		}
	}
	return b.String()
}

func escapeValue(v string) string {
	return strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t").Replace(v)
}
