package filter

import (
	"bytes"
	"cmp"
	"math"
)

// valueKind is the Java class that a value has in Apache's evaluator.
type valueKind uint8

const (
	null    valueKind = iota
	boolean           // Boolean
	integer           // Integer
	long              // Long
	double            // Double
	text              // String: all properties are
	failed            // an exception: the message does not match, whatever stands around it
)

// value is what a part of an expression is worth for one message.
type value struct {
	kind  valueKind
	truth bool
	i     int64
	f     float64
	s     []byte
}

func truth(v bool) value { return value{kind: boolean, truth: v} }

// whole is the integer or long of a constant.
func whole(i int64) value {
	if i >= math.MinInt32 && i <= math.MaxInt32 {
		return value{kind: integer, i: i}
	}
	return value{kind: long, i: i}
}

func (v *value) isNumber() bool { return v.kind == integer || v.kind == long || v.kind == double }

// asDouble is a number as Java widens it.
func (v *value) asDouble() float64 {
	if v.kind == double {
		return v.f
	}
	return float64(v.i)
}

// incomparable is compare's answer for two kinds that have nothing in common: they are not equal.
const incomparable = -1

// notComparable is compare's answer where Java throws.
const notComparable = math.MinInt

// compare orders two values of any kind but null: negative, 0, positive, or notComparable. A text becomes the kind of its
// partner, and it must be written as that kind is: "5.0" is no integer. A Boolean on the left of a text fails as it
// does in Apache, where it is cast to a text by mistake.
func compare(l, r value) int {
	if l.kind == failed || r.kind == failed {
		return notComparable
	}
	switch {
	case l.kind == r.kind:
	case l.kind == text:
		l = convertText(l, r.kind)
	case r.kind == text && l.kind == boolean:
		return notComparable
	case r.kind == text:
		r = convertText(r, l.kind)
	case l.isNumber() && r.isNumber() && (l.kind == double || r.kind == double):
		l, r = value{kind: double, f: l.asDouble()}, value{kind: double, f: r.asDouble()}
	case l.isNumber() && r.isNumber():
		return cmp.Compare(l.i, r.i)
	default:
		return incomparable
	}
	if l.kind == failed || r.kind == failed {
		return notComparable
	}
	switch l.kind {
	case boolean:
		return compareBooleans(l.truth, r.truth)
	case double:
		return compareDoubles(l.f, r.f)
	case text:
		return bytes.Compare(l.s, r.s)
	}
	return cmp.Compare(l.i, r.i)
}

func convertText(v value, kind valueKind) value {
	out, ok := value{kind: kind}, true
	switch kind {
	case boolean:
		out.truth = bytes.EqualFold(v.s, []byte("true"))
	case integer:
		out.i, ok = parseInt(v.s, 32)
	case long:
		out.i, ok = parseInt(v.s, 64)
	case double:
		out.f, ok = parseDouble(v.s)
	}
	if !ok {
		return value{kind: failed}
	}
	return out
}

func compareBooleans(l, r bool) int {
	switch {
	case l == r:
		return 0
	case r:
		return -1
	}
	return 1
}

// compareDoubles orders as Double.compareTo: -0.0 is below 0.0, and NaN is above all and equal to itself.
func compareDoubles(l, r float64) int {
	switch {
	case l < r:
		return -1
	case l > r:
		return 1
	case math.IsNaN(l) && math.IsNaN(r):
		return 0
	case math.IsNaN(l):
		return 1
	case math.IsNaN(r):
		return -1
	}
	return compareBooleans(!math.Signbit(l), !math.Signbit(r))
}
