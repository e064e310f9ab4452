package message

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"
)

// UniqueKeys makes the ids that producers put into UNIQ_KEY, and the broker where a producer did not, in the form of
// Java's clients: upper case hex of
//
//	size  field
//	4|16  the maker's address
//	   2  process id, its low 16 bits
//	   4  a number that tells two makers in one process apart (Java: the class loader's hash)
//	   4  milliseconds since the month began, in local time, its low 32 bits
//	   2  counter
//
// which are 32 characters for IPv4 and 56 for IPv6. It is safe to use at once.
type UniqueKeys struct {
	prefix  []byte
	now     func() time.Time
	counter atomic.Uint32
	month   atomic.Pointer[month] // of the latest id; asking the calendar each time would cost more than the rest
}

// month is from when to when one lasts, in milliseconds.
type month struct{ from, until int64 }

// NewUniqueKeys returns a generator for one process. now decides by its location when a month begins.
func NewUniqueKeys(addr netip.Addr, pid int, maker uint32, now func() time.Time) *UniqueKeys {
	raw := addr.Unmap().AsSlice()
	if raw == nil {
		raw = make([]byte, 4)
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(pid))
	raw = binary.BigEndian.AppendUint32(raw, maker)
	return &UniqueKeys{prefix: appendHex(nil, raw), now: now}
}

// Append appends the next id.
func (u *UniqueKeys) Append(dst []byte) []byte { return u.AppendAt(dst, u.now()) }

// AppendAt appends the next id, of a maker whose clock has just said now.
func (u *UniqueKeys) AppendAt(dst []byte, now time.Time) []byte {
	ms := now.UnixMilli()
	m := u.month.Load()
	if m == nil || ms < m.from || ms >= m.until {
		first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
		m = &month{first.UnixMilli(), first.AddDate(0, 1, 0).UnixMilli()}
		u.month.Store(m)
	}
	var raw [6]byte
	binary.BigEndian.PutUint32(raw[:], uint32(ms-m.from))
	binary.BigEndian.PutUint16(raw[4:], uint16(u.counter.Add(1)-1))
	return appendHex(append(dst, u.prefix...), raw[:])
}

func appendHex(dst, raw []byte) []byte {
	for _, c := range raw {
		dst = append(dst, upperHex[c>>4], upperHex[c&15])
	}
	return dst
}
