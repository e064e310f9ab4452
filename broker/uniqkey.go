package broker

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// uniqKeys makes UNIQ_KEY values for messages whose producer sent none, in the format of the Java client: upper-case hex of
//
//	address (4 or 16) | process id int16 | int32 that tells makers on one host apart | ms since the month began int32 | counter int16
type uniqKeys struct {
	head    []byte // the constant part, in hex
	counter atomic.Uint32
	month   atomic.Int64 // first ms of the current month
	next    atomic.Int64 // first ms of the month after
}

func newUniqKeys(addr netip.Addr, salt uint32) *uniqKeys {
	raw := addr.Unmap().AsSlice()
	if len(raw) == 0 {
		raw = []byte{127, 0, 0, 1}
	}
	raw = binary.BigEndian.AppendUint16(raw, uint16(os.Getpid()))
	raw = binary.BigEndian.AppendUint32(raw, salt)
	return &uniqKeys{head: upper(hex.AppendEncode(nil, raw))}
}

func upper(b []byte) []byte {
	for i, c := range b {
		if c >= 'a' && c <= 'f' {
			b[i] = c - 'a' + 'A'
		}
	}
	return b
}

// append appends one key; now is in ms since 1970.
func (u *uniqKeys) append(dst []byte, now int64) []byte {
	if now >= u.next.Load() {
		t := time.UnixMilli(now)
		first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
		u.month.Store(first.UnixMilli())
		u.next.Store(first.AddDate(0, 1, 0).UnixMilli())
	}
	var raw [6]byte
	binary.BigEndian.PutUint32(raw[:], uint32(max(now-u.month.Load(), 0)))
	binary.BigEndian.PutUint16(raw[4:], uint16(u.counter.Add(1)-1))
	dst = append(dst, u.head...)
	at := len(dst)
	dst = hex.AppendEncode(dst, raw[:])
	upper(dst[at:])
	return dst
}
