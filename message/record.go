package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"unicode/utf8"
)

// The record, all integers big endian:
//
//	offset  size  field
//	     0     4  total size, this field included
//	     4     4  magic: MagicV1 (1-byte topic length) or MagicV2 (2-byte topic length)
//	     8     4  CRC-32 of the body, sign bit cleared
//	    12     4  queue id
//	    16     4  user flag
//	    20     8  queue offset
//	    28     8  log offset of this record
//	    36     4  system flag
//	    40     8  born time, ms
//	    48  8|20  born host: IPv4 or IPv6 address, then the port as int32
//	     +     8  store time, ms
//	     +  8|20  store host
//	     +     4  reconsume times
//	     +     8  prepared transaction offset (Aerobee: the log offset of the pending entry that this record completes)
//	     +   4+n  body length and body
//	     + 1|2+n  topic length and topic
//	     +   2+n  properties length and properties
//
// The properties end with Apache's optional property CRC, see [Seal].
const (
	MagicV1    uint32 = 0xDAA320A7
	MagicV2    uint32 = 0xDAA320AB
	MagicBlank uint32 = 0xCBD43194

	offMagic       = 4
	offBodyCRC     = 8
	offQueueID     = 12
	offQueueOffset = 20
	offLogOffset   = 28
	offSysFlag     = 36
	offBornTime    = 40
	offBornHost    = 48

	// BlankSize is the room that a segment's end marker needs: int32 rest of the segment, int32 MagicBlank.
	BlankSize = 8
	// MinRecordSize is the size of a record with IPv4 hosts and neither topic, body nor properties.
	MinRecordSize = 91
	// MaxPropertiesSize is the largest properties field that the format can carry, the property CRC included.
	MaxPropertiesSize = 32767
	// MaxTopicSize is the longest topic that a version 1 record can carry; longer ones make version 2 records.
	MaxTopicSize = 127

	crcName     = "__CRC32#"
	propCRCSize = len(crcName) + 1 + 10 + 1
)

// What can be wrong with a record's bytes. Decoding errors wrap one of these and add the numbers.
var (
	ErrShort   = errors.New("record is cut short")
	ErrMagic   = errors.New("record has an unknown magic")
	ErrSize    = errors.New("record size does not match its fields")
	ErrBodyCRC = errors.New("record body fails its CRC")
	ErrPropCRC = errors.New("record fails its property CRC")
	ErrTooBig  = errors.New("record exceeds a limit of its format")
)

// ErrWouldWait ends a read of records, or of what is known of them, that must not wait for the disk and would have to.
var ErrWouldWait = errors.New("it is not in memory")

// Record is one decoded record. Its slices alias the decoded bytes. When a record is encoded, LogOffset, QueueOffset,
// StoreTime, the body CRC and the property CRC are stamped later by [Seal], and the size, magic and host bits of SysFlag
// are worked out from the other fields.
type Record struct {
	Size           int
	BodyCRC        uint32
	QueueID        QueueID
	Flag           int32
	QueueOffset    QueueOffset
	LogOffset      LogOffset
	SysFlag        SysFlag
	BornTime       int64
	BornHost       netip.AddrPort
	StoreTime      StoreTime
	StoreHost      netip.AddrPort
	ReconsumeTimes int32
	// PreparedOffset is the record's field 14: the log offset of the pending entry that this record completes, 0 if none.
	PreparedOffset LogOffset
	Body           []byte
	Topic          []byte
	Properties     Properties
	// Note is not encoded: it goes beside the record to who is told that the log has taken it.
	Note Note
}

// Note is what is indexed of a record, worked out while its bytes were at hand. The zero value says nothing.
type Note struct {
	Known    bool
	Keys     uint8     // how many hashes there are
	Hashes   [2]uint64 // of its keys, see the store's index
	TagsCode int64
}

// CRC is the checksum of record bodies and properties: CRC-32 (IEEE) with the sign bit cleared, as Java keeps it in an int.
func CRC(b []byte) uint32 { return crc32.ChecksumIEEE(b) & 0x7FFFFFFF }

// Tags returns the TAGS property, nil if there is none.
func (r *Record) Tags() []byte {
	v, _ := r.Properties.Get(PropTags)
	return v
}

func hostSize(a netip.Addr) int {
	if a.Is4() || a.Is4In6() || !a.IsValid() {
		return 8
	}
	return 20
}

// EncodedSize is the number of bytes that [AppendRecord] will append.
func EncodedSize(r *Record) int {
	topicLen := 1
	if len(r.Topic) > MaxTopicSize {
		topicLen = 2
	}
	return 48 + hostSize(r.BornHost.Addr()) + 8 + hostSize(r.StoreHost.Addr()) + 4 + 8 +
		4 + len(r.Body) + topicLen + len(r.Topic) + 2 + propertiesRoom(r.Properties)
}

func propertiesRoom(p Properties) int {
	n := len(p) + propCRCSize
	if len(p) > 0 && p[len(p)-1] != propEnd {
		n++
	}
	return n
}

// CheckLimits reports whether the record can be encoded at all; the error wraps [ErrTooBig] and names the limit.
func CheckLimits(r *Record) error {
	if n := propertiesRoom(r.Properties); n > MaxPropertiesSize {
		return fmt.Errorf("%w: properties are %d bytes with their CRC, the limit is %d", ErrTooBig, n, MaxPropertiesSize)
	}
	if len(r.Topic) > 32767 {
		return fmt.Errorf("%w: topic is %d bytes, the limit is 32767", ErrTooBig, len(r.Topic))
	}
	return nil
}

// AppendRecord appends the record's bytes to dst, with the body CRC in place and room for what [Seal] stamps. The
// properties must not carry a property CRC of their own.
func AppendRecord(dst []byte, r *Record) []byte {
	size := EncodedSize(r)
	magic := MagicV1
	if len(r.Topic) > MaxTopicSize {
		magic = MagicV2
	}
	flag := r.SysFlag &^ (FlagBornHostV6 | FlagStoreHostV6)
	if hostSize(r.BornHost.Addr()) == 20 {
		flag |= FlagBornHostV6
	}
	if hostSize(r.StoreHost.Addr()) == 20 {
		flag |= FlagStoreHostV6
	}
	be := binary.BigEndian
	dst = be.AppendUint32(dst, uint32(size))
	dst = be.AppendUint32(dst, magic)
	dst = be.AppendUint32(dst, CRC(r.Body))
	dst = be.AppendUint32(dst, uint32(r.QueueID))
	dst = be.AppendUint32(dst, uint32(r.Flag))
	dst = be.AppendUint64(dst, uint64(r.QueueOffset))
	dst = be.AppendUint64(dst, uint64(r.LogOffset))
	dst = be.AppendUint32(dst, uint32(flag))
	dst = be.AppendUint64(dst, uint64(r.BornTime))
	dst = appendHost(dst, r.BornHost)
	dst = be.AppendUint64(dst, uint64(r.StoreTime))
	dst = appendHost(dst, r.StoreHost)
	dst = be.AppendUint32(dst, uint32(r.ReconsumeTimes))
	dst = be.AppendUint64(dst, uint64(r.PreparedOffset))
	dst = be.AppendUint32(dst, uint32(len(r.Body)))
	dst = append(dst, r.Body...)
	if magic == MagicV2 {
		dst = be.AppendUint16(dst, uint16(len(r.Topic)))
	} else {
		dst = append(dst, byte(len(r.Topic)))
	}
	dst = append(dst, r.Topic...)
	dst = be.AppendUint16(dst, uint16(propertiesRoom(r.Properties)))
	dst = append(dst, r.Properties...)
	if n := len(r.Properties); n > 0 && r.Properties[n-1] != propEnd {
		dst = append(dst, propEnd)
	}
	dst = append(dst, crcName...)
	dst = append(dst, propMiddle)
	dst = append(dst, "0000000000"...)
	return append(dst, propEnd)
}

func appendHost(dst []byte, h netip.AddrPort) []byte {
	if hostSize(h.Addr()) == 20 {
		a := h.Addr().As16()
		dst = append(dst, a[:]...)
	} else {
		var a [4]byte
		if h.Addr().IsValid() {
			a = h.Addr().Unmap().As4()
		}
		dst = append(dst, a[:]...)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(h.Port()))
}

// Seal stamps an encoded record with what only the log knows — its log offset, queue offset and store time — and then
// with the property CRC, which covers all of them. The CRC is Apache's own: the properties' last 20 bytes are
// "__CRC32#", 0x01, ten decimal digits with the least significant first, 0x02; it covers the record without these bytes.
func Seal(rec []byte, at LogOffset, q QueueOffset, t StoreTime) {
	be := binary.BigEndian
	be.PutUint64(rec[offQueueOffset:], uint64(q))
	be.PutUint64(rec[offLogOffset:], uint64(at))
	be.PutUint64(rec[storeTimeAt(rec):], uint64(t))
	covered := rec[:len(rec)-propCRCSize]
	putDigits(rec[len(covered)+len(crcName)+1:], CRC(covered))
}

// StampedOffsets returns the queue offset and log offset fields of an encoded record.
func StampedOffsets(rec []byte) (LogOffset, QueueOffset) {
	be := binary.BigEndian
	return LogOffset(be.Uint64(rec[offLogOffset:])), QueueOffset(be.Uint64(rec[offQueueOffset:]))
}

func storeTimeAt(rec []byte) int {
	if SysFlag(binary.BigEndian.Uint32(rec[offSysFlag:]))&FlagBornHostV6 != 0 {
		return offBornHost + 20
	}
	return offBornHost + 8
}

func putDigits(dst []byte, v uint32) {
	for i := range 10 {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// PeekSize reads the size and magic at the beginning of b. It reports [ErrShort] when b is shorter than that and
// [ErrMagic] for anything but a record or a blank; a blank's size is the rest of its segment.
func PeekSize(b []byte) (size int, blank bool, err error) {
	if len(b) < BlankSize {
		return 0, false, fmt.Errorf("%w: %d bytes, a record's head has %d", ErrShort, len(b), BlankSize)
	}
	size = int(int32(binary.BigEndian.Uint32(b)))
	switch magic := binary.BigEndian.Uint32(b[offMagic:]); magic {
	case MagicBlank:
		return size, true, nil
	case MagicV1, MagicV2:
		if size < MinRecordSize {
			return size, false, fmt.Errorf("%w: total size %d, the smallest record has %d", ErrSize, size, MinRecordSize)
		}
		return size, false, nil
	default:
		return size, false, fmt.Errorf("%w: 0x%08X", ErrMagic, magic)
	}
}

// AppendBlank appends a segment's end marker for a rest of n bytes.
func AppendBlank(dst []byte, n int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	return binary.BigEndian.AppendUint32(dst, MagicBlank)
}

// ParseRecord decodes the record at the beginning of b without copying. It checks every length against the total size,
// but no CRC: [Check] does that. b may be longer than the record.
func ParseRecord(b []byte) (Record, error) {
	var r Record
	size, blank, err := PeekSize(b)
	if err != nil {
		return r, err
	}
	if blank {
		return r, fmt.Errorf("%w: a blank, not a record", ErrMagic)
	}
	if size > len(b) {
		return r, fmt.Errorf("%w: %d bytes of %d", ErrShort, len(b), size)
	}
	be := binary.BigEndian
	magic := be.Uint32(b[offMagic:])
	r.Size = size
	r.BodyCRC = be.Uint32(b[offMagic+4:])
	r.QueueID = QueueID(be.Uint32(b[offMagic+8:]))
	r.Flag = int32(be.Uint32(b[offMagic+12:]))
	r.QueueOffset = QueueOffset(be.Uint64(b[offQueueOffset:]))
	r.LogOffset = LogOffset(be.Uint64(b[offLogOffset:]))
	r.SysFlag = SysFlag(be.Uint32(b[offSysFlag:]))
	r.BornTime = int64(be.Uint64(b[offSysFlag+4:]))
	c := cursor{b: b[:size], at: offBornHost}
	r.BornHost = c.host(r.SysFlag&FlagBornHostV6 != 0)
	r.StoreTime = StoreTime(c.u64())
	r.StoreHost = c.host(r.SysFlag&FlagStoreHostV6 != 0)
	r.ReconsumeTimes = int32(c.u32())
	r.PreparedOffset = LogOffset(c.u64())
	r.Body = c.take(int(int32(c.u32())))
	if magic == MagicV2 {
		r.Topic = c.take(int(c.u16()))
	} else {
		r.Topic = c.take(int(c.u8()))
	}
	r.Properties = Properties(c.take(int(c.u16())))
	if c.bad || c.at != size {
		return r, fmt.Errorf("%w: fields end at %d, total size is %d", ErrSize, c.at, size)
	}
	return r, nil
}

// Check verifies a record's body CRC and, where it carries one, its property CRC.
func Check(rec []byte) error {
	_, err := ParseChecked(rec)
	return err
}

// ParseChecked is [ParseRecord] and [Check] in one.
func ParseChecked(b []byte) (Record, error) {
	r, err := ParseRecord(b)
	if err != nil {
		return r, err
	}
	return r, r.check(b[:r.Size])
}

// CheckStored says whether a record that was read from the place at is what was stored there, whole. A property CRC covers all that
// stands before it, so where there is one nothing else need be looked at. mustHave says that all records there have one, as ours do.
func CheckStored(rec []byte, at LogOffset, mustHave bool) error {
	var r Record
	var err error
	switch {
	case len(rec) >= MinRecordSize && HasPropCRC(rec):
		r.Size, r.LogOffset = int(int32(binary.BigEndian.Uint32(rec))), LogOffset(binary.BigEndian.Uint64(rec[offLogOffset:]))
		err = checkProp(rec)
	case mustHave:
		err = fmt.Errorf("%w: there is none", ErrPropCRC)
	default:
		r, err = ParseChecked(rec)
	}
	switch {
	case err != nil:
		return err
	case r.Size != len(rec):
		return fmt.Errorf("%w: it says %d bytes, %d were stored", ErrSize, r.Size, len(rec))
	case r.LogOffset != at:
		return fmt.Errorf("%w: it says that it lies at %d", ErrSize, r.LogOffset)
	}
	return nil
}

func (r *Record) check(rec []byte) error {
	if got := CRC(r.Body); got != r.BodyCRC&0x7FFFFFFF {
		return fmt.Errorf("%w: stored %08X, computed %08X", ErrBodyCRC, r.BodyCRC, got)
	}
	if !HasPropCRC(rec) {
		return nil
	}
	return checkProp(rec)
}

// checkProp verifies the property CRC, which rec ends with.
func checkProp(rec []byte) error {
	covered := rec[:len(rec)-propCRCSize]
	var want [10]byte
	putDigits(want[:], CRC(covered))
	if got := rec[len(covered)+len(crcName)+1:][:10]; string(got) != string(want[:]) {
		return fmt.Errorf("%w: stored %s, computed %s", ErrPropCRC, got, string(want[:]))
	}
	return nil
}

// HasPropCRC reports whether an encoded record ends with a property CRC. Apache's do so only on request, ours always.
func HasPropCRC(rec []byte) bool {
	n := len(rec) - propCRCSize
	return n > MinRecordSize-2 && string(rec[n:n+len(crcName)]) == crcName && rec[n+len(crcName)] == propMiddle && rec[len(rec)-1] == propEnd
}

// cursor reads fields one after the other and remembers whether any read went past the end.
type cursor struct {
	b   []byte
	at  int
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b)-c.at {
		c.bad = true
		return nil
	}
	s := c.b[c.at : c.at+n : c.at+n]
	c.at += n
	return s
}

func (c *cursor) u8() byte {
	if s := c.take(1); s != nil {
		return s[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if s := c.take(2); s != nil {
		return binary.BigEndian.Uint16(s)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if s := c.take(4); s != nil {
		return binary.BigEndian.Uint32(s)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if s := c.take(8); s != nil {
		return binary.BigEndian.Uint64(s)
	}
	return 0
}

func (c *cursor) host(v6 bool) netip.AddrPort {
	if !v6 {
		s := c.take(8)
		if s == nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s)), uint16(binary.BigEndian.Uint32(s[4:])))
	}
	s := c.take(20)
	if s == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s)), uint16(binary.BigEndian.Uint32(s[16:])))
}

func decodeRune(b []byte) (rune, int) { return utf8.DecodeRune(b) }
