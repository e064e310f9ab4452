// Package tracing sends spans to an OpenTelemetry collector over gRPC. The root package starts an [Exporter] when the settings name a collector, and
// package broker/trace makes spans of what becomes of messages. Whoever records a span never waits: what the collector does not take fast enough is
// dropped and counted. The methods of an Exporter are safe to call at once; a span that was recorded is not changed any more.
package tracing

import (
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message/tracecontext"
)

// Kind says what a span is of. Source: opentelemetry/proto/trace/v1/trace.proto.
type Kind uint8

// The kinds of spans that a server makes: of what others have asked for, and in the place of others that make none.
const (
	Server   Kind = 2
	Producer Kind = 4
	Consumer Kind = 5
)

// Span is something that took a while, and belongs to a trace.
type Span struct {
	// Context is the span by name.
	Context tracecontext.Context
	// Parent is the span of the same trace that it is a part of, all 0 for the first one; Remote says that another program has made that.
	Parent     tracecontext.SpanID
	Remote     bool
	Name       string
	Kind       Kind
	Start, End time.Time
	Attributes []Attribute
	// Links are others' spans that it has to do with.
	Links []tracecontext.Context
	// Failed says why, "" for a span of what went well.
	Failed string
}

// Attribute is something that is said of a span, see [Text], [List] and [Number].
type Attribute struct {
	key    string
	text   string
	number int64
	is     attributeKind
}

type attributeKind uint8

const (
	isText attributeKind = iota
	isList
	isNumber
)

// Text is an attribute with a text, of which the first 256 bytes are told.
func Text(key, value string) Attribute { return Attribute{key: key, text: value} }

// List is an attribute with the words of a text, one by one.
func List(key, words string) Attribute { return Attribute{key: key, text: words, is: isList} }

// Number is an attribute with a number.
func Number(key string, value int64) Attribute {
	return Attribute{key: key, number: value, is: isNumber}
}

// String is "key=value", for logs and tests.
func (a Attribute) String() string {
	if a.is == isNumber {
		return a.key + "=" + strconv.FormatInt(a.number, 10)
	}
	return a.key + "=" + a.text
}
