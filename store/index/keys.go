package index

import (
	"github.com/cespare/xxhash/v2"

	"github.com/aerobee-mq/aerobee/message"
)

// keyRecord says that a record at a log offset carries a key with this hash.
type keyRecord struct {
	hash uint64
	log  message.LogOffset
	time message.StoreTime
}

// KeyHash is the hash under which a message's key is indexed: xxHash64 of "topic#key". It is part of the block format.
func KeyHash(topic, key []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(topic)
	_, _ = d.Write([]byte{'#'})
	_, _ = d.Write(key)
	return d.Sum64()
}
