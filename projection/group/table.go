package group

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes; a version is counter, state version and timestamp; numbers are zigzag varints unless marked u (unsigned
// varint) or b (one byte); a text is its length (u) and its UTF-8 bytes:
//
//	kind  fields
//	   1  put: version, name, switches (b), retry queues, retry max times, broker id, which broker when slow, system flag,
//	      consume timeout in minutes, rest (text)
//	   2  delete: version, name; takes the group's forbidden bits along
//	   3  version alone
//	   4  forbid: version, group, topic, bits; 0 takes the topic off the group's list
//
// The switches are, from bit 0: consume, from min, broadcast, orderly, notify. The rest is empty or a JSON object of the
// configuration's seldom members: attributes, groupRetryPolicy unless it is the usual one, subscriptionDataSet, and all
// that this version does not know.
//
// The version is the table's version after the change, not a step: all replicas agree on it, and a change that is applied
// twice counts once.
const (
	kindPut     = 1
	kindDelete  = 2
	kindVersion = 3
	kindForbid  = 4
)

// ForbidRead is the forbidden bit that keeps a group from reading a topic.
const ForbidRead int32 = 1 << 2

// Table is the table of all groups. The zero Table is empty and ready.
type Table struct {
	groups    map[string]*Config
	forbidden map[string]map[string]int32
	version   Version
}

// Get returns a group's configuration, which must not be changed.
func (t *Table) Get(name string) (*Config, bool) {
	c, ok := t.groups[name]
	return c, ok
}

// GetBytes is Get for a name that lies in a buffer; it allocates nothing.
func (t *Table) GetBytes(name []byte) (*Config, bool) {
	c, ok := t.groups[string(name)]
	return c, ok
}

// Len counts the groups.
func (t *Table) Len() int { return len(t.groups) }

// All returns the configurations sorted by name. What they refer to must not be changed.
func (t *Table) All() []Config {
	all := make([]Config, 0, len(t.groups))
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		all = append(all, *t.groups[name])
	}
	return all
}

// Forbidden returns the bits that keep the group from doing something with the topic, 0 if nothing does.
func (t *Table) Forbidden(group, topic string) int32 { return t.forbidden[group][topic] }

// AllForbidden returns a copy of all forbidden bits, by group and topic.
func (t *Table) AllForbidden() map[string]map[string]int32 {
	all := make(map[string]map[string]int32, len(t.forbidden))
	for group, topics := range t.forbidden {
		all[group] = maps.Clone(topics)
	}
	return all
}

// Version is the table's version.
func (t *Table) Version() Version { return t.version }

// rest is the JSON tail of a put change.
type rest struct {
	Attributes    map[string]string          `json:"attributes,omitempty"`
	RetryPolicy   *RetryPolicy               `json:"groupRetryPolicy"`
	Subscriptions []Subscription             `json:"subscriptionDataSet,omitempty"`
	Extra         map[string]json.RawMessage `json:"extra,omitempty"`
}

// AppendPut appends the change that creates or replaces a group, with the version that the table has after it. It fails
// when Extra holds something that is not JSON.
func AppendPut(dst []byte, c *Config, after Version) ([]byte, error) {
	var tail []byte
	if len(c.Attributes) > 0 || len(c.Subscriptions) > 0 || len(c.Extra) > 0 || !c.RetryPolicy.isDefault() {
		var err error
		if tail, err = json.Marshal(rest{c.Attributes, c.RetryPolicy, c.Subscriptions, c.Extra}); err != nil {
			return dst, fmt.Errorf("group %q cannot be encoded: %w", c.Name, err)
		}
	}
	dst = appendVersion(append(dst, kindPut), after)
	dst = varint.AppendText(dst, c.Name)
	var switches byte
	for i, on := range [...]bool{c.ConsumeEnable, c.ConsumeFromMinEnable, c.ConsumeBroadcastEnable, c.ConsumeMessageOrderly, c.NotifyConsumerIDsChanged} {
		if on {
			switches |= 1 << i
		}
	}
	dst = append(dst, switches)
	for _, n := range [...]int64{
		int64(c.RetryQueues), int64(c.RetryMaxTimes), c.BrokerID, c.WhichBrokerWhenConsumeSlowly, int64(c.SysFlag), int64(c.ConsumeTimeoutMinute),
	} {
		dst = binary.AppendVarint(dst, n)
	}
	return varint.AppendText(dst, tail), nil
}

// AppendDelete appends the change that removes a group, with the version that the table has after it.
func AppendDelete(dst []byte, name string, after Version) []byte {
	return varint.AppendText(appendVersion(append(dst, kindDelete), after), name)
}

// AppendVersion appends the change that sets the table's version alone: an import, or a new term.
func AppendVersion(dst []byte, v Version) []byte { return appendVersion(append(dst, kindVersion), v) }

// AppendForbid appends the change that sets what the group may not do with the topic; 0 allows everything. (Apache's
// broker forgets all topics of the group when one is allowed again; this one forgets that one.)
func AppendForbid(dst []byte, group, topic string, bits int32, after Version) []byte {
	dst = appendVersion(append(dst, kindForbid), after)
	dst = varint.AppendText(varint.AppendText(dst, group), topic)
	return binary.AppendVarint(dst, int64(bits))
}

func appendVersion(dst []byte, v Version) []byte {
	dst = binary.AppendVarint(dst, v.Counter)
	dst = binary.AppendVarint(dst, v.StateVersion)
	return binary.AppendVarint(dst, v.Timestamp)
}

func readVersion(r *varint.Reader) Version {
	return Version{Counter: r.Int(), StateVersion: r.Int(), Timestamp: r.Int()}
}

// config reads a put change; the tail is JSON yet to be decoded.
func readConfig(r *varint.Reader) (c Config, tail []byte) {
	c = New(string(r.Text()))
	switches := r.Byte()
	for i, on := range [...]*bool{&c.ConsumeEnable, &c.ConsumeFromMinEnable, &c.ConsumeBroadcastEnable, &c.ConsumeMessageOrderly, &c.NotifyConsumerIDsChanged} {
		*on = switches&(1<<i) != 0
	}
	c.RetryQueues, c.RetryMaxTimes = r.Int32(), r.Int32()
	c.BrokerID, c.WhichBrokerWhenConsumeSlowly = r.Int(), r.Int()
	c.SysFlag, c.ConsumeTimeoutMinute = r.Int32(), r.Int32()
	return c, r.Text()
}

func (c *Config) addRest(tail []byte) error {
	if len(tail) == 0 {
		return nil
	}
	var more rest
	if err := json.Unmarshal(tail, &more); err != nil {
		return fmt.Errorf("the configuration of group %q is damaged: %w", c.Name, err)
	}
	c.Attributes, c.RetryPolicy, c.Subscriptions, c.Extra = more.Attributes, more.RetryPolicy, more.Subscriptions, more.Extra
	return nil
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a
// row counts once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	if kind < kindPut || kind > kindForbid {
		return varint.UnknownKind("group", kind, int64(at))
	}
	v := readVersion(&r)
	var c Config
	var tail []byte
	var topic string
	var bits int32
	switch kind {
	case kindPut:
		c, tail = readConfig(&r)
	case kindDelete:
		c.Name = string(r.Text())
	case kindForbid:
		c.Name, topic, bits = string(r.Text()), string(r.Text()), r.Int32()
	}
	if err := r.End("group", kind, int64(at)); err != nil {
		return err
	}
	if kind != kindVersion && c.Name == "" {
		return fmt.Errorf("group change of kind %d at log offset %d has no group name", kind, at)
	}
	if err := c.addRest(tail); err != nil {
		return fmt.Errorf("group change at log offset %d: %w", at, err)
	}
	switch kind {
	case kindPut:
		if t.groups == nil {
			t.groups = make(map[string]*Config)
		}
		t.groups[c.Name] = &c
	case kindDelete:
		delete(t.groups, c.Name)
		delete(t.forbidden, c.Name)
	case kindForbid:
		t.forbid(c.Name, topic, bits)
	}
	t.version = v
	return nil
}

func (t *Table) forbid(group, topic string, bits int32) {
	topics := t.forbidden[group]
	if bits == 0 {
		delete(topics, topic)
		if len(topics) == 0 {
			delete(t.forbidden, group)
		}
		return
	}
	if topics == nil {
		if t.forbidden == nil {
			t.forbidden = make(map[string]map[string]int32)
		}
		topics = make(map[string]int32)
		t.forbidden[group] = topics
	}
	topics[topic] = bits
}

// Snapshot emits the changes that make an empty table equal to this one, sorted by name. The slice is reused after emit
// returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	buf := AppendVersion(nil, t.version)
	emit(buf)
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		var err error
		if buf, err = AppendPut(buf[:0], t.groups[name], t.version); err != nil {
			panic("BUG: a group that was decoded cannot be encoded: " + err.Error())
		}
		emit(buf)
	}
	for _, group := range slices.Sorted(maps.Keys(t.forbidden)) {
		for _, topic := range slices.Sorted(maps.Keys(t.forbidden[group])) {
			buf = AppendForbid(buf[:0], group, topic, t.forbidden[group][topic], t.version)
			emit(buf)
		}
	}
}
