package broker

import (
	"bytes"
	"strconv"

	"github.com/aerobee-mq/aerobee/message"
)

// Properties that only this file reads. Source: MessageConst of RocketMQ 5.
const (
	propTimerOut  = "TIMER_OUT_MS"
	propPriority  = "_SYS_MSG_PRIORITY_"
	propLiteTopic = "__LITE_TOPIC"
	propMiddle    = 0x01
	propEnd       = 0x02
)

// feature names what a message asks for besides plain delivery, and which this broker refuses by name.
type feature string

const (
	featureTransaction   feature = "transactional messages (property TRAN_MSG)"
	featureTimer         feature = "timer messages (properties TIMER_DELIVER_MS, TIMER_DELAY_SEC, TIMER_DELAY_MS)"
	featureLite          feature = "lite topics (property __LITE_TOPIC)"
	featureMultiDispatch feature = "multi dispatch to light queues (property INNER_MULTI_DISPATCH)"
)

// sendProps is what one pass over a message's properties finds. It is reused from message to message; the pass allocates
// nothing. What goes into the record is appended to a buffer of the caller, see scan.
type sendProps struct {
	uniqFrom, uniqTo int // UNIQ_KEY's value within the buffer, empty when the message has none
	delay            int // DELAY level, 0 if absent
	priority         int // -1 if absent
	badDelay         bool
	hasKeys          bool
	transaction      bool
	timer            bool
	timerOut         bool
	multiDispatch    bool
	innerNum         bool
	lite             bool
	special          bool // transactional, delayed or ordered by key: a priority does not count then
}

// scan appends to dst the properties of one message that are stored: all but those that only concern the way here (WAIT,
// transient ones, a forged POP_CK), those that the broker writes itself (CLUSTER, MSG_REGION, TRACE_ON, the property CRC)
// and an empty UNIQ_KEY. It notes on the way what the send path must know.
func (p *sendProps) scan(dst, properties []byte) []byte {
	*p = sendProps{priority: -1}
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
func (p *sendProps) note(name, value []byte, at int) bool {
	switch string(name) {
	case message.PropWait, message.PropPopCheckpoint, message.PropCluster, message.PropRegion, message.PropTraceOn, message.PropCRC:
		return false
	case message.PropUniqueKey:
		if len(value) == 0 {
			return false
		}
		p.uniqFrom = at + len(name) + 1
		p.uniqTo = p.uniqFrom + len(value)
	case message.PropKeys:
		p.hasKeys = len(bytes.TrimSpace(value)) > 0
	case message.PropDelay:
		level, ok := atoi(value)
		p.delay, p.badDelay, p.special = level, !ok, true
	case message.PropTransaction:
		p.transaction = len(value) == 4 && value[0]|0x20 == 't' && value[1]|0x20 == 'r' && value[2]|0x20 == 'u' && value[3]|0x20 == 'e'
	case message.PropTimerDelaySec, message.PropTimerDelayMS, message.PropTimerDeliverMS:
		p.timer, p.special = true, true
	case message.PropShardingKey:
		p.special = true
	case propPriority:
		if level, ok := atoi(value); ok {
			p.priority = level
		}
	case propLiteTopic:
		p.lite = len(value) > 0
	case propTimerOut:
		p.timerOut = true
	case message.PropMultiDispatch:
		p.multiDispatch = len(value) > 0
	case message.PropInnerNum:
		p.innerNum = true
	default:
		return len(name) < len(message.PropTransientPrefix) || string(name[:len(message.PropTransientPrefix)]) != message.PropTransientPrefix
	}
	return true
}

// refused names the feature that the message asks for and that is not served, "" for a plain or delayed one. A message
// that comes back from a consumer with a delay is plain whatever it was before, as old clients need it.
func (p *sendProps) refused(reconsumeTimes int32) feature {
	switch {
	case p.transaction && !(reconsumeTimes > 0 && p.delay > 0):
		return featureTransaction
	case p.timer && p.delay <= 0 && !p.timerOut:
		return featureTimer
	case p.multiDispatch:
		return featureMultiDispatch
	case p.lite:
		return featureLite
	}
	return ""
}

// stripTimer removes the timer properties from a message that has a delay level: the level counts, as with Apache.
func stripTimer(properties []byte) []byte {
	return message.Properties(properties).Without(message.PropTimerDelaySec, message.PropTimerDelayMS, message.PropTimerDeliverMS)
}

// appendProperty appends one pair; the value may be text or bytes.
func appendProperty[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	dst = append(dst, name...)
	dst = append(dst, propMiddle)
	dst = append(dst, value...)
	return append(dst, propEnd)
}

// atoi reads a decimal int32 as Java's Integer.parseInt does, without allocating.
func atoi(b []byte) (int, bool) {
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

// propertiesTail is what the broker adds to every message: computed once.
func propertiesTail(opt *Options) []byte {
	tail := appendProperty(nil, message.PropRegion, opt.Region)
	tail = appendProperty(tail, message.PropTraceOn, strconv.FormatBool(!opt.TraceOff))
	return appendProperty(tail, message.PropCluster, opt.ClusterName)
}
