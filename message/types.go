package message

// LogOffset is a position in the commit log, in bytes from the beginning of its first segment ever.
type LogOffset int64

// QueueOffset is a message's number within its queue, counted from 0.
type QueueOffset int64

// StoreTime is the time at which the broker stored a record, in milliseconds since 1970 UTC. It never decreases within
// one log that this broker wrote; imported logs may be non-monotone.
type StoreTime int64

// QueueID numbers a queue within its topic, from 0.
type QueueID int32

// Queue names one queue of one topic.
type Queue struct {
	Topic string
	ID    QueueID
}

// SysFlag is the record's system flag: a bit set that brokers and clients share.
type SysFlag int32

// The bits of [SysFlag]. Source: facts of the RocketMQ record, confirmed against the 5.5.0 broker.
const (
	FlagCompressed          SysFlag = 0x1
	FlagMultiTags           SysFlag = 0x2
	FlagTransactionPrepared SysFlag = 0x4
	FlagTransactionCommit   SysFlag = 0x8
	FlagTransactionRollback SysFlag = 0xC
	FlagTransactionMask     SysFlag = 0xC
	FlagBornHostV6          SysFlag = 0x10
	FlagStoreHostV6         SysFlag = 0x20
	FlagNeedUnwrap          SysFlag = 0x40
	FlagInnerBatch          SysFlag = 0x80
	FlagCompressionMask     SysFlag = 0x700
	FlagCompressionLZ4      SysFlag = 0x100
	FlagCompressionZstd     SysFlag = 0x200
	FlagCompressionZlib     SysFlag = 0x300
)

// Transaction returns the transaction type bits alone.
func (f SysFlag) Transaction() SysFlag { return f & FlagTransactionMask }

// HashCode is Java's String.hashCode of a UTF-8 text: the 31-polynomial over its UTF-16 units, as a 32-bit integer.
// The tags code of an index entry is this hash, sign-extended.
func HashCode(text []byte) int32 {
	var h uint32
	for i := 0; i < len(text); {
		c := text[i]
		if c < 0x80 {
			h = 31*h + uint32(c)
			i++
			continue
		}
		r, size := decodeRune(text[i:])
		i += size
		if r >= 0x10000 {
			r -= 0x10000
			h = 31*h + uint32(0xD800+(r>>10))
			h = 31*h + uint32(0xDC00+(r&0x3FF))
			continue
		}
		h = 31*h + uint32(r)
	}
	return int32(h)
}

// TagsCode is what the queue index keeps of a message's TAGS property: 0 without tags.
func TagsCode(tags []byte) int64 {
	if len(tags) == 0 {
		return 0
	}
	return int64(HashCode(tags))
}
