package topic

import (
	"encoding/binary"
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
//	   1  put: version, name, read queues, write queues, perm, filter type (b), system flag, order (b: 0 or 1),
//	      number of attributes (u), then each attribute's name and value, sorted by name
//	   2  delete: version, name
//	   3  version alone
//	   4  put of a static topic: as 1, then its epoch and scope
//
// The version is the table's version after the change, not a step: all replicas agree on it, and a change that is applied
// twice counts once.
const (
	kindPut     = 1
	kindDelete  = 2
	kindVersion = 3
	kindStatic  = 4
)

// maxRecent bounds how many of the last changes a table can tell apart.
const maxRecent = 1024

// recent is a change of one topic.
type recent struct {
	before Version // of the table
	name   string
}

// Table is the table of all topics. The zero Table is empty and ready.
type Table struct {
	topics  map[string]*Config
	version Version
	recent  []recent // the last changes, oldest first
}

// Get returns a topic's configuration, which must not be changed.
func (t *Table) Get(name string) (*Config, bool) {
	c, ok := t.topics[name]
	return c, ok
}

// GetBytes is Get for a name that lies in a buffer; it allocates nothing.
func (t *Table) GetBytes(name []byte) (*Config, bool) {
	c, ok := t.topics[string(name)]
	return c, ok
}

// Len counts the topics.
func (t *Table) Len() int { return len(t.topics) }

// All returns the configurations sorted by name. Their attributes must not be changed.
func (t *Table) All() []Config {
	all := make([]Config, 0, len(t.topics))
	for _, name := range slices.Sorted(maps.Keys(t.topics)) {
		all = append(all, *t.topics[name])
	}
	return all
}

// Each visits the configurations in no order. They must not be changed.
func (t *Table) Each(visit func(*Config)) {
	for _, c := range t.topics {
		visit(c)
	}
}

// Since returns what has changed since the table had version v: the configurations of topics that were made or changed, which
// must not be changed, and the names of those that are gone. ok is false if that was too long ago to be known.
func (t *Table) Since(v Version) (changed []*Config, gone []string, ok bool) {
	if v == t.version {
		return nil, nil, true
	}
	first := slices.IndexFunc(t.recent, func(c recent) bool { return c.before == v })
	if first < 0 {
		return nil, nil, false
	}
	var names []string
	for _, c := range t.recent[first:] {
		names = append(names, c.name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if c, have := t.topics[name]; have {
			changed = append(changed, c)
		} else {
			gone = append(gone, name)
		}
	}
	return changed, gone, true
}

// remember notes which topic the change to version v is about, "" for none. Versions need not follow one another: two changes that
// were under way at once carry the same counter.
func (t *Table) remember(v Version, name string) {
	switch {
	case v == t.version: // applied twice
		return
	case name == "":
		t.recent = nil
		return
	case len(t.recent) == maxRecent:
		t.recent = append(t.recent[:0], t.recent[maxRecent/2:]...)
	}
	t.recent = append(t.recent, recent{t.version, name})
}

// Version is the table's version.
func (t *Table) Version() Version { return t.version }

// AppendPut appends the change that creates or replaces a topic, with the version that the table has after it.
func AppendPut(dst []byte, c *Config, after Version) []byte {
	kind := byte(kindPut)
	if c.Static != nil {
		kind = kindStatic
	}
	dst = appendVersion(append(dst, kind), after)
	dst = varint.AppendText(dst, c.Name)
	dst = binary.AppendVarint(dst, int64(c.ReadQueues))
	dst = binary.AppendVarint(dst, int64(c.WriteQueues))
	dst = binary.AppendVarint(dst, int64(c.Perm))
	dst = append(dst, byte(c.FilterType))
	dst = binary.AppendVarint(dst, int64(c.SysFlag))
	order := byte(0)
	if c.Order {
		order = 1
	}
	dst = append(dst, order)
	dst = binary.AppendUvarint(dst, uint64(len(c.Attributes)))
	for _, k := range slices.Sorted(maps.Keys(c.Attributes)) {
		dst = varint.AppendText(varint.AppendText(dst, k), c.Attributes[k])
	}
	if c.Static != nil {
		dst = appendStatic(dst, c.Static)
	}
	return dst
}

// AppendDelete appends the change that removes a topic, with the version that the table has after it.
func AppendDelete(dst []byte, name string, after Version) []byte {
	return varint.AppendText(appendVersion(append(dst, kindDelete), after), name)
}

// AppendVersion appends the change that sets the table's version alone: an import, or a new term.
func AppendVersion(dst []byte, v Version) []byte { return appendVersion(append(dst, kindVersion), v) }

func appendVersion(dst []byte, v Version) []byte {
	dst = binary.AppendVarint(dst, v.Counter)
	dst = binary.AppendVarint(dst, v.StateVersion)
	return binary.AppendVarint(dst, v.Timestamp)
}

func readVersion(r *varint.Reader) Version {
	return Version{Counter: r.Int(), StateVersion: r.Int(), Timestamp: r.Int()}
}

func readConfig(r *varint.Reader) *Config {
	c := &Config{
		Name:        string(r.Text()),
		ReadQueues:  r.Int32(),
		WriteQueues: r.Int32(),
		Perm:        Perm(r.Int32()),
		FilterType:  FilterType(r.Byte()),
		SysFlag:     r.Int32(),
		Order:       r.Byte() != 0,
	}
	for n := r.Uint(); n > 0 && r.OK(); n-- {
		if c.Attributes == nil {
			c.Attributes = make(map[string]string)
		}
		k := string(r.Text())
		c.Attributes[k] = string(r.Text())
	}
	return c
}

// Apply carries out one change, found at log offset at, which only errors mention. A change that is applied twice in a
// row counts once. An error means a damaged change or a newer version's; the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	if kind < kindPut || kind > kindStatic {
		return varint.UnknownKind("topic", kind, int64(at))
	}
	v := readVersion(&r)
	var c *Config
	var name string
	switch kind {
	case kindPut, kindStatic:
		c = readConfig(&r)
		name = c.Name
		if kind == kindStatic {
			c.Static = readStatic(&r)
		}
	case kindDelete:
		name = string(r.Text())
	}
	if err := r.End("topic", kind, int64(at)); err != nil {
		return err
	}
	if kind != kindVersion && name == "" {
		return fmt.Errorf("topic change of kind %d at log offset %d has no name", kind, at)
	}
	switch kind {
	case kindPut, kindStatic:
		if t.topics == nil {
			t.topics = make(map[string]*Config)
		}
		t.topics[name] = c
	case kindDelete:
		delete(t.topics, name)
	}
	t.remember(v, name)
	t.version = v
	return nil
}

// Snapshot emits the changes that make an empty table equal to this one, sorted by name. The slice is reused after emit
// returns.
func (t *Table) Snapshot(emit func(change []byte)) {
	var buf []byte
	for _, name := range slices.Sorted(maps.Keys(t.topics)) {
		buf = AppendPut(buf[:0], t.topics[name], t.version)
		emit(buf)
	}
	if len(t.topics) == 0 && t.version != (Version{}) {
		emit(AppendVersion(buf[:0], t.version))
	}
}
