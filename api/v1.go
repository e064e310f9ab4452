package api

import (
	"strings"
	"time"
)

// Failure is the body of every answer of /api/v1 that is not 200.
type Failure struct {
	Error string `json:"error"`
}

// Index is the body of GET /api/v1.
type Index struct {
	Version string     `json:"version"`
	Paths   []PathInfo `json:"paths"`
}

// PathInfo is one line of the [Index].
type PathInfo struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	About  string `json:"about"`
}

func (o Options) index() Index {
	get := func(path, about string) PathInfo { return PathInfo{"GET", path, about} }
	return Index{Version: o.Version, Paths: []PathInfo{
		get("/health", "503 with the reason when the node needs its operator"),
		get("/ready", "503 with the reason when the node does not serve requests"),
		get("/metrics", "metrics for Prometheus"),
		get("/api/v1", "this list"),
		get("/api/v1/node", "version, start, roles, listeners, advertised address"),
		get("/api/v1/settings", "every setting with its value, default and origin"),
		get("/api/v1/store", "bounds and size of the log, what waits in it, disk, retention"),
		get("/api/v1/connections", "who is connected"),
		get("/api/v1/backup", "a consistent copy of the running store as a tar stream, to this machine only"),
	}}
}

// Node is the body of GET /api/v1/node.
type Node struct {
	Version       string     `json:"version"`
	Speaks        string     `json:"speaks"`   // the protocol, "RocketMQ 5.5.0"
	Go            string     `json:"go"`       // of the Go release that built it
	Platform      string     `json:"platform"` // "linux/amd64"
	PID           int        `json:"pid"`
	StartedAt     time.Time  `json:"startedAt"`
	UptimeSeconds int64      `json:"uptimeSeconds"`
	Ready         bool       `json:"ready"`
	Reason        string     `json:"reason"` // why it is not ready, or needs its operator
	Name          string     `json:"name"`   // of the broker
	Cluster       string     `json:"cluster"`
	Roles         []string   `json:"roles"`     // "namesrv", "broker"
	Listeners     []string   `json:"listeners"` // "host:port", all equal
	Advertised    Advertised `json:"advertised"`
	NameServers   []string   `json:"nameServers"` // others at which it registers
}

// Advertised is the address by which others know the node: in message ids and at other NameServers. Guessed tells that
// nobody set it. Rules are the addresses given by --advertise and brokerIP1; clients to whom none applies are told the
// address that they dialled.
type Advertised struct {
	Address string   `json:"address"`
	Guessed bool     `json:"guessed"`
	Rules   []string `json:"rules"`
}

// Setting is one key of a node's configuration.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Origin  string `json:"origin"` // "default", "flags", "environment", a file's name, "set" when it is not known
	Apache  bool   `json:"apache"` // whether Apache RocketMQ has the key
	About   string `json:"about"`
}

// mask stands for a secret's value.
const mask = "***"

// masked hides the values of keys that name a secret.
func (s Setting) masked() Setting {
	name := strings.ToLower(s.Key)
	for _, word := range []string{"password", "secret", "token", "credential", "initauthenticationuser"} {
		if !strings.Contains(name, word) {
			continue
		}
		if s.Value != "" {
			s.Value = mask
		}
		if s.Default != "" {
			s.Default = mask
		}
	}
	return s
}

// Store is the body of GET /api/v1/store. Offsets are positions in the commit log, in bytes.
type Store struct {
	Directory      string    `json:"directory"` // "" in memory
	Memory         bool      `json:"memory"`
	Flush          string    `json:"flush"` // SYNC_FLUSH or ASYNC_FLUSH
	LogStart       int64     `json:"logStart"`
	LogEnd         int64     `json:"logEnd"`
	LogBytes       int64     `json:"logBytes"`
	SyncedOffset   int64     `json:"syncedOffset"` // up to here the log is known to be on disk
	ReplayBytes    int64     `json:"replayBytes"`  // what a restart would read again
	Segments       int       `json:"segments"`
	SegmentBytes   int64     `json:"segmentBytes"`
	Topics         int       `json:"topics"`
	Groups         int       `json:"groups"`
	Queues         int       `json:"queues"`
	PendingDelayed int       `json:"pendingDelayed"` // messages that wait for their time
	Disk           Disk      `json:"disk"`
	Full           string    `json:"full"`     // why sends are refused for want of disk; "" if they are not
	Troubles       []string  `json:"troubles"` // what disk and clock have done to the store since it was opened, a sentence each
	Retention      Retention `json:"retention"`
}

// Disk is the disk that holds the store, in bytes; all 0 where the system does not tell.
type Disk struct {
	Used  uint64 `json:"used"`
	Free  uint64 `json:"free"`
	Total uint64 `json:"total"`
}

// Retention says when old segments go.
type Retention struct {
	AgeSeconds     int64  `json:"ageSeconds"` // after a segment's last message
	DeleteWhen     string `json:"deleteWhen"` // hours of the day
	MaxBytes       int64  `json:"maxBytes"`   // 0 for no bound
	MaxUsedPercent int    `json:"maxUsedPercent"`
	MinFreeBytes   int64  `json:"minFreeBytes"`
}

// Connections is the body of GET /api/v1/connections. A client is counted once for each group in which it is a member.
type Connections struct {
	Open      int64 `json:"open"` // connections of all kinds, this request's among them
	Limit     int   `json:"limit"`
	Producers int   `json:"producers"`
	Consumers int   `json:"consumers"`
	PullsHeld int64 `json:"pullsHeld"` // pulls that wait for a message
}
