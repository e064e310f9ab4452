// Package manage holds the headers and bodies of requests by which brokers are administered and asked what they keep: lists of topics and
// groups that are made or deleted at once, tables of offsets and modes, entries of queues, connected producers. The names are those of RocketMQ
// 5.5. Everything here is safe to call at once.
package manage

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aerobee-mq/aerobee/protocol"
)

// appendMap appends a map sorted by key: whole numbers without quotes, as fastjson writes them, texts with.
func appendMap[K int32 | string, V any](dst []byte, m map[K]V, value func([]byte, V) []byte) []byte {
	dst = append(dst, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch k := any(k).(type) {
		case int32:
			dst = strconv.AppendInt(dst, int64(k), 10)
		case string:
			dst = append(dst, protocol.MarshalBody(k)...)
		}
		dst = value(append(dst, ':'), m[k])
	}
	return append(dst, '}')
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// decodeEach decodes a list member by member into copies of one with the defaults.
func decodeEach[T any](list []json.RawMessage, fresh func() T) ([]T, error) {
	out := make([]T, len(list))
	for i := range list {
		out[i] = fresh()
		if err := json.Unmarshal(list[i], &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
