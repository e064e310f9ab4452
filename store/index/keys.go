package index

import (
	"cmp"
	"math/bits"
	"slices"

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
	var room [192]byte // a digest that is fed three pieces takes four times as long
	b := append(append(append(room[:0], topic...), '#'), key...)
	return xxhash.Sum64(b)
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

// keySorter puts key records into the order of the key pages. Hashes are spread evenly, so counting how many fall into each
// of many equal parts of their range leaves one or two in a part: 15 ns a record, where comparing takes 100.
type keySorter struct {
	in, out []keyRecord
	ends    []uint32 // of the parts in out
}

// keysPerPart is how many records the sorter expects in a part of the range.
const keysPerPart = 2

// sort returns the records of in, sorted; they stay valid until the next call. Their hashes lie in the n-th of m equal
// parts of the range. It is fastest when in holds equal hashes newest first.
func (s *keySorter) sort(n, m uint32) []keyRecord {
	parts := uint64(len(s.in)/keysPerPart + 1)
	first, scale := uint64(n)*parts, uint64(m)*parts
	part := func(hash uint64) uint64 {
		hi, _ := bits.Mul64(hash, scale)
		return hi - first
	}
	s.ends = append(s.ends[:0], make([]uint32, parts+1)...)
	for i := range s.in {
		s.ends[part(s.in[i].hash)+1]++
	}
	for i := range parts {
		s.ends[i+1] += s.ends[i]
	}
	s.out = slices.Grow(s.out[:0], len(s.in))[:len(s.in)]
	for i := range s.in {
		at := &s.ends[part(s.in[i].hash)]
		s.out[*at] = s.in[i]
		*at++
	}
	for i, from := uint64(0), uint32(0); i < parts; i++ {
		sortPart(s.out[from:s.ends[i]])
		from = s.ends[i]
	}
	return s.out
}

// sortPart sorts the few records of a part; only keys that many messages share make it larger.
func sortPart(part []keyRecord) {
	if len(part) > 16 {
		slices.SortFunc(part, compareKeys)
		return
	}
	for i := 1; i < len(part); i++ {
		for j := i; j > 0 && compareKeys(part[j], part[j-1]) < 0; j-- {
			part[j], part[j-1] = part[j-1], part[j]
		}
	}
}

// compareKeys is the order of the key pages.
func compareKeys(a, b keyRecord) int {
	switch {
	case a.hash < b.hash:
		return -1
	case a.hash > b.hash:
		return 1
	}
	return cmp.Compare(b.log, a.log)
}
