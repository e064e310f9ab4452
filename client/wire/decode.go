package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
)

const (
	// deliveryOverhead is about what a delivery needs beside its record.
	deliveryOverhead = 512
	idSize           = 32 // of an offset id with an IPv4 address
	idSizeV6         = 56
)

// ErrSkipped is wrapped by the error of a [Decoder.Decode] that left something out.
var ErrSkipped = errors.New("what the broker sent cannot be read")

// Decoder makes deliveries of what a pull brought.
type Decoder struct {
	Queue      Queue
	Namespace  namespace.Namespace // cut off topics
	RetryTopic string              // of the group; "" when there is none
	Tags       []string            // the wanted ones; none: all
	Delta      int64               // added to queue offsets: static topics
	AnyQueue   bool                // records are of several queues of the topic, and say of which
}

// Decode reads the records in body, which must not be changed afterwards: deliveries alias it. Messages whose tag is not wanted are
// left out; the broker has compared hashes only. Records that are damaged but have a length are left out and told in err; behind a
// record without one nothing can be read, and whole is false.
func (d *Decoder) Decode(body []byte) (ds []Delivery, whole bool, err error) {
	ds = make([]Delivery, 0, countRecords(body))
	ids := make([]byte, 0, cap(ds)*idSize)
	for len(body) > 0 {
		r, bad := message.ParseRecord(body)
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("%w: %s, %w", ErrSkipped, d.Queue.String(), bad))
			size, blank, sized := message.PeekSize(body)
			if sized != nil || blank || size > len(body) {
				return ds, false, err
			}
			body = body[size:]
			continue
		}
		body = body[r.Size:]
		if ids = roomForID(ids); r.SysFlag&message.FlagInnerBatch != 0 && r.SysFlag&message.FlagNeedUnwrap != 0 {
			ds, ids = d.unwrap(ds, ids, &r)
			continue
		}
		if !d.wanted(r.Properties) {
			continue
		}
		ds = append(ds, Delivery{})
		ids = d.fill(&ds[len(ds)-1], &r, ids)
	}
	return ds, true, err
}

// countRecords is how many records the body claims to hold.
func countRecords(body []byte) int {
	n := 0
	for len(body) > 0 {
		size, blank, err := message.PeekSize(body)
		if err != nil || blank || size > len(body) {
			break
		}
		n++
		body = body[size:]
	}
	return n
}

// roomForID keeps earlier ids where they are: they are aliased.
func roomForID(ids []byte) []byte {
	if cap(ids)-len(ids) < idSizeV6 {
		return make([]byte, 0, 8*idSizeV6)
	}
	return ids
}

// wanted compares the tag itself.
func (d *Decoder) wanted(p message.Properties) bool {
	if len(d.Tags) == 0 {
		return true
	}
	tag, ok := p.Get(message.PropTags)
	return ok && slices.Contains(d.Tags, text(tag))
}

// unwrap makes a delivery of each wanted message of an inner batch: one record that holds many, each with a tag of its own.
func (d *Decoder) unwrap(ds []Delivery, ids []byte, r *message.Record) ([]Delivery, []byte) {
	outer := Delivery{}
	ids = d.fill(&outer, r, ids)
	if outer.broken != nil {
		return append(ds, outer), ids
	}
	offset := r.QueueOffset
	at := len(ds)
	for u, err := range message.Units(outer.Body) {
		if err != nil {
			outer.broken = err
			return append(ds[:at], outer), ids
		}
		inner := *r
		inner.Body, inner.Properties, inner.Flag = u.Body, u.Properties, u.Flag
		inner.SysFlag &^= message.FlagCompressed | message.FlagInnerBatch | message.FlagNeedUnwrap
		inner.QueueOffset = offset
		offset++
		if !d.wanted(u.Properties) {
			continue
		}
		ids = roomForID(ids)
		ds = append(ds, Delivery{})
		ids = d.fill(&ds[len(ds)-1], &inner, ids)
		ds[len(ds)-1].size = len(u.Body) + len(u.Properties) + deliveryOverhead
	}
	return ds, ids
}

// fill makes a delivery of a record, whose bytes it aliases.
func (d *Decoder) fill(to *Delivery, r *message.Record, ids []byte) []byte {
	to.Topic = d.Queue.Topic
	if text(r.Topic) != to.Topic {
		to.Topic = text(r.Topic)
	}
	to.Body, to.Flag, to.SysFlag = r.Body, r.Flag, r.SysFlag
	to.Queue = d.Queue
	if d.AnyQueue {
		to.Queue.QueueID = int32(r.QueueID)
	}
	to.Offset, to.LogOffset = r.QueueOffset+message.QueueOffset(d.Delta), r.LogOffset
	to.BornAt, to.StoredAt = time.UnixMilli(r.BornTime), time.UnixMilli(int64(r.StoreTime))
	to.BornHost, to.StoreHost = r.BornHost, r.StoreHost
	to.ReconsumeTimes = int(r.ReconsumeTimes)
	to.StoreSize, to.BodyCRC = r.Size, r.BodyCRC
	to.properties = r.Properties
	to.size = r.Size + deliveryOverhead
	at := len(ids)
	ids = message.AppendID(ids, storeHost(r), r.LogOffset)
	to.OffsetID = text(ids[at:])
	to.ID = to.OffsetID
	d.fields(to)
	to.Topic = d.Namespace.Unwrap(to.Topic)
	if r.SysFlag&message.FlagCompressed != 0 {
		to.decompress()
	}
	return ids
}

// decompress replaces a compressed body.
func (d *Delivery) decompress() {
	d.Body, d.broken = compression.Body(d.Body, d.SysFlag)
	d.SysFlag &^= message.FlagCompressed
	d.size += len(d.Body)
}

// storeHost is the record's store host, of the width that the record has.
func storeHost(r *message.Record) netip.AddrPort {
	if r.SysFlag&message.FlagStoreHostV6 == 0 {
		return netip.AddrPortFrom(r.StoreHost.Addr().Unmap(), r.StoreHost.Port())
	}
	return r.StoreHost
}

// fields takes out of the property text what has a field of its own, and what the producer added.
func (d *Decoder) fields(to *Delivery) {
	for name, value := range to.properties.All() {
		switch string(name) {
		case message.PropTags:
			to.Tag = text(value)
		case message.PropKeys:
			to.Keys = strings.Fields(text(value))
		case message.PropUniqueKey:
			to.ID = text(value)
		case message.PropDelay:
			to.DelayLevel, _ = strconv.Atoi(text(value))
		case message.PropTimerDeliverMS:
			if ms, err := strconv.ParseInt(text(value), 10, 64); err == nil {
				to.DeliverAt = time.UnixMilli(ms)
			}
		case message.PropRetryTopic:
			if to.Topic == d.RetryTopic {
				to.Topic = text(value)
			}
		default:
			if IsSystemProperty(text(name)) {
				continue
			}
			if to.Properties == nil {
				to.Properties = make(map[string]string)
			}
			to.Properties[text(name)] = text(value)
		}
	}
}

// IsSystemProperty reports whether RocketMQ keeps a property of that name for itself.
func IsSystemProperty(name string) bool {
	if reserved(name) {
		return true
	}
	switch name {
	case message.PropCluster, message.PropPopCheckpoint, message.PropMultiDispatch, message.PropMultiQueueOffset, message.PropTimerDelaySec,
		message.PropTimerDelayMS, message.PropTimerDeliverMS, message.PropDLQOriginTopic, message.PropDLQOriginID, message.PropInnerNum,
		message.PropInnerBase, message.PropShardingKey,
		"BUYER_ID", "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", "__BORNHOST", "BORN_TIMESTAMP", "1ST_POP_TIME",
		"CONSUME_START_TIME", "TRAN_PREPARED_QUEUE_OFFSET", "__transactionId__", "TRANSACTION_CHECK_TIMES", "EXTEND_UNIQ_INFO",
		"CHECK_IMMUNITY_TIME_IN_SECONDS", "TIMER_OUT_MS", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS", "TIMER_ROLL_TIMES", "TIMER_DEL_UNIQKEY",
		"TIMER_DELAY_LEVEL", "POP_CK_OFFSET", "TRACE_CONTEXT", "DUP_INFO", "CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "ARRIVE_TIME",
		"PUSH_REPLY_TIME", "MSG_TYPE", "REDIRECT", "PROPERTY_FORWARD_QUEUE_ID", "ORIGIN_GROUP":
		return true
	}
	return false
}

// text is b as a string without a copy; b is never written to again.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b)) // #nosec G103 -- see above
}
