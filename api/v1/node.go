package v1

import "time"

// Index is the list of what is served.
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

// Node is one node and how it does.
type Node struct {
	Version       string     `json:"version"`
	Speaks        string     `json:"speaks"`   // the protocol, "RocketMQ 5.5.0"
	Go            string     `json:"go"`       // of the Go release that built it
	Platform      string     `json:"platform"` // "linux/amd64"
	PID           int        `json:"pid"`
	Now           time.Time  `json:"now"` // its clock, when it answered
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
	Limits        Limits     `json:"limits"`
}

// Advertised is the address by which others know the node: in message ids and at other NameServers. Guessed tells that
// nobody set it. Rules are the addresses given by --advertise and brokerIP1; clients to whom none applies are told the
// address that they dialled.
type Advertised struct {
	Address string   `json:"address"`
	Guessed bool     `json:"guessed"`
	Rules   []string `json:"rules"`
}

// Limits are the bounds that the system sets to the process; 0 where it does not tell.
type Limits struct {
	OpenFiles    uint64 `json:"openFiles"`    // in use: files, sockets
	MaxOpenFiles uint64 `json:"maxOpenFiles"` // the soft limit
	Connections  int    `json:"connections"`  // the node's own bound of connections
	MemoryBytes  int64  `json:"memoryBytes"`  // the node's own bound of memory
}

// Setting is one key of a node's configuration.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"` // "***" for a secret's
	Default string `json:"default"`
	Origin  string `json:"origin"` // "default", "flags", "environment", a file's name, "set" when it is not known
	Apache  bool   `json:"apache"` // whether Apache RocketMQ has the key
	Live    bool   `json:"live"`   // whether it can be changed while the node runs: PUT /api/v1/brokers/{broker}/settings
	About   string `json:"about"`
}

// Settings is every setting.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// Store is the store of a node. Offsets are positions in the commit log, in bytes.
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

// Connections is who is connected. A client is counted once for each group in which it is a member.
type Connections struct {
	Open      int64 `json:"open"` // connections of all kinds, this request's among them
	Limit     int   `json:"limit"`
	Producers int   `json:"producers"`
	Consumers int   `json:"consumers"`
	PullsHeld int64 `json:"pullsHeld"` // pulls that wait for a message
}

// Clients is a page of the members of groups that are connected to this node.
type Clients struct {
	Clients []Client `json:"clients"`
	Next    string   `json:"next"` // after of the next page, "" behind the last one
}

// Client is one member of one group; who is in several groups is there for each.
type Client struct {
	ClientID string `json:"clientId"`
	Address  string `json:"address"`
	Language string `json:"language"`
	Version  string `json:"version"`
	Group    string `json:"group"`
	Role     string `json:"role"` // producer or consumer
}

// Key is by what clients are listed.
func (c *Client) Key() string { return c.ClientID + " " + c.Role + " " + c.Group + " " + c.Address }

// Brokers is the brokers of the cluster.
type Brokers struct {
	Brokers []Broker `json:"brokers"`
}

// Broker is one broker of the cluster, by the name that its master and its replicas share.
type Broker struct {
	Name    string            `json:"name"`
	Cluster string            `json:"cluster"`
	Addrs   map[string]string `json:"addrs"`   // "host:port" by broker id; "0" is the master
	Runtime map[string]string `json:"runtime"` // what it tells of itself by the names that RocketMQ's tools know; empty in lists
}

// Rates is an event of the live stream: what passed through this node in the interval before it, for each second.
type Rates struct {
	At            time.Time `json:"at"`
	Seconds       float64   `json:"seconds"` // since the event before
	MessagesIn    float64   `json:"messagesIn"`
	MessagesOut   float64   `json:"messagesOut"`
	BytesIn       float64   `json:"bytesIn"`
	BytesOut      float64   `json:"bytesOut"`
	TotalIn       int64     `json:"totalIn"` // messages since the start
	TotalOut      int64     `json:"totalOut"`
	Connections   int64     `json:"connections"`
	LogEnd        int64     `json:"logEnd"`
	Pending       int       `json:"pending"` // messages that wait for their time
	PullsHeld     int64     `json:"pullsHeld"`
	DeadLetters   int64     `json:"deadLetters"` // messages given up since the start
	RefusedSends  int64     `json:"refusedSends"`
	PopsInFlight  int64     `json:"popsInFlight"`
	HalfMessages  int64     `json:"halfMessages"`
	SyncedOffset  int64     `json:"syncedOffset"`
	DiskFreeBytes uint64    `json:"diskFreeBytes"`
}

// Lag is an event of the live stream: how far a group is behind.
type Lag struct {
	At      time.Time `json:"at"`
	Group   string    `json:"group"`
	Members int       `json:"members"`
	Lag     int64     `json:"lag"`   // messages, all topics together
	Error   string    `json:"error"` // why it is not known, "" if it is
}
