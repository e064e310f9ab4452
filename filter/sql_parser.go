package filter

import (
	"fmt"
	"slices"
	"strings"
)

// The grammar, which is Apache's without its look-ahead. Levels bind tighter downwards; each reads from the left.
//
//	selector   = or                                   what follows counts for nothing
//	or         = and { OR and }
//	and        = equality { AND equality }
//	equality   = comparison { "=" comparison | "<>" comparison | IS [NOT] NULL }
//	comparison = unary { (">" | ">=" | "<" | "<=") unary | [NOT] (CONTAINS | STARTSWITH | ENDSWITH) text
//	           | [NOT] BETWEEN unary AND unary | [NOT] IN "(" text { "," text } ")" }
//	unary      = "+" unary | "-" unary | NOT unary | primary
//	primary    = text | number | TRUE | FALSE | NULL | property | "(" or ")"
type parser struct {
	lexer
	tok   token
	depth int // of recursion
	out   *program
	// weights has for each node how many nodes one evaluation of it visits. That is more than there are: both comparisons of a BETWEEN
	// have the same left operand, and are evaluated one by one.
	weights []int
	places  map[string]int32 // of the names in the program
}

// compileSQL reads an expression.
func compileSQL(source string) (*program, error) {
	if err := checkLength(source); err != nil {
		return nil, err
	}
	p := &parser{lexer: lexer{source: source}, out: &program{}, places: map[string]int32{}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err == nil {
		root, err = p.boolean(root)
	}
	if err != nil {
		return nil, err
	}
	p.out.root, p.out.weight = root, p.weights[root]
	p.out.nodes, p.out.constants = slices.Clip(p.out.nodes), slices.Clip(p.out.constants)
	if len(p.out.names) > slots {
		p.out.places = p.places
	}
	if p.tok.kind != tokenEnd {
		p.out.ignored = strings.Clone(strings.TrimSpace(source[p.tok.at:]))
	}
	return p.out, nil
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

// accept takes the current token if it is of the kind.
func (p *parser) accept(kind tokenKind) (bool, error) {
	if p.tok.kind != kind {
		return false, nil
	}
	return true, p.advance()
}

// expect takes the current token, which must be of the kind.
func (p *parser) expect(kind tokenKind) (token, error) {
	t := p.tok
	if t.kind != kind {
		return t, p.unexpected(kind.String())
	}
	return t, p.advance()
}

func (p *parser) unexpected(want string) error {
	if p.tok.kind == tokenEnd {
		return p.wrong(p.tok.at, "the expression ends where %s is expected", want)
	}
	return p.wrong(p.tok.at, "%.40q stands where %s is expected", p.tok.text, want)
}

// longConstant is how many bytes of a constant's text weigh as much as a node.
const longConstant = 64

// add appends a node, one level above its deepest operand.
func (p *parser) add(n node, operands ...int32) (int32, error) {
	if len(p.out.nodes) >= MaxTerms {
		return 0, fmt.Errorf("%w: it has more than %d operators, properties and constants, which is the limit", ErrLimit, MaxTerms)
	}
	weight := 1
	if n.op == opConstant {
		weight += len(p.out.constants[n.at].s) / longConstant
	}
	for _, o := range operands {
		n.depth = max(n.depth, p.out.nodes[o].depth+1)
		weight += p.weights[o] // at most MaxTerms times MaxVisits
	}
	switch {
	case n.depth > MaxDepth:
		return 0, tooDeep()
	case weight > MaxVisits:
		return 0, fmt.Errorf("%w: one message could take more than %d steps of evaluation, which is the limit; a BETWEEN evaluates twice what stands before it",
			ErrLimit, MaxVisits)
	}
	switch {
	case n.op == opAnd || n.op == opOr:
		n.left = int32(len(p.out.chains))
		p.out.chains = append(p.out.chains, operands...)
		n.right = int32(len(p.out.chains))
	case len(operands) > 0:
		n.left, n.right = operands[0], operands[len(operands)-1]
	}
	p.out.nodes, p.weights = append(p.out.nodes, n), append(p.weights, weight)
	return int32(len(p.out.nodes) - 1), nil
}

// keep keeps a constant and returns its place.
func (p *parser) keep(v value) int32 {
	p.out.constants = append(p.out.constants, v)
	return int32(len(p.out.constants) - 1)
}

func tooDeep() error {
	return fmt.Errorf("%w: it nests more than %d levels, which is the limit", ErrLimit, MaxDepth)
}

func (p *parser) or() (int32, error) { return p.chain(tokenOr, opOr, p.and) }

func (p *parser) and() (int32, error) { return p.chain(tokenAnd, opAnd, p.equality) }

// chain reads operands with one logic operator between them, and makes one node of them all.
func (p *parser) chain(sign tokenKind, op operator, operand func() (int32, error)) (int32, error) {
	left, err := operand()
	if err != nil || p.tok.kind != sign {
		return left, err
	}
	all := []int32{left}
	for p.tok.kind == sign {
		if err := p.advance(); err != nil {
			return 0, err
		}
		right, err := operand()
		if err != nil {
			return 0, err
		}
		all = append(all, right)
	}
	for i := range all {
		if all[i], err = p.boolean(all[i]); err != nil {
			return 0, err
		}
	}
	return p.add(node{op: op}, all...)
}

func (p *parser) equality() (int32, error) {
	left, err := p.comparison()
	for err == nil {
		switch p.tok.kind {
		case tokenEqual, tokenNotEqual:
			left, err = p.equal(left, p.tok.kind == tokenNotEqual)
		case tokenIs:
			left, err = p.isNull(left)
		default:
			return left, nil
		}
	}
	return 0, err
}

func (p *parser) equal(left int32, not bool) (int32, error) {
	at := p.tok.at
	if err := p.advance(); err != nil {
		return 0, err
	}
	right, err := p.comparison()
	if err != nil {
		return 0, err
	}
	l, r := p.out.constant(left), p.out.constant(right)
	switch {
	case l != nil && l.kind == null || r != nil && r.kind == null:
		return 0, p.wrong(at, "NULL cannot be compared: write IS NULL or IS NOT NULL")
	case l != nil && r != nil && l.kind == boolean && r.kind != boolean:
		return 0, p.wrong(at, "TRUE or FALSE cannot be compared with another kind of constant")
	}
	return p.maybeNot(not, node{op: opEqual}, left, right)
}

// maybeNot adds a node and, with not, its negation.
func (p *parser) maybeNot(not bool, n node, operands ...int32) (int32, error) {
	i, err := p.add(n, operands...)
	if err != nil || !not {
		return i, err
	}
	return p.add(node{op: opNot}, i)
}

func (p *parser) isNull(left int32) (int32, error) {
	if err := p.advance(); err != nil {
		return 0, err
	}
	not, err := p.accept(tokenNot)
	if err != nil {
		return 0, err
	}
	if _, err := p.expect(tokenNull); err != nil {
		return 0, err
	}
	return p.maybeNot(not, node{op: opIsNull}, left)
}

func (p *parser) comparison() (int32, error) {
	left, err := p.unary()
	for err == nil {
		not := false
		if not, err = p.accept(tokenNot); err != nil {
			break
		}
		switch kind := p.tok.kind; {
		case kind >= tokenGreater && kind <= tokenLessEqual && !not:
			left, err = p.order(left)
		case kind == tokenContains || kind == tokenStartsWith || kind == tokenEndsWith:
			left, err = p.search(left, not)
		case kind == tokenBetween:
			left, err = p.between(left, not)
		case kind == tokenIn:
			left, err = p.in(left, not)
		case not:
			return 0, p.unexpected("BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH")
		default:
			return left, nil
		}
	}
	return 0, err
}

func (p *parser) order(left int32) (int32, error) {
	at, op := p.tok.at, opGreater+operator(p.tok.kind-tokenGreater)
	if err := p.advance(); err != nil {
		return 0, err
	}
	right, err := p.unary()
	if err != nil {
		return 0, err
	}
	return p.ordered(at, op, left, right)
}

// ordered adds a comparison by order, which constants must be numbers for.
func (p *parser) ordered(at int, op operator, left, right int32) (int32, error) {
	for _, i := range []int32{left, right} {
		switch c := p.out.constant(i); {
		case c != nil && !c.isNumber():
			return 0, p.wrong(at, "only numbers have an order: a text, TRUE, FALSE or NULL cannot be compared with <, <=, >, >= or BETWEEN")
		case p.out.isBoolean(i):
			return 0, p.wrong(at, "a condition cannot be compared with <, <=, >, >= or BETWEEN")
		}
	}
	return p.add(node{op: op}, left, right)
}

func (p *parser) search(left int32, not bool) (int32, error) {
	op := opContains + operator(p.tok.kind-tokenContains)
	if err := p.advance(); err != nil {
		return 0, err
	}
	t, err := p.expect(tokenText)
	if err != nil {
		return 0, err
	}
	return p.add(node{op: op, not: not, at: p.keep(value{kind: text, s: []byte(unquote(t.text))})}, left)
}

func (p *parser) between(left int32, not bool) (int32, error) {
	at := p.tok.at
	if err := p.advance(); err != nil {
		return 0, err
	}
	low, err := p.unary()
	if err != nil {
		return 0, err
	}
	if _, err := p.expect(tokenAnd); err != nil {
		return 0, err
	}
	high, err := p.unary()
	if err != nil {
		return 0, err
	}
	logic, first, second := opAnd, opGreaterEqual, opLessEqual
	if not {
		logic, first, second = opOr, opLess, opGreater
	}
	a, err := p.ordered(at, first, left, low)
	if err != nil {
		return 0, err
	}
	b, err := p.ordered(at, second, left, high)
	if err != nil {
		return 0, err
	}
	l, h := p.out.constant(low), p.out.constant(high)
	if !not && l != nil && h != nil && compare(*h, *l) < 0 {
		return 0, p.wrong(at, "BETWEEN needs its smaller value first")
	}
	return p.add(node{op: logic}, a, b)
}

func (p *parser) in(left int32, not bool) (int32, error) {
	at := p.tok.at
	if err := p.advance(); err != nil {
		return 0, err
	}
	if _, err := p.expect(tokenOpen); err != nil {
		return 0, err
	}
	var list []string
	for more := true; more; {
		t, err := p.expect(tokenText)
		if err != nil {
			return 0, err
		}
		list = append(list, unquote(t.text))
		if more, err = p.accept(tokenComma); err != nil {
			return 0, err
		}
	}
	if _, err := p.expect(tokenClose); err != nil {
		return 0, err
	}
	if p.out.nodes[left].op != opProperty {
		return 0, p.wrong(at, "IN needs a property before it")
	}
	slices.Sort(list)
	p.out.lists = append(p.out.lists, slices.Clip(slices.Compact(list)))
	return p.add(node{op: opIn, not: not, at: int32(len(p.out.lists) - 1)}, left)
}

func (p *parser) unary() (int32, error) {
	if p.depth++; p.depth > MaxDepth {
		return 0, tooDeep()
	}
	defer func() { p.depth-- }()
	kind := p.tok.kind
	if kind != tokenPlus && kind != tokenMinus && kind != tokenNot {
		return p.primary()
	}
	if err := p.advance(); err != nil {
		return 0, err
	}
	operand, err := p.unary()
	if err != nil || kind == tokenPlus {
		return operand, err
	}
	if kind == tokenMinus {
		return p.add(node{op: opNegate}, operand)
	}
	if operand, err = p.boolean(operand); err != nil {
		return 0, err
	}
	return p.add(node{op: opNot}, operand)
}

func (p *parser) primary() (int32, error) {
	t := p.tok
	var v value
	switch t.kind {
	case tokenText:
		v = value{kind: text, s: []byte(unquote(t.text))}
	case tokenInteger, tokenFloat:
		var err error
		if v, err = p.number(t); err != nil {
			return 0, err
		}
	case tokenTrue, tokenFalse:
		v = truth(t.kind == tokenTrue)
	case tokenNull, tokenName:
	case tokenOpen:
		return p.parentheses()
	default:
		return 0, p.unexpected("a property, a constant or a condition")
	}
	if err := p.advance(); err != nil {
		return 0, err
	}
	if t.kind == tokenName {
		return p.add(node{op: opProperty, at: p.name(t.text)})
	}
	return p.add(node{op: opConstant, at: p.keep(v)})
}

func (p *parser) parentheses() (int32, error) {
	if err := p.advance(); err != nil {
		return 0, err
	}
	inner, err := p.or()
	if err != nil {
		return 0, err
	}
	_, err = p.expect(tokenClose)
	return inner, err
}

// number reads a number. An integer that fits into 32 bits is read as one, since properties are then compared as such.
func (p *parser) number(t token) (value, error) {
	if t.kind == tokenFloat {
		f, ok := parseDouble([]byte(t.text))
		if !ok || f == 0 || f-f != 0 {
			return value{}, p.wrong(t.at, "%.40s is outside 4.9e-324 to 1.7976931348623157e308; zero is written 0", t.text)
		}
		return value{kind: double, f: f}, nil
	}
	digits := []byte(strings.TrimRight(t.text, "lL"))
	i, ok := parseInt(digits, 64)
	if !ok {
		return value{}, p.wrong(t.at, "%.40s is above 9223372036854775807", t.text)
	}
	return whole(i), nil
}

// boolean makes a condition of an operand: a property is one, though it is never true.
func (p *parser) boolean(i int32) (int32, error) {
	switch {
	case p.out.isBoolean(i):
		return i, nil
	case p.out.nodes[i].op == opProperty:
		return p.add(node{op: opCast}, i)
	}
	return 0, p.wrong(min(p.tok.at, len(p.source)), "what stands before this place is no condition but a text or a number")
}

// name returns the place of a property's name among the program's names.
func (p *parser) name(name string) int32 {
	i, ok := p.places[name]
	if !ok {
		i = int32(len(p.out.names))
		name = strings.Clone(name)
		p.out.names, p.places[name] = append(p.out.names, name), i
	}
	return i
}
