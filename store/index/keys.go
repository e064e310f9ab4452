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

// Keys visits the log offsets of records that may carry a key with this hash and that were stored within [from, to],
// newest first, until visit returns false. The caller compares the keys: two may have one hash.
func (ix *Index) Keys(hash uint64, from, to message.StoreTime, visit func(message.LogOffset) bool) error {
	v := ix.acquire()
	defer v.release()
	floor := ix.floorOffset()
	above := func(at message.LogOffset) bool { return at < floor || visit(at) }
	if !v.head.scanKeys(hash, from, to, above) {
		return nil
	}
	for i := len(v.frozen) - 1; i >= 0; i-- {
		if !v.frozen[i].h.scanKeys(hash, from, to, above) {
			return nil
		}
	}
	for i := len(v.live) - 1; i >= 0; i-- {
		more, err := v.live[i].scanKeys(hash, from, to, above)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// scanKeys visits the head's records of a hash, newest first, and returns whether visit wants more.
func (h *head) scanKeys(hash uint64, from, to message.StoreTime, visit func(message.LogOffset) bool) bool {
	chunks := h.keyChunks()
	for i := len(chunks) - 1; i >= 0; i-- {
		c := &chunks[i]
		for j := len(c.rows) - 1; j >= 0; j-- {
			if c.rows[j].hash != hash {
				continue
			}
			if k := c.at(j); k.time >= from && k.time <= to && !visit(k.log) {
				return false
			}
		}
	}
	return true
}
