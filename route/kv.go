package route

import "maps"

// KV is the NameServer's configuration: values by namespace and key. The zero value is not usable; see [NewKV].
type KV struct {
	table map[string]map[string]string
}

// NewKV returns a configuration that begins with the given table, which may be nil and is copied.
func NewKV(table map[string]map[string]string) *KV {
	kv := &KV{table: map[string]map[string]string{}}
	for namespace, values := range table {
		kv.table[namespace] = maps.Clone(values)
	}
	return kv
}

// Put sets a value.
func (kv *KV) Put(namespace, key, value string) {
	if kv.table[namespace] == nil {
		kv.table[namespace] = map[string]string{}
	}
	kv.table[namespace][key] = value
}

// Get returns a value, false if there is none.
func (kv *KV) Get(namespace, key string) (string, bool) {
	v, ok := kv.table[namespace][key]
	return v, ok
}

// Delete removes a value. The namespace stays, perhaps empty.
func (kv *KV) Delete(namespace, key string) { delete(kv.table[namespace], key) }

// List returns a namespace's values; false if nothing was ever put there.
func (kv *KV) List(namespace string) (map[string]string, bool) {
	values, ok := kv.table[namespace]
	return maps.Clone(values), ok
}

// All returns the whole table.
func (kv *KV) All() map[string]map[string]string { return NewKV(kv.table).table }
