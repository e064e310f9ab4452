package client

import (
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
)

// The text of message traces, as RocketMQ's tools read it: fields separated by 0x01, traces ended by 0x02. What is absent reads
// "null", as Java writes it.
//
//	Pub       time region group topic id tag keys storeHost bodyLength cost type offsetID success
//	SubBefore time region group request id retries keys
//	SubAfter  request id cost success keys code time group
//
// Times and costs are milliseconds.
const (
	traceField = 0x01
	traceEnd   = 0x02
)

// The message types of a Pub trace.
const (
	traceNormal = 0
	traceDelay  = 3
)

// handleCode says in a SubAfter trace how a handler came back.
type handleCode int

const (
	handleSuccess   handleCode = 0
	handleTimeout   handleCode = 1
	handleException handleCode = 2 // the handler panicked
	handleFailed    handleCode = 4
)

// pubTrace is one message, or one batch, that was sent.
type pubTrace struct {
	at            time.Time
	region, group string
	topic, id     string
	tag, keys     string
	storeHost     string
	bodyLength    int
	cost          time.Duration
	kind          int
	offsetID      string
	success       bool
}

func (t *pubTrace) append(dst []byte) []byte {
	dst = append(dst, "Pub"...)
	dst = traceInt(dst, t.at.UnixMilli())
	dst = traceText(dst, t.region, t.group, t.topic, t.id, t.tag, t.keys, t.storeHost)
	dst = traceInt(dst, int64(t.bodyLength), t.cost.Milliseconds(), int64(t.kind))
	dst = traceText(dst, t.offsetID, strconv.FormatBool(t.success))
	return append(dst, traceEnd)
}

// subTrace is a handling of messages.
type subTrace struct {
	at      time.Time // when it began
	region  string
	group   string
	request string // tells this handling from others
	beans   []subBean
}

// subBean is one of the handled messages.
type subBean struct {
	id, keys string
	retries  int
}

func (t *subTrace) appendBefore(dst []byte) []byte {
	for i := range t.beans {
		b := &t.beans[i]
		dst = append(dst, "SubBefore"...)
		dst = traceInt(dst, t.at.UnixMilli())
		dst = traceText(dst, t.region, t.group, t.request, b.id, strconv.Itoa(b.retries), b.keys)
		dst = append(dst, traceEnd)
	}
	return dst
}

// appendAfter appends what is known when the handler has returned at the given time. cost is the time per message.
func (t *subTrace) appendAfter(dst []byte, at time.Time, cost time.Duration, code handleCode) []byte {
	for i := range t.beans {
		b := &t.beans[i]
		dst = append(dst, "SubAfter"...)
		dst = traceText(dst, t.request, b.id)
		dst = traceInt(dst, cost.Milliseconds())
		dst = traceText(dst, strconv.FormatBool(code == handleSuccess), b.keys)
		dst = traceInt(dst, int64(code), at.UnixMilli())
		dst = traceText(dst, t.group)
		dst = append(dst, traceEnd)
	}
	return dst
}

func traceText(dst []byte, fields ...string) []byte {
	for _, text := range fields {
		dst = append(dst, traceField)
		if text == "" {
			text = "null"
		}
		dst = append(dst, text...)
	}
	return dst
}

func traceInt(dst []byte, fields ...int64) []byte {
	for _, n := range fields {
		dst = append(dst, traceField)
		dst = strconv.AppendInt(dst, n, 10)
	}
	return dst
}

// joinKeys is a message's keys in one text.
func joinKeys(keys []string) string { return strings.Join(keys, message.KeySeparator) }
