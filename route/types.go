package route

import (
	"errors"
	"time"
)

// MasterID is the broker id of a group's master.
const MasterID int64 = 0

const permRead, permWrite = 4, 2

// ErrNotRegistered refuses the first registration of a broker that carries exactly one topic: it is taken for the update of a
// single topic, which must come after a whole table.
var ErrNotRegistered = errors.New("a broker's first registration carries one topic, which is taken for an update; at least 2 are wanted")

// ErrLocal refuses a registration, unregistration or topic that would take the place of the broker of this process: it speaks for itself.
var ErrLocal = errors.New("the broker of this process holds this name, id or address; another broker needs its own")

// Version orders the states of a broker's topic table.
type Version struct {
	Counter      int64
	StateVersion int64
	Timestamp    int64 // milliseconds
}

// Topic is a topic as its broker registers it.
type Topic struct {
	Name        string
	ReadQueues  int32
	WriteQueues int32
	Perm        int32 // the topic's and the broker's together
	SysFlag     int32
}

// Mapping is the part of a static topic that lies on one broker.
type Mapping struct {
	BrokerName  string
	CurrIDMap   map[int32]int32 // logical to physical queue
	Dirty       bool
	Epoch       int64
	Scope       string
	Topic       string
	TotalQueues int32
}

// Registration is what a broker says of itself.
type Registration struct {
	Cluster       string
	Broker        string // the group's name
	ID            int64
	Addr          string // host:port
	HAAddr        string
	Zone          string
	Timeout       time.Duration // silence after which it is taken for dead; 0 is [Options].Timeout
	Legacy        bool          // a broker before 5.0: it cannot stand in for a master
	ActingMaster  bool
	Version       Version
	Topics        []Topic
	Complete      bool     // topics of this broker that are not in Topics are dropped
	Gone          []string // topics of this broker that are dropped
	Mappings      map[string]Mapping
	FilterServers []string
	Conn          any  // the connection it came by, compared with ==; its end unregisters the broker
	Local         bool // a broker of this process: it never expires
}

// Broker is a broker group of a route.
type Broker struct {
	Addrs        map[int64]string // host:port by broker id
	Name         string
	Cluster      string
	ActingMaster bool
	Zone         string
}

// Queue is the part of a topic that lies on one broker group.
type Queue struct {
	Broker      string
	Perm        int32
	ReadQueues  int32
	SysFlag     int32
	WriteQueues int32
}

// Route is where a topic lies; brokers and queues are sorted by broker name.
type Route struct {
	Brokers       []Broker
	FilterServers map[string][]string // by broker address
	Queues        []Queue
	Mappings      map[string]Mapping // nil without a static topic
}

// Options are the table's settings, named as Apache's NameServer names them.
type Options struct {
	Timeout                           time.Duration // of brokers that give none; default 120 s
	SupportActingMaster               bool          // the smallest slave stands in for a missing master
	DeleteTopicWithBrokerRegistration bool          // every registration is complete
	MaxRows                           int           // of topics by broker, brokers and static topics, this process's broker aside; default 1,048,576
}

// ErrFull is wrapped by the refusal of a registration for which the table has no room.
var ErrFull = errors.New("the table of routes is full")

// maxRows is the default of [Options].MaxRows.
const maxRows = 1 << 20

// maxFilterServers bounds the addresses of filter servers that a broker registers.
const maxFilterServers = 1024

// maxText and maxMapped bound what stands in one row of the table, in bytes and in queues: rows are counted, not bytes. A mapping counts as one row more for each
// mappedInRow of its queues.
const (
	maxText     = 1024
	maxMapped   = 4096
	mappedInRow = 16
)

// DefaultTimeout is how long a broker may be silent that gives no time of its own.
const DefaultTimeout = 120 * time.Second
