package config

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
)

// Key is one setting's row in the table of [Keys].
type Key struct {
	// Name is the key as a properties file spells it: Apache's where Apache has it.
	Name string
	// Doc says in one line what the key does, or why it has no effect here.
	Doc string
	// Unit is what a value is made of: "ms", "bytes", "true or false", the words to choose from; "" for a key without effect.
	Unit string
	// Effective tells whether the key changes anything. One that does not is named in the log when it is set.
	Effective bool
	// Apache tells whether Apache RocketMQ has the key.
	Apache bool
	// Secret tells that the value is nobody's business but the node's: where settings are told or logged, [Config.Told] and others have *** in its place.
	Secret bool

	set func(c *Config, value string) error
	get func(c *Config) string
}

// field reads and writes one setting as text.
type field struct {
	set  func(c *Config, value string) error
	get  func(c *Config) string
	unit string // of [Key]
}

// Keys is the table of all keys, Aerobee's own first, then Apache's in the order of facts: broker, store, NameServer,
// controller, proxy, authentication.
func Keys() []Key {
	var all []Key
	for _, part := range [][]Key{ownKeys(), brokerKeys(), metricsKeys(), traceKeys(), popKeys(), storeKeys(), namesrvKeys(), tlsKeys(), adminKeys(), laterKeys()} {
		all = append(all, part...)
	}
	return all
}

func own(name, doc string, f field) Key {
	return Key{Name: name, Doc: doc, Unit: f.unit, Effective: true, set: f.set, get: f.get}
}

func apache(name, doc string, f field) Key {
	return Key{Name: name, Doc: doc, Unit: f.unit, Effective: true, Apache: true, set: f.set, get: f.get}
}

// mask stands for the value of a secret.
const mask = "***"

func secret(k Key) Key {
	k.Secret = true
	return k
}

func without(name, why string) Key { return Key{Name: name, Doc: why, Apache: true} }

func text(at func(*Config) *string) field {
	return field{
		set: func(c *Config, v string) error {
			*at(c) = strings.TrimSpace(v)
			return nil
		},
		get:  func(c *Config) string { return *at(c) },
		unit: "text",
	}
}

func oneOf(at func(*Config) *string, words ...string) field {
	f := text(at)
	f.unit = strings.Join(words, ", ")
	f.set = func(c *Config, v string) error {
		for _, w := range words {
			if strings.EqualFold(strings.TrimSpace(v), w) {
				*at(c) = w
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", v, strings.Join(words, ", "))
	}
	return f
}

func list(at func(*Config) *[]string) field {
	return field{
		set: func(c *Config, v string) error {
			*at(c) = splitList(v)
			return nil
		},
		get:  func(c *Config) string { return strings.Join(*at(c), ";") },
		unit: "list",
	}
}

func boolean(at func(*Config) *bool) field {
	return field{
		set: func(c *Config, v string) (err error) {
			*at(c), err = parseBool(v)
			return err
		},
		get:  func(c *Config) string { return strconv.FormatBool(*at(c)) },
		unit: "true or false",
	}
}

func number[T int | int32 | int64](at func(*Config) *T, min, max int64) field {
	return field{
		set: func(c *Config, v string) error {
			n, err := parseInt(v, min, max)
			if err == nil {
				*at(c) = T(n)
			}
			return err
		},
		get:  func(c *Config) string { return strconv.FormatInt(int64(*at(c)), 10) },
		unit: "number",
	}
}

func size[T int | int64](at func(*Config) *T, min int64) field {
	f := number(at, 0, 0)
	f.unit = "bytes"
	f.set = func(c *Config, v string) error {
		n, err := ParseSize(v)
		if err == nil && n < min {
			err = fmt.Errorf("%d is out of range: at least %d", n, min)
		}
		if err == nil {
			*at(c) = T(n)
		}
		return err
	}
	return f
}

// span is a duration that Apache writes as a bare number of unit.
func span(at func(*Config) *time.Duration, unit time.Duration) field {
	return field{
		set: func(c *Config, v string) (err error) {
			*at(c), err = parseSpan(v, unit)
			return err
		},
		get:  func(c *Config) string { return strconv.FormatInt(int64(*at(c)/unit), 10) },
		unit: map[time.Duration]string{time.Millisecond: "ms", time.Second: "seconds", time.Hour: "hours"}[unit],
	}
}

func ownKeys() []Key {
	return append([]Key{
		own("data", "directory of the store", text(func(c *Config) *string { return &c.Data })),
		own("memory", "keep everything in memory, nothing on disk", boolean(func(c *Config) *bool { return &c.Memory })),
		own("roles", "what to serve: namesrv, broker; or proxy alone, in front of the brokers at namesrvAddr", list(func(c *Config) *[]string { return &c.Roles })),
		own("listen", "addresses to listen on, all equal", list(func(c *Config) *[]string { return &c.Listen })),
		own("advertise", "addresses that clients reach this node by: HOST[:PORT][@CIDR]; a host name is told as it is", list(func(c *Config) *[]string { return &c.Advertise })),
		own("memoryLimit", "memory that the node may use, 0 for the limit of its cgroup or machine", size(func(c *Config) *int64 { return &c.MemoryLimit }, 0)),
		own("maxConnections", "most open connections", number(func(c *Config) *int { return &c.MaxConnections }, 1, math.MaxInt32)),
		own("maxPendingBytes", "most bytes of messages accepted and not yet on disk", size(func(c *Config) *int64 { return &c.MaxPendingBytes }, 1<<20)),
		own("maxStoreSize", "most bytes of commit log to keep, 0 for no bound", size(func(c *Config) *int64 { return &c.MaxStoreSize }, 0)),
		own("minFreeDisk", "refuse sends below so many bytes of free disk", size(func(c *Config) *int64 { return &c.MinFreeDisk }, 0)),
		own("logLevel", "debug, info, warn or error", oneOf(func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warn", "error")),
		own("logFormat", "text or json", oneOf(func(c *Config) *string { return &c.LogFormat }, "text", "json")),
		own("logFile", "file to write logs to, empty for standard error", text(func(c *Config) *string { return &c.LogFile })),
	}, limitKeys()...)
}

func brokerKeys() []Key {
	return []Key{
		apache("namesrvAddr", "other NameServers to register at", list(func(c *Config) *[]string { return &c.Namesrv })),
		apache("listenPort", "the broker's port; its VIP port is two below", port(10911, setListenPort)),
		apache("brokerIP1", "address that clients reach this node by", text(func(c *Config) *string { return &c.BrokerIP1 })),
		apache("brokerIP2", "address announced for replication", text(func(c *Config) *string { return &c.BrokerIP2 })),
		apache("brokerName", "name of this broker", text(func(c *Config) *string { return &c.BrokerName })),
		apache("brokerClusterName", "name of the cluster", text(func(c *Config) *string { return &c.ClusterName })),
		apache("brokerId", "0 for a master; nothing else runs as a single node", number(func(c *Config) *int64 { return &c.BrokerID }, 0, math.MaxInt64)),
		apache("brokerPermission", "bit set: 4 read, 2 write", number(func(c *Config) *int32 { return &c.BrokerPermission }, 0, 7)),
		apache("brokerRole", "ASYNC_MASTER or SYNC_MASTER; SLAVE is refused on a single node", field{setBrokerRole, func(*Config) string { return "ASYNC_MASTER" }, "ASYNC_MASTER, SYNC_MASTER"}),
		apache("defaultTopicQueueNums", "queues of a topic that is made on first use", number(func(c *Config) *int32 { return &c.DefaultTopicQueueNums }, 1, 65536)),
		apache("autoCreateTopicEnable", "make topics on first use", boolean(func(c *Config) *bool { return &c.AutoCreateTopic })),
		apache("autoCreateSubscriptionGroup", "make consumer groups on first use", boolean(func(c *Config) *bool { return &c.AutoCreateGroup })),
		apache("traceTopicEnable", "have the message trace topic", boolean(func(c *Config) *bool { return &c.TraceTopic })),
		apache("traceOn", "tell clients that tracing is on", boolean(func(c *Config) *bool { return &c.TraceOn })),
		apache("rejectTransactionMessage", "refuse transactional messages", boolean(func(c *Config) *bool { return &c.RejectTransaction })),
		apache("compressedRegister", "compress registrations at other NameServers", boolean(func(c *Config) *bool { return &c.CompressedRegister })),
		apache("longPollingEnable", "hold pulls until a message arrives; else look again each second", boolean(func(c *Config) *bool { return &c.LongPolling })),
		apache("storeReplyMessageEnable", "store the replies to requests, besides handing them to the client that asked", boolean(func(c *Config) *bool { return &c.StoreReplies })),
		apache("useServerSideResetOffset", "reset a group's offsets at the broker; false leaves it to the consumers that are online", boolean(func(c *Config) *bool { return &c.ServerSideReset })),
		apache("lockInStrictMode", "let a client hold a queue's lock when more than half of totalReplicas brokers have given it; with 2 or more, and one broker, nobody does", boolean(func(c *Config) *bool { return &c.LockInStrictMode })),
		apache("enablePropertyFilter", "serve subscriptions by SQL92; RocketMQ does so only when told to", boolean(func(c *Config) *bool { return &c.PropertyFilter })),
		apache("haListenPort", "port announced for replication", number(func(c *Config) *int { return &c.HAPort }, 1, 65535)),
		without("enableSingleTopicRegister", "a changed topic is registered together with all others"),
		without("sendMessageThreadPoolNums", "sends are handled without a thread pool"),
		without("pullMessageThreadPoolNums", "pulls are handled without a thread pool"),
		without("waitTimeMillsInSendQueue", "sends wait for the disk only, bounded by maxPendingBytes"),
		without("enableCalcFilterBitMap", "SQL92 filters are evaluated when messages are read"),
		without("slaveReadEnable", "a single node has no replica"),
		without("enableSlaveActingMaster", "a single node has no replica"),
		without("enableControllerMode", "a single node needs no controller"),
		without("controllerAddr", "a single node needs no controller"),
		apache("recallMessageEnable", "let producers take timer messages back", boolean(func(c *Config) *bool { return &c.RecallMessage })),
		apache("transactionTimeOut", "ms before a producer is asked about its transaction for the first time", span(func(c *Config) *time.Duration { return &c.TransactionTimeout }, time.Millisecond)),
		apache("transactionCheckMax", "how often it is asked before the message goes to TRANS_CHECK_MAX_TIME_TOPIC", number(func(c *Config) *int32 { return &c.TransactionChecks }, 1, math.MaxInt32)),
		apache("transactionCheckInterval", "ms between two questions about a transaction", span(func(c *Config) *time.Duration { return &c.TransactionInterval }, time.Millisecond)),
		without("transactionOpBatchInterval", "the end of a transaction is written at once"),
		without("transactionOpMsgMaxSize", "the end of a transaction is written at once"),
	}
}

func storeKeys() []Key {
	return []Key{
		apache("storePathRootDir", "directory of the store", text(func(c *Config) *string { return &c.Data })),
		apache("storePathCommitLog", "directory of the commit log's segments", text(func(c *Config) *string { return &c.CommitLogDir })),
		apache("mappedFileSizeCommitLog", "size of a commit log segment", size(func(c *Config) *int64 { return &c.SegmentSize }, 64<<10)),
		apache("flushDiskType", "SYNC_FLUSH or ASYNC_FLUSH", oneOf(func(c *Config) *string { return &c.FlushDiskType }, SyncFlush, AsyncFlush)),
		own("directIO", "under SYNC_FLUSH, write and read the log past the page cache; false where consumers minutes behind would have the disk read what memory could hold",
			boolean(func(c *Config) *bool { return &c.DirectIO })),
		apache("syncFlushTimeout", "answer FLUSH_DISK_TIMEOUT when a sync takes longer, ms", span(func(c *Config) *time.Duration { return &c.SyncFlushTimeout }, time.Millisecond)),
		apache("deleteWhen", "hours at which expired segments are deleted", field{setDeleteWhen, func(c *Config) string { return c.DeleteWhen }, "list"}),
		apache("diskMaxUsedSpaceRatio", "delete expired segments at once above so many percent of disk", number(func(c *Config) *int { return &c.DiskMaxUsedRatio }, 10, 95)),
		apache("fileReservedTime", "keep segments so long, hours", span(func(c *Config) *time.Duration { return &c.FileReserved }, time.Hour)),
		apache("maxMessageSize", "largest message body", size(func(c *Config) *int { return &c.MaxMessageSize }, 1)),
		apache("maxTransferCountOnMessageInMemory", "most messages in one pull answer", number(func(c *Config) *int { return &c.MaxTransferCount }, 1, 1024)),
		apache("messageDelayLevel", "the delay levels, level 1 first", text(func(c *Config) *string { return &c.DelayLevels })),
		apache("messageIndexEnable", "index messages by key", boolean(func(c *Config) *bool { return &c.MessageIndex })),
		without("enableConsumeQueueExt", "the queue index has no files of that kind"),
		without("warmMapedFileEnable", "segments are written, not mapped"),
		without("transientStorePoolEnable", "segments are written, not mapped"),
		apache("enableLmq", "let messages name light queues (INNER_MULTI_DISPATCH); on by default, unlike Apache's", boolean(func(c *Config) *bool { return &c.LightQueues })),
		apache("enableMultiDispatch", "the same; both must be true", boolean(func(c *Config) *bool { return &c.MultiDispatch })),
		apache("maxLmqConsumeQueueNum", "how many light queues there may be", number(func(c *Config) *int { return &c.MaxLightQueues }, 1, 10_000_000)),
		without("accessMessageInMemoryMaxRatio", "one limit holds for all reads"),
		without("coldDataFlowControlEnable", "nobody is slowed down for reading old messages; consume.quota.bytes of a group bounds what it reads"),
		without("coldCtrStrategyEnable", "nobody is slowed down for reading old messages; consume.quota.bytes of a group bounds what it reads"),
		without("cgColdReadThreshold", "nobody is slowed down for reading old messages; consume.quota.bytes of a group bounds what it reads"),
		without("globalColdReadThreshold", "nobody is slowed down for reading old messages; consume.quota.bytes of a group bounds what it reads"),
		without("haMasterAddress", "a single node has no replica"),
		without("slaveTimeout", "a single node has no replica"),
		apache("totalReplicas", "how many brokers there are of this name; counts with lockInStrictMode alone, since there is one", number(func(c *Config) *int { return &c.TotalReplicas }, 1, 100)),
		without("inSyncReplicas", "a single node has no replica"),
		apache("timerPrecisionMs", "step to which the times of timer messages are rounded, RocketMQ's default is 1000; lowered, it lets some that wait come up to the former step early", span(func(c *Config) *time.Duration { return &c.TimerPrecision }, time.Millisecond)),
		apache("timerMaxDelaySec", "how far ahead a timer message may be; RocketMQ's default is 259200", span(func(c *Config) *time.Duration { return &c.TimerMaxDelay }, time.Second)),
		apache("enableMixedMessageType", "allow topics of message.type MIXED", boolean(func(c *Config) *bool { return &c.MixedMessageType })),
		apache("timerWheelEnable", "take timer messages", boolean(func(c *Config) *bool { return &c.TimerWheel })),
		without("osPageCacheBusyTimeOutMills", "segments are written, not mapped: there is no page cache lock to wait for"),
	}
}

func namesrvKeys() []Key {
	return []Key{
		apache("orderMessageEnable", "add order configurations to routes", boolean(func(c *Config) *bool { return &c.OrderMessage })),
		apache("supportActingMaster", "let a replica stand in for its master in routes", boolean(func(c *Config) *bool { return &c.SupportActingMaster })),
		without("enableControllerInNamesrv", "a single node needs no controller"),
	}
}

// laterKeys are keys of roles that this version does not have.
func laterKeys() []Key {
	return append(authKeys(), []Key{
		without("controllerDLegerGroup", "a single node needs no controller"),
		without("controllerDLegerPeers", "a single node needs no controller"),
		without("controllerDLegerSelfId", "a single node needs no controller"),
		apache("grpcServerPort", "one more port to listen on", port(8081, movePort(8081))),
		own("grpcMaxConnectionAgeMs", "a gRPC connection is told to reconnect after so many ms, a tenth more or less, so that many spread over several proxies; 0 for never", span(func(c *Config) *time.Duration { return &c.GrpcMaxConnAge }, time.Millisecond)),
		apache("remotingListenPort", "one more port to listen on", port(8080, movePort(8080))),
		without("rocketMQClusterName", "a proxy stands before all brokers that its NameServers know; the cluster's name is brokerClusterName"),
		without("proxyMode", "a broker serves gRPC clients itself; before other brokers stands `aerobee proxy`"),
		without("enableTopicMessageTypeCheck", "gRPC clients are always held to the message type of the topic"),
	}...)
}

func setBrokerRole(_ *Config, v string) error {
	switch strings.ToUpper(strings.TrimSpace(v)) {
	case "ASYNC_MASTER", "SYNC_MASTER":
		return nil
	case "SLAVE":
		return fmt.Errorf("SLAVE needs replication, and this version runs as a single node: set ASYNC_MASTER")
	}
	return fmt.Errorf("%q is not one of ASYNC_MASTER, SYNC_MASTER", v)
}

func setDeleteWhen(c *Config, v string) error {
	for _, hour := range splitList(v) {
		if _, err := parseInt(hour, 0, 23); err != nil {
			return err
		}
	}
	c.DeleteWhen = strings.TrimSpace(v)
	return nil
}

// setListenPort replaces the listener with port 10911 and, as Apache does, its VIP port two below.
func setListenPort(c *Config, v string) error {
	n, err := parseInt(v, 3, 65535)
	if err != nil {
		return err
	}
	c.replacePort(10911, n)
	c.replacePort(10909, n-2)
	return nil
}

// movePort replaces the listener with the port from, or adds one.
func movePort(from int64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := parseInt(v, 1, 65535)
		if err == nil {
			c.replacePort(from, n)
		}
		return err
	}
}

// port is a setting that moves the listener with the given default port. It is read as that port while the listener has
// it, and empty once the addresses were chosen otherwise: `listen` tells them all.
func port(usual int64, set func(*Config, string) error) field {
	return field{unit: "port", set: set, get: func(c *Config) string {
		for _, addr := range c.Listen {
			if _, p, err := net.SplitHostPort(addr); err == nil && p == strconv.FormatInt(usual, 10) {
				return p
			}
		}
		return ""
	}}
}

// replacePort changes the port of the listener that has the port from, or adds a listener.
func (c *Config) replacePort(from, to int64) {
	out := make([]string, 0, len(c.Listen)+1)
	found := false
	for _, addr := range c.Listen {
		host, port, err := net.SplitHostPort(addr)
		if err == nil && port == strconv.FormatInt(from, 10) {
			addr, found = net.JoinHostPort(host, strconv.FormatInt(to, 10)), true
		}
		out = append(out, addr)
	}
	if !found {
		out = append(out, net.JoinHostPort("", strconv.FormatInt(to, 10)))
	}
	c.Listen = out
}
