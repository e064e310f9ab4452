// Package topic is the projection of the topics: their configurations, the version of the whole table, and the rules
// for topic names and attributes. It is a pure machine: changes in, lookups out; no clock, file, goroutine or lock.
//
// The store owns the one [Table], applies the changes that it reads from the log in log order, and guards it: reads may
// run at once with reads, never with Apply. A [Config] that a table handed out is never changed again and may be kept.
package topic

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/aerobee-mq/aerobee/message"
)

// Perm is a topic's permission bit set.
type Perm int32

// The bits of [Perm]. Source: PermName of RocketMQ 5.
const (
	PermInherit Perm = 1 // new topics may be made after this one
	PermWrite   Perm = 2
	PermRead    Perm = 4
)

// Readable reports whether consumers may read the topic.
func (p Perm) Readable() bool { return p&PermRead != 0 }

// Writable reports whether producers may send to the topic.
func (p Perm) Writable() bool { return p&PermWrite != 0 }

// Inherited reports whether the topic may serve as the template of automatically created ones.
func (p Perm) Inherited() bool { return p&PermInherit != 0 }

// Valid reports whether p has no other bits than the known ones.
func (p Perm) Valid() bool { return p >= 0 && p < 8 }

// String is the permission as the tools print it: "RW-", with X for inherit.
func (p Perm) String() string {
	s := []byte("---")
	if p.Readable() {
		s[0] = 'R'
	}
	if p.Writable() {
		s[1] = 'W'
	}
	if p.Inherited() {
		s[2] = 'X'
	}
	return string(s)
}

// FilterType says how a topic's tags are meant; its JSON form is RocketMQ's name.
type FilterType uint8

// The filter types.
const (
	SingleTag FilterType = 0
	MultiTag  FilterType = 1
)

// String is RocketMQ's name of the filter type.
func (f FilterType) String() string {
	if f == MultiTag {
		return "MULTI_TAG"
	}
	return "SINGLE_TAG"
}

// MarshalText gives RocketMQ's name of the filter type.
func (f FilterType) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads RocketMQ's name of a filter type; any other text is an error.
func (f *FilterType) UnmarshalText(text []byte) error {
	switch string(text) {
	case "SINGLE_TAG":
		*f = SingleTag
	case "MULTI_TAG":
		*f = MultiTag
	default:
		return fmt.Errorf("topicFilterType %q is neither SINGLE_TAG nor MULTI_TAG", text)
	}
	return nil
}

// DefaultQueues is how many queues a topic has whose JSON does not say it.
const DefaultQueues = 16

// Config is one topic's configuration. Its JSON form is that of topics.json and of the remoting bodies, with the members
// in the order in which the Java broker writes them.
type Config struct {
	Attributes  map[string]string `json:"attributes"`
	Order       bool              `json:"order"`
	Perm        Perm              `json:"perm"`
	ReadQueues  int32             `json:"readQueueNums"`
	FilterType  FilterType        `json:"topicFilterType"`
	Name        string            `json:"topicName"`
	SysFlag     int32             `json:"topicSysFlag"`
	WriteQueues int32             `json:"writeQueueNums"`
	Static      *Static           `json:"-"` // nil unless the topic is static; must not be changed
}

// MarshalJSON writes the configuration; missing attributes are an empty object, as Java's are.
func (c Config) MarshalJSON() ([]byte, error) {
	type plain Config
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	return json.Marshal(plain(c))
}

// UnmarshalJSON reads a configuration. Members that are not there get Apache's defaults: 16 queues, readable and
// writable.
func (c *Config) UnmarshalJSON(text []byte) error {
	type plain Config
	p := plain{ReadQueues: DefaultQueues, WriteQueues: DefaultQueues, Perm: PermRead | PermWrite}
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	*c = Config(p)
	return nil
}

// Clone returns a copy that shares nothing with c and may be changed.
func (c *Config) Clone() *Config {
	d := *c
	d.Attributes = maps.Clone(c.Attributes)
	return &d
}

// Equal reports whether two configurations of a topic say the same.
func (c *Config) Equal(d *Config) bool {
	return c.ReadQueues == d.ReadQueues && c.WriteQueues == d.WriteQueues && c.Perm == d.Perm && c.SysFlag == d.SysFlag &&
		c.Order == d.Order && c.FilterType == d.FilterType && maps.Equal(c.Attributes, d.Attributes) && sameStatic(c.Static, d.Static)
}

// Version is the version of the table.
type Version = message.DataVersion
