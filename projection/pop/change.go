package pop

import (
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The changes. A key is group and topic (unsigned varints) and queue (zigzag); offsets are unsigned varints, times are
// zigzag varints in milliseconds, a text is its length as an unsigned varint and its bytes. Offsets stands for the number
// of runs, then for each run the distance from the end of the one before (of the first: from 0) and its length, all
// unsigned varints.
//
//	kind  fields                                                              meaning
//	   1  group, pop time, invisible ms, flags (1: ordered), attempt,         messages are handed out
//	      number of parts, then each part's mark, topic, queue, from,
//	      next - from, offsets that come again, offsets that come first
//	   2  key, pop time, offsets                                              acknowledged
//	   3  key, pop time, offsets                                              acknowledged above the frontier
//	   4  key, offset, pop time, now, invisible ms, flags (1: suspended)      invisible from now on, for so long
//	   5  handle                                                              the message is gone, the entry ends
//	   6  key, offset                                                         what lies below has retired
//	   7  key, offset, now                                                    the group begins anew here
//	   8  key, offset                                                         the group goes on here, if it has not come so far
//	   9  key                                                                 the queue is forgotten
//	  10  group, topic; 0 is any                                              all such queues are forgotten, and the modes
//	                                                                          too if just one of them is 0
//	  11  now                                                                 the clock has gone back
//	  12  key, as of, frontier, since, expired, flags, attempt, number of     a queue, in snapshots
//	      messages in flight, offsets acknowledged above the frontier
//	  13  key, as of, number of entries, then each one's first offset less    its entries, in snapshots
//	      the one's before, bits, pop time, due - pop time, created, count,
//	      flags (1: suspended, 2: rewound)
//	  14  group, topic, flags (1: it pops), share                             how the group reads the topic
//
// The mark of a part is the lease that wrote it; nobody but the process that wrote it looks at it. The number of entries
// is counted in runs; their bits are in the order of the offsets, the lowest first. Pop times and handles of entries are
// zigzag varints, less those of the entry before (of the first: less 0 and as of).
const (
	kindPop     = 1
	kindAck     = 2
	kindAhead   = 3
	kindRenew   = 4
	kindExpire  = 5
	kindRetire  = 6
	kindReset   = 7
	kindAdvance = 8
	kindRemove  = 9
	kindForget  = 10
	kindRewind  = 11
	kindQueue   = 12
	kindEntries = 13
	kindMode    = 14
)

// The flags of queues and pops, and those of renewals and entries.
const (
	flagOrdered   = 1
	flagPop       = 1
	flagSuspended = 1 // this delivery does not count, see Renew
	flagRewound   = 2 // the pop time is older than that of the handle, see AppendRewind
)

// maxPerChange bounds the messages of a pop or an acknowledgement. It is less than the shortest record of a log is long,
// so that the handles of a pop, which count up from its record's log offset, are no other record's.
const maxPerChange = 64

// MaxParts bounds the leases of one pop that is written, so that its record stays small. A change that is read may have more: it was
// written before there was this bound.
const MaxParts = 64

func appendKey(dst []byte, k Key) []byte {
	dst = binary.AppendUvarint(dst, uint64(k.Group))
	dst = binary.AppendUvarint(dst, uint64(k.Topic))
	return binary.AppendVarint(dst, int64(k.Queue))
}

func readKey(r *varint.Reader) Key {
	return Key{Group: r.Uint32(), Topic: r.Uint32(), Queue: message.QueueID(r.Int32())}
}

// runEnd returns the end of the run of neighbours that begins at i.
func runEnd(offs []message.QueueOffset, i int) int {
	end := i + 1
	for end < len(offs) && offs[end] == offs[end-1]+1 && end-i < runLen {
		end++
	}
	return end
}

func appendOffsets(dst []byte, offs []message.QueueOffset) []byte {
	runs := 0
	for i := 0; i < len(offs); i = runEnd(offs, i) {
		runs++
	}
	dst = binary.AppendUvarint(dst, uint64(runs))
	last := message.QueueOffset(0)
	for i := 0; i < len(offs); {
		end := runEnd(offs, i)
		dst = binary.AppendUvarint(dst, uint64(offs[i]-last))
		dst = binary.AppendUvarint(dst, uint64(end-i))
		last = offs[end-1] + 1
		i = end
	}
	return dst
}

// readOffsets appends the offsets of a field to dst, which may hold limit of them.
func readOffsets(r *varint.Reader, dst []message.QueueOffset, limit int) (offs []message.QueueOffset, ok bool) {
	next := uint64(0)
	for n := r.Uint(); n > 0; n-- {
		next += r.Uint()
		length := r.Uint()
		if !r.OK() || next > maxOffset || length == 0 || length > runLen || len(dst)+int(length) > limit {
			return dst, false
		}
		for range length {
			dst = append(dst, message.QueueOffset(next))
			next++
		}
	}
	return dst, r.OK()
}

// maxOffset and maxMillis bound what a change may say, so that no sum overflows.
const (
	maxOffset = 1 << 62
	maxMillis = 1 << 52
)

// AppendPop appends the change that hands messages out: what the leases of one pop, all of one group and one order, came to.
// popTime is the request's, invisible how long the messages are out of others' sight; both are in milliseconds. Offsets are
// sorted and no more than MaxMessages together, and of MaxParts leases at most. A state record may hold one such change only: handles are counted from
// the record's log offset.
func AppendPop(dst []byte, popTime, invisible int64, parts ...Taken) []byte {
	n := 0
	for i := range parts {
		n += len(parts[i].Again) + len(parts[i].Fresh)
	}
	if n > maxPerChange {
		panic(fmt.Sprintf("BUG: a pop of %d messages, the limit is %d", n, maxPerChange))
	}
	if len(parts) > MaxParts {
		panic(fmt.Sprintf("BUG: a pop of %d leases, the limit is %d", len(parts), MaxParts))
	}
	l := parts[0].Lease
	dst = binary.AppendUvarint(append(dst, kindPop), uint64(l.Key.Group))
	dst = binary.AppendVarint(dst, popTime)
	dst = binary.AppendUvarint(dst, uint64(max(0, min(invisible, maxMillis))))
	flags := byte(0)
	if l.ordered {
		flags = flagOrdered
	}
	dst = varint.AppendText(append(dst, flags), l.attempt)
	dst = binary.AppendUvarint(dst, uint64(len(parts)))
	for i := range parts {
		p := &parts[i]
		dst = binary.AppendUvarint(dst, p.Lease.mark)
		dst = binary.AppendUvarint(dst, uint64(p.Lease.Key.Topic))
		dst = binary.AppendVarint(dst, int64(p.Lease.Key.Queue))
		dst = binary.AppendUvarint(dst, uint64(p.Lease.From))
		dst = binary.AppendUvarint(dst, uint64(max(p.Next, p.Lease.From)-p.Lease.From))
		dst = appendOffsets(dst, p.Again)
		dst = appendOffsets(dst, p.Fresh)
	}
	return dst
}

func appendAck(dst []byte, kind byte, k Key, popTime int64, offs []message.QueueOffset) []byte {
	dst = binary.AppendVarint(appendKey(append(dst, kind), k), popTime)
	return appendOffsets(dst, offs)
}

func appendRenew(dst []byte, k Key, off message.QueueOffset, popTime, now, invisible int64, suspend bool) []byte {
	dst = binary.AppendUvarint(appendKey(append(dst, kindRenew), k), uint64(off))
	dst = binary.AppendVarint(dst, popTime)
	dst = binary.AppendVarint(dst, now)
	dst = binary.AppendUvarint(dst, uint64(invisible))
	if suspend {
		return append(dst, flagSuspended)
	}
	return append(dst, 0)
}

// AppendExpire appends the change that ends an entry whose message cannot be re-put, because it retired or is damaged.
func AppendExpire(dst []byte, handle message.LogOffset) []byte {
	return binary.AppendUvarint(append(dst, kindExpire), uint64(handle))
}

// AppendRetire appends the change that says that the queue's messages below the offset are gone: what was not
// acknowledged of them has expired. The store writes it before it deletes a segment, for each queue of
// [Table.Each] whose base lies below.
func AppendRetire(dst []byte, k Key, least message.QueueOffset) []byte {
	return appendTo(append(dst, kindRetire), k, least)
}

// appendTo appends a key and where to, held to what Apply carries out.
func appendTo(dst []byte, k Key, off message.QueueOffset) []byte {
	return binary.AppendUvarint(appendKey(dst, k), uint64(max(0, min(off, maxOffset))))
}

// AppendReset appends the change that lets the group begin anew at the offset: nothing is in flight any more.
func AppendReset(dst []byte, k Key, off message.QueueOffset, nowMillis int64) []byte {
	dst = appendTo(append(dst, kindReset), k, off)
	return binary.AppendVarint(dst, nowMillis)
}

// AppendAdvance appends the change that lets the group go on at the offset if it has not come so far: one of its pulling
// consumers has committed it. What is in flight stays so. It does nothing for a queue that the group has not popped.
func AppendAdvance(dst []byte, k Key, off message.QueueOffset) []byte {
	return appendTo(append(dst, kindAdvance), k, off)
}

// AppendRemove appends the change that forgets one queue.
func AppendRemove(dst []byte, k Key) []byte { return appendKey(append(dst, kindRemove), k) }

// AppendForget appends the change that forgets all queues of the group in the topic, 0 standing for any.
func AppendForget(dst []byte, group, topic uint32) []byte {
	dst = binary.AppendUvarint(append(dst, kindForget), uint64(group))
	return binary.AppendUvarint(dst, uint64(topic))
}

// AppendRewind appends the change that says that the clock has gone back to now: what was handed out or renewed later, by
// the clock of then, stays invisible for as long as was asked for, counted from now.
func AppendRewind(dst []byte, nowMillis int64) []byte {
	return binary.AppendVarint(append(dst, kindRewind), nowMillis)
}

func damaged(kind byte, at message.LogOffset, what string) error {
	return fmt.Errorf("pop change of kind %d at log offset %d is cut short or malformed: %s", kind, at, what)
}
