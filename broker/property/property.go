// Package property is the pass over the properties of a message that a client sends: what of them is stored, and what they ask of the
// broker. Package broker calls it for each message. It allocates nothing; a [Found] is one goroutine's at a time.
package property

import (
	"bytes"
	"strconv"

	"github.com/aerobee-mq/aerobee/message"
)

// Priority is the property that holds a message's priority. Source: MessageConst of RocketMQ 5, as for those below.
const Priority = "_SYS_MSG_PRIORITY_"

// LiteTopic is the property that names a message's lite topic.
const LiteTopic = "__LITE_TOPIC"

const (
	propMiddle = 0x01
	propEnd    = 0x02
)

// Found is what one pass over a message's properties finds. It is reused from message to message; the pass allocates
// nothing. What goes into the record is appended to a buffer of the caller, see [Found.Scan].
type Found struct {
	Delay    int // DELAY level, 0 if absent
	Level    int // of the priority, -1 if absent
	BadDelay bool
	BadText  string // the beginning of a DELAY that is no number
	HasKeys  bool
	Timed    bool // it has one of the three properties of timer messages
	Deletes  bool // it has TIMER_DEL_UNIQKEY: it takes others back
	InnerNum bool
	Lights   bool // it names light queues, or a lite topic
	Lite     bool // it names a lite topic
	Special  bool // timed, delayed or ordered by key: a priority does not count then
	Keyed    bool // ordered by key: it has __SHARDINGKEY

	uniqFrom, uniqTo int // UNIQ_KEY's value within the buffer, empty when the message has none
	transaction      bool
	timerOut         bool
	times            [3]timerText // of TIMER_DELAY_SEC, TIMER_DELAY_MS and TIMER_DELIVER_MS: the first one there counts
}

// UniqueKey is the value of UNIQ_KEY in what the pass has stored, empty when the message has none.
func (p *Found) UniqueKey(stored []byte) []byte { return stored[p.uniqFrom:p.uniqTo] }

// Identify appends a UNIQ_KEY of the broker's own to the properties of a message without one.
func (p *Found) Identify(stored []byte, keys *message.UniqueKeys) []byte {
	if p.uniqFrom != p.uniqTo {
		return stored
	}
	stored = append(append(stored, message.PropUniqueKey...), propMiddle)
	p.uniqFrom = len(stored)
	stored = keys.Append(stored)
	p.uniqTo = len(stored)
	return append(stored, propEnd)
}

// Scan appends to dst the properties of one message that are stored: all but those that only concern the way here (WAIT,
// transient ones, a forged POP_CK), those that the broker writes itself (CLUSTER, MSG_REGION, TRACE_ON, the offsets in light queues, the property CRC)
// and an empty UNIQ_KEY. It notes on the way what the send path must know.
func (p *Found) Scan(dst, properties []byte) []byte {
	*p = Found{Level: -1}
	for rest := properties; len(rest) > 0; {
		pair := rest
		if i := bytes.IndexByte(rest, propEnd); i >= 0 {
			pair, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		i := bytes.IndexByte(pair, propMiddle)
		if i <= 0 || !p.note(pair[:i], pair[i+1:], len(dst)) {
			continue
		}
		dst = append(dst, pair...)
		dst = append(dst, propEnd)
	}
	return dst
}

// note looks at one property and reports whether it is stored; at is where its pair will begin.
func (p *Found) note(name, value []byte, at int) bool {
	switch string(name) {
	case message.PropWait, message.PropPopCheckpoint, message.PropCluster, message.PropRegion, message.PropTraceOn, message.PropCRC,
		message.PropMultiQueueOffset:
		return false
	case message.PropUniqueKey:
		if len(value) == 0 {
			return false
		}
		p.uniqFrom = at + len(name) + 1
		p.uniqTo = p.uniqFrom + len(value)
	case message.PropKeys:
		p.HasKeys = len(bytes.TrimSpace(value)) > 0
	case message.PropDelay:
		level, ok := ParseInt(value)
		p.Delay, p.BadDelay, p.Special = level, !ok, true
		if !ok {
			p.BadText = string(value[:min(len(value), 40)])
		}
	case message.PropTransaction:
		p.transaction = len(value) == 4 && value[0]|0x20 == 't' && value[1]|0x20 == 'r' && value[2]|0x20 == 'u' && value[3]|0x20 == 'e'
	case message.PropTimerDelaySec:
		return p.noteTime(0, value)
	case message.PropTimerDelayMS:
		return p.noteTime(1, value)
	case message.PropTimerDeliverMS:
		return p.noteTime(2, value)
	case message.PropTimerDelete:
		p.Deletes = true
	case message.PropShardingKey:
		p.Special, p.Keyed = true, true
	case Priority:
		if level, ok := ParseInt(value); ok {
			p.Level = level
		}
	case LiteTopic:
		if len(value) > 0 {
			p.Lite, p.Lights = true, true
		}
	case message.PropTimerOut:
		p.timerOut = true
	case message.PropMultiDispatch:
		p.Lights = p.Lights || len(value) > 0
	case message.PropInnerNum:
		p.InnerNum = true
	default:
		return len(name) < len(message.PropTransientPrefix) || string(name[:len(message.PropTransientPrefix)]) != message.PropTransientPrefix
	}
	return true
}

// Half reports whether the message is the half message of a transaction. One that comes back from a consumer with a delay is
// plain whatever it was before, as old clients need it.
func (p *Found) Half(reconsumeTimes int32) bool {
	return p.transaction && !(reconsumeTimes > 0 && p.Delay > 0)
}

// StripTimer removes the timer properties from a message that has a delay level: the level counts, as with Apache.
func StripTimer(properties []byte) []byte {
	return message.Properties(properties).Without(message.PropTimerDelaySec, message.PropTimerDelayMS, message.PropTimerDeliverMS)
}

// Append appends one pair; the value may be text or bytes.
func Append[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	dst = append(dst, name...)
	dst = append(dst, propMiddle)
	dst = append(dst, value...)
	return append(dst, propEnd)
}

// ParseInt reads a decimal int32 as Java's Integer.parseInt does, without allocating.
func ParseInt(b []byte) (int, bool) {
	sign, digits := 1, b
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		if b[0] == '-' {
			sign = -1
		}
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 10 {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	n *= sign
	return n, n == int(int32(n))
}

// Tail is what the broker adds to every message.
func Tail(region, cluster string, traceOn bool) []byte {
	tail := Append(nil, message.PropRegion, region)
	tail = Append(tail, message.PropTraceOn, strconv.FormatBool(traceOn))
	return Append(tail, message.PropCluster, cluster)
}
