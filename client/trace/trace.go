// Package trace is the text of RocketMQ's message traces: what clients write about the messages that they send and handle, as Java's
// clients and tools write and read it. It owns encoding, decoding and the gathering of traces into messages, which package client sends to the
// trace topic, and who shows traces reads their bodies with [Parse]. Everything here is safe to call at once.
//
// Fields are separated by 0x01, traces ended by 0x02. What is absent reads "null", as Java writes it; times and costs are milliseconds.
//
//	Pub       time region group topic id tag keys storeHost bodyLength cost type offsetID success
//	SubBefore time region group request id retries keys
//	SubAfter  request id cost success keys code time group
package trace

import (
	"strconv"
	"time"
)

const (
	separator = 0x01
	end       = 0x02
	absent    = "null"
)

// Trace is what one text says: a [*Sent], [*Begun], [*Ended] or [*Other].
type Trace interface {
	// Append appends the text.
	Append(dst []byte) []byte
}

// The kinds of messages in a [Sent], as Java's MessageType numbers them.
const (
	Normal  = 0
	Half    = 1
	Delayed = 3
)

// Sent tells of one message, or one batch, that a broker has answered.
type Sent struct {
	At         time.Time // when it was sent
	Region     string    // as the broker says
	Group      string    // the producer's
	Topic      string
	ID         string // of a batch: all of them with commas between
	Tag, Keys  string // keys with spaces between
	StoreHost  string // "host:port" of the broker
	BodyLength int    // bytes on the wire
	Cost       time.Duration
	Kind       int // [Normal], [Half], [Delayed] or another of Java's
	OffsetID   string
	Success    bool
}

// Append appends a Pub text.
func (t *Sent) Append(dst []byte) []byte {
	dst = append(dst, "Pub"...)
	dst = appendInts(dst, t.At.UnixMilli())
	dst = appendTexts(dst, t.Region, t.Group, t.Topic, t.ID, t.Tag, t.Keys, t.StoreHost)
	dst = appendInts(dst, int64(t.BodyLength), t.Cost.Milliseconds(), int64(t.Kind))
	dst = appendTexts(dst, t.OffsetID, strconv.FormatBool(t.Success))
	return append(dst, end)
}

// Begun tells of one message that a handler is given.
type Begun struct {
	At      time.Time
	Region  string
	Group   string
	Request string // tells one call of a handler from others
	ID      string // the message's
	Retries int    // how often it failed before
	Keys    string
}

// Append appends a SubBefore text.
func (t *Begun) Append(dst []byte) []byte {
	dst = append(dst, "SubBefore"...)
	dst = appendInts(dst, t.At.UnixMilli())
	dst = appendTexts(dst, t.Region, t.Group, t.Request, t.ID, strconv.Itoa(t.Retries), t.Keys)
	return append(dst, end)
}

// Code says how a handler came back.
type Code int

// The codes of Java's ConsumeReturnType that this client writes.
const (
	Succeeded Code = 0
	Panicked  Code = 2
	Failed    Code = 4
)

// Ended tells of one message that a handler has come back from.
type Ended struct {
	Request string // as in its Begun
	ID      string
	Cost    time.Duration // of the call, divided by its messages
	Success bool
	Keys    string
	Code    Code
	At      time.Time // zero from old clients
	Group   string    // "" from old clients
}

// Append appends a SubAfter text.
func (t *Ended) Append(dst []byte) []byte {
	dst = append(dst, "SubAfter"...)
	dst = appendTexts(dst, t.Request, t.ID)
	dst = appendInts(dst, t.Cost.Milliseconds())
	dst = appendTexts(dst, strconv.FormatBool(t.Success), t.Keys)
	dst = appendInts(dst, int64(t.Code), t.At.UnixMilli())
	dst = appendTexts(dst, t.Group)
	return append(dst, end)
}

// Other is a trace of a kind that is not read further, such as EndTransaction.
type Other struct{ Fields []string }

// Append appends the fields as they are.
func (t *Other) Append(dst []byte) []byte {
	for i, field := range t.Fields {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = append(dst, field...)
	}
	return append(dst, end)
}

func appendTexts(dst []byte, fields ...string) []byte {
	for _, text := range fields {
		dst = append(dst, separator)
		if text == "" {
			text = absent
		}
		dst = append(dst, text...)
	}
	return dst
}

func appendInts(dst []byte, fields ...int64) []byte {
	for _, n := range fields {
		dst = append(dst, separator)
		dst = strconv.AppendInt(dst, n, 10)
	}
	return dst
}
