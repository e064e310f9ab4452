package filter

import (
	"bytes"
	"slices"
	"sort"
	"sync"

	"github.com/aerobee-mq/aerobee/message"
)

// How an expression is evaluated, quirks of Apache's evaluator included. Every quirk is the answer of RocketMQ 5.5.0 and is
// checked against it, see differential_test.go.
//
//   - All properties are texts. A property without value counts as missing, and the last of two with one name counts.
//   - A missing property is null. Comparing null is null, NOT null is null, AND and OR are three-valued; null does not match.
//   - But "=" with null on its right alone is false, and null = null is true: a = b matches where both are missing, and
//     'x' <> a where a is.
//   - Compared with a number, a text must be written as one of that kind: Integer, Long or Double by the constant. What
//     cannot be converted fails the whole evaluation, also under NOT and in an OR whose other side comes later.
//   - Two texts are equal or not; for order both must be Doubles.
//   - A property alone is a condition which is false, whatever it says: "true" is a text. NOT a is true where a is there.
//   - CONTAINS, STARTSWITH and ENDSWITH, and their NOT forms, are false for null, for what is no text, and for an empty text.
//   - A minus before anything but a number is null.

// operator is what a node does.
type operator uint8

const (
	opConstant operator = iota
	opProperty
	opNegate
	// What follows yields a boolean or null.
	opCast
	opNot
	opAnd
	opOr
	opEqual
	opIsNull
	opGreater // these four in the order of their tokens
	opGreaterEqual
	opLess
	opLessEqual
	opContains // these three in the order of their tokens
	opStartsWith
	opEndsWith
	opIn
)

// node is one operator with its operands, which lie before it in the program. It is kept small, for clients choose how many there are.
type node struct {
	op          operator
	not         bool
	depth       int16
	left, right int32 // operands; of opAnd and opOr the part of the program's chains that names theirs
	at          int32 // opProperty: its name's place; opConstant and the searches: the constant's; opIn: the list's
}

// program is a compiled expression.
type program struct {
	nodes     []node
	names     []string
	constants []value
	chains    []int32    // operands of ANDs and ORs
	lists     [][]string // of INs, sorted
	root      int32
	weight    int // how many nodes one evaluation visits at most
	ignored   string
	places    map[string]int32 // of the names, where they are more than slots
	values    sync.Pool        // of *[][]byte, a value for each name, where they are more than slots
}

// constant is the value of a node that is a constant, nil for any other.
func (o *program) constant(i int32) *value {
	if n := &o.nodes[i]; n.op == opConstant {
		return &o.constants[n.at]
	}
	return nil
}

// isBoolean reports whether Apache takes a node for a condition: also NULL.
func (o *program) isBoolean(i int32) bool {
	c := o.constant(i)
	return o.nodes[i].op >= opCast || c != nil && (c.kind == boolean || c.kind == null)
}

// slots is how many properties a program may name so that their values lie on the stack, and each pair of a message is compared with
// every name. With more names they lie in the program's pool, and a pair's name is looked up.
const slots = 8

// run is one evaluation. It lives on the stack.
type run struct {
	few  [slots][]byte
	many *[][]byte // instead of few, where the program has more names
}

func (o *program) match(p message.Properties) bool {
	var r run
	o.collect(&r, p)
	v := o.evaluate(o.root, &r)
	o.release(&r)
	return v.kind == boolean && v.truth
}

// collect finds the values of the properties that the program names, in one pass.
func (o *program) collect(r *run, p message.Properties) {
	if o.places != nil {
		o.collectMany(r, p)
		return
	}
	for rest := []byte(p); len(rest) > 0 && len(o.names) > 0; {
		var pair []byte
		pair, rest = cut(rest)
		for i := range o.names {
			if v := valueOf(pair, o.names[i]); v != nil {
				r.few[i] = v
			}
		}
	}
}

func (o *program) collectMany(r *run, p message.Properties) {
	r.many, _ = o.values.Get().(*[][]byte)
	if r.many == nil {
		values := make([][]byte, len(o.names))
		r.many = &values
	}
	for rest := []byte(p); len(rest) > 0; {
		var pair []byte
		pair, rest = cut(rest)
		n := bytes.IndexByte(pair, 0x01)
		if n < 0 || n+1 == len(pair) {
			continue
		}
		if i, ok := o.places[string(pair[:n])]; ok {
			(*r.many)[i] = pair[n+1:]
		}
	}
}

// release gives the values back, which alias the message.
func (o *program) release(r *run) {
	if r.many != nil {
		clear(*r.many)
		o.values.Put(r.many)
	}
}

// cut cuts the first pair off a message's properties.
func cut(properties []byte) (pair, rest []byte) {
	if i := bytes.IndexByte(properties, 0x02); i >= 0 {
		return properties[:i], properties[i+1:]
	}
	return properties, nil
}

// valueOf is the value of a pair if it has the name, nil if not or if the value is empty: Java passes over such pairs.
func valueOf(pair []byte, name string) []byte {
	if n := len(name); len(pair) > n+1 && pair[n] == 0x01 && string(pair[:n]) == name {
		return pair[n+1:]
	}
	return nil
}

func (r *run) property(i int32) value {
	var v []byte
	if r.many != nil {
		v = (*r.many)[i]
	} else {
		v = r.few[i]
	}
	if len(v) == 0 {
		return value{}
	}
	return value{kind: text, s: v}
}

func (o *program) evaluate(i int32, r *run) value {
	n := &o.nodes[i]
	switch n.op {
	case opConstant:
		return o.constants[n.at]
	case opProperty:
		return r.property(n.at)
	case opNegate:
		return negate(o.evaluate(n.left, r))
	case opCast:
		v := o.evaluate(n.left, r)
		if v.kind == null {
			return v
		}
		return truth(false)
	case opNot:
		v := o.evaluate(n.left, r)
		v.truth = !v.truth
		return v
	case opAnd, opOr:
		return o.logic(n, r)
	case opEqual:
		return equal(o.evaluate(n.left, r), o.evaluate(n.right, r))
	case opIsNull:
		v := o.evaluate(n.left, r)
		if v.kind == failed {
			return v
		}
		return truth(v.kind == null)
	case opContains, opStartsWith, opEndsWith:
		return o.search(n, r)
	case opIn:
		v := o.evaluate(n.left, r)
		if v.kind == null {
			return v
		}
		return truth(contains(o.lists[n.at], v.s) != n.not)
	}
	return o.order(n, r)
}

func negate(v value) value {
	switch v.kind {
	case integer, long:
		return value{kind: v.kind, i: -v.i}
	case double:
		return value{kind: double, f: -v.f}
	case failed:
		return v
	}
	return value{}
}

// logic asks the operands in turn until one decides, or fails.
func (o *program) logic(n *node, r *run) value {
	decides := n.op == opOr
	out := truth(!decides)
	for _, i := range o.chains[n.left:n.right] {
		switch v := o.evaluate(i, r); {
		case v.kind == failed || v.kind == boolean && v.truth == decides:
			return v
		case v.kind == null:
			out = v
		}
	}
	return out
}

func equal(l, r value) value {
	switch {
	case l.kind == failed || r.kind == failed:
		return value{kind: failed}
	case l.kind == null && r.kind == null:
		return truth(true)
	case l.kind == null:
		return l
	case r.kind == null:
		return truth(false)
	}
	order := compare(l, r)
	if order == notComparable {
		return value{kind: failed}
	}
	return truth(order == 0)
}

func (o *program) order(n *node, r *run) value {
	left := o.evaluate(n.left, r)
	if left.kind == null || left.kind == failed {
		return left
	}
	right := o.evaluate(n.right, r)
	if right.kind == null || right.kind == failed {
		return right
	}
	if left.kind == text && right.kind == text {
		left, right = convertText(left, double), convertText(right, double)
	}
	order := compare(left, right)
	if order == notComparable {
		return value{kind: failed}
	}
	switch n.op {
	case opGreater:
		return truth(order > 0)
	case opGreaterEqual:
		return truth(order >= 0)
	case opLess:
		return truth(order < 0)
	}
	return truth(order <= 0)
}

func (o *program) search(n *node, r *run) value {
	want := o.constants[n.at].s
	if len(want) == 0 {
		return truth(false)
	}
	v := o.evaluate(n.left, r)
	if v.kind == failed {
		return v
	}
	if v.kind != text {
		return truth(false)
	}
	found := false
	switch n.op {
	case opContains:
		found = bytes.Contains(v.s, want)
	case opStartsWith:
		found = bytes.HasPrefix(v.s, want)
	default:
		found = bytes.HasSuffix(v.s, want)
	}
	return truth(found != n.not)
}

// contains looks for s in a sorted list.
func contains(list []string, s []byte) bool {
	if len(list) <= 8 {
		return slices.ContainsFunc(list, func(e string) bool { return e == string(s) })
	}
	i := sort.Search(len(list), func(i int) bool { return list[i] >= string(s) })
	return i < len(list) && list[i] == string(s)
}
