package tracing

import (
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/aerobee-mq/aerobee/message/tracecontext"
)

// Numbers of the fields of ExportTraceServiceRequest and what is in it. Source: opentelemetry/proto/trace/v1/trace.proto.
const (
	requestResourceSpans = 1
	resourceResource     = 1
	resourceScopeSpans   = 2
	resourceAttributes   = 1
	scopeScope           = 1
	scopeSpans           = 2
	spanTrace            = 1
	spanID               = 2
	spanState            = 3
	spanParent           = 4
	spanName             = 5
	spanKind             = 6
	spanStart            = 7
	spanEnd              = 8
	spanAttributes       = 9
	spanLinks            = 13
	spanStatus           = 15
	spanFlags            = 16
	linkTrace            = 1
	linkSpan             = 2
	linkState            = 3
	linkFlags            = 6
	statusText           = 2
	statusCode           = 3
	statusError          = 2
	// flagsKnown says that flagsRemote is to be believed.
	flagsKnown, flagsRemote = 0x100, 0x200
)

const (
	// maxText bounds the text of an attribute, maxWords the words of a list.
	maxText, maxWords = 256, 16
	// maxFailed bounds the reason of a failure.
	maxFailed = 512
)

func appendBytes(p []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(p, field, protowire.BytesType), v)
}

// appendText appends at most so many bytes of a text, as UTF-8, which the protocol wants.
func appendText(p []byte, field protowire.Number, v string, most int) []byte {
	if len(v) > most {
		v = v[:most]
	}
	return protowire.AppendString(protowire.AppendTag(p, field, protowire.BytesType), strings.ToValidUTF8(v, "\ufffd"))
}

func appendTime(p []byte, field protowire.Number, t time.Time) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(p, field, protowire.Fixed64Type), uint64(max(t.UnixNano(), 0)))
}

func appendFlags(p []byte, field protowire.Number, c *tracecontext.Context, remote bool) []byte {
	flags := uint32(c.Flags) | flagsKnown
	if remote {
		flags |= flagsRemote
	}
	return protowire.AppendFixed32(protowire.AppendTag(p, field, protowire.Fixed32Type), flags)
}

// appendSpan appends the fields of a span. scratch is memory for a part of it, and is returned for the next one.
func appendSpan(p, scratch []byte, s *Span) (out, again []byte) {
	p = appendBytes(p, spanTrace, s.Context.Trace[:])
	p = appendBytes(p, spanID, s.Context.Span[:])
	if s.Context.State != "" {
		p = appendText(p, spanState, s.Context.State, len(s.Context.State))
	}
	if s.Parent != (tracecontext.SpanID{}) {
		p = appendBytes(p, spanParent, s.Parent[:])
	}
	p = appendText(p, spanName, s.Name, maxText)
	p = protowire.AppendVarint(protowire.AppendTag(p, spanKind, protowire.VarintType), uint64(s.Kind))
	p = appendTime(p, spanStart, s.Start)
	p = appendTime(p, spanEnd, s.End)
	for i := range s.Attributes {
		scratch = appendAttribute(scratch[:0], &s.Attributes[i])
		p = appendBytes(p, spanAttributes, scratch)
	}
	for i := range s.Links {
		l := &s.Links[i]
		scratch = appendBytes(scratch[:0], linkTrace, l.Trace[:])
		scratch = appendBytes(scratch, linkSpan, l.Span[:])
		if l.State != "" {
			scratch = appendText(scratch, linkState, l.State, len(l.State))
		}
		scratch = appendFlags(scratch, linkFlags, l, true)
		p = appendBytes(p, spanLinks, scratch)
	}
	if s.Failed != "" {
		scratch = appendText(scratch[:0], statusText, s.Failed, maxFailed)
		scratch = protowire.AppendVarint(protowire.AppendTag(scratch, statusCode, protowire.VarintType), statusError)
		p = appendBytes(p, spanStatus, scratch)
	}
	return appendFlags(p, spanFlags, &s.Context, s.Remote), scratch
}

// appendAttribute appends the fields of a KeyValue{1: key, 2: AnyValue{1: text, 3: number or 5: ArrayValue{1: AnyValue}}}.
func appendAttribute(p []byte, a *Attribute) []byte {
	p = appendText(p, 1, a.key, maxText)
	var value []byte
	switch a.is {
	case isNumber:
		value = protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), uint64(a.number))
	case isList:
		var words []byte
		n := 0
		for word := range strings.FieldsSeq(a.text) {
			if n++; n > maxWords {
				break
			}
			words = appendBytes(words, 1, appendText(nil, 1, word, maxText))
		}
		value = appendBytes(nil, 5, words)
	default:
		value = appendText(nil, 1, a.text, maxText)
	}
	return appendBytes(p, 2, value)
}

// envelope puts spans, each a field of ScopeSpans, into a request.
func envelope(resource, scope, spans []byte) []byte {
	inner := make([]byte, 0, len(scope)+len(spans)+8)
	inner = append(appendBytes(inner, scopeScope, scope), spans...)
	outer := make([]byte, 0, len(resource)+len(inner)+16)
	outer = appendBytes(appendBytes(outer, resourceResource, resource), resourceScopeSpans, inner)
	return appendBytes(make([]byte, 0, len(outer)+8), requestResourceSpans, outer)
}
