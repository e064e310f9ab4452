package filter

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/differences"
)

// verdict is what an expression says of a message, with Apache's nuances: T true, F false, N null, X an exception. It is ? where
// that depends on how the properties' values are found.
func verdict(p *program, properties []byte) byte {
	got := judge(p, properties)
	if p.places != nil {
		return got
	}
	many := &program{nodes: p.nodes, names: p.names, constants: p.constants, chains: p.chains, lists: p.lists, root: p.root, places: map[string]int32{}}
	for i, name := range p.names {
		many.places[name] = int32(i)
	}
	for range 2 { // what one evaluation leaves in the pool is nothing to the next
		judge(many, []byte("a\x011\x02b\x01x\x02c\x01true\x02"))
		if judge(many, properties) != got {
			return '?'
		}
	}
	return got
}

func judge(p *program, properties []byte) byte {
	var r run
	p.collect(&r, properties)
	defer p.release(&r)
	v := p.evaluate(p.root, &r)
	switch {
	case v.kind == failed:
		return 'X'
	case v.kind == null:
		return 'N'
	case v.truth:
		return 'T'
	}
	return 'F'
}

// asked is an expression of which Apache's evaluator has said something.
type asked struct {
	expression string
	messages   [][]byte // their properties
	want       string   // a verdict for each, or E
}

// said are 15,000 expressions of package internal/sqlgen and what the evaluator of RocketMQ 5.5.0 said of
// five messages each, or that it refused them, from testdata/apache.txt.gz. TestFilterAgainstApache of package interop wrote it, and asks Apache about
// fresh ones.
func said(t *testing.T) (all []asked) {
	t.Helper()
	f, err := os.Open("testdata/apache.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var properties [][]byte
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		if kind == "p" {
			properties = append(properties, []byte(unquoted(t, rest)))
			continue
		}
		messages, rest, _ := strings.Cut(rest, " ")
		want, quoted, _ := strings.Cut(rest, " ")
		a := asked{expression: unquoted(t, quoted), want: want}
		for m := range strings.SplitSeq(messages, ",") {
			i, err := strconv.Atoi(m)
			if err != nil {
				t.Fatal(err)
			}
			a.messages = append(a.messages, properties[i])
		}
		all = append(all, a)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// say is what we say, with a program that spoil has changed.
func (a *asked) say(spoil func(p *program)) string {
	p, err := compileSQL(a.expression)
	if err != nil {
		return "E"
	}
	spoil(p)
	var got []byte
	for _, properties := range a.messages {
		got = append(got, verdict(p, properties))
	}
	return string(got)
}

func TestAsApache(t *testing.T) {
	counts, all := map[byte]int{}, said(t)
	for _, a := range all {
		if got := a.say(func(*program) {}); got != a.want {
			t.Errorf("%q: Apache says %s, we say %s", a.expression, a.want, got)
		}
		for i := range len(a.want) {
			counts[a.want[i]]++
		}
	}
	t.Logf("%d expressions, verdicts: %d true, %d false, %d null, %d exceptions, %d expressions refused",
		len(all), counts['T'], counts['F'], counts['N'], counts['X'], counts['E'])
	for _, v := range []byte("TFNXE") {
		if len(all) < 10000 || counts[v] < 1000 {
			t.Errorf("%d expressions and %d times verdict %c show too little", len(all), counts[v], v)
		}
	}
}

// TestAsApacheFindsPlantedBugs shows that each operator done wrong shows in what Apache has said.
func TestAsApacheFindsPlantedBugs(t *testing.T) {
	all := said(t)
	f := func(bug string, spoil func(p *program)) {
		t.Helper()
		for i := range all {
			if got := all[i].say(spoil); got != all[i].want {
				t.Logf("%s: found with expression %d, %q: Apache says %s, a bug %s", bug, i+1, all[i].expression, all[i].want, got)
				return
			}
		}
		t.Errorf("%s: not found in %d expressions", bug, len(all))
	}
	each := func(op operator, change func(n *node)) func(p *program) {
		return func(p *program) {
			for i := range p.nodes {
				if p.nodes[i].op == op {
					change(&p.nodes[i])
				}
			}
		}
	}
	becomes := func(op operator) func(n *node) { return func(n *node) { n.op = op } }
	turned := func(n *node) { n.not = !n.not }
	f("AND is OR", each(opAnd, becomes(opOr)))
	f("OR is AND", each(opOr, becomes(opAnd)))
	f("> is >=", each(opGreater, becomes(opGreaterEqual)))
	f(">= is >", each(opGreaterEqual, becomes(opGreater)))
	f("< is <=", each(opLess, becomes(opLessEqual)))
	f("<= is <", each(opLessEqual, becomes(opLess)))
	f("CONTAINS is STARTSWITH", each(opContains, becomes(opStartsWith)))
	f("STARTSWITH is ENDSWITH", each(opStartsWith, becomes(opEndsWith)))
	f("ENDSWITH is CONTAINS", each(opEndsWith, becomes(opContains)))
	f("= is <=", each(opEqual, becomes(opLessEqual)))
	f("IN is NOT IN", each(opIn, turned))
	f("CONTAINS is NOT CONTAINS", each(opContains, turned))
	f("IS NULL of null is null", each(opIsNull, becomes(opCast)))
	f("NOT is FALSE", each(opNot, becomes(opCast)))
	f("the last texts of a list are left out", func(p *program) {
		for i := range p.lists {
			p.lists[i] = p.lists[i][:len(p.lists[i])/2]
		}
	})
}

func unquoted(t *testing.T, quoted string) string {
	t.Helper()
	s, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return s
}

// The list of package differences has an example of each difference from Apache. One that no longer differs fails; that Apache does
// as the list says is checked by TestFilterAgainstApache of package interop.
func TestListedDifferences(t *testing.T) {
	listed := 0
	for _, e := range differences.Of(t, "filter sql92") {
		for _, l := range e.Lines {
			listed++
			listedDifference(t, l)
		}
	}
	if listed == 0 {
		t.Error("nothing is listed")
	}
}

func listedDifference(t *testing.T, l differences.Line) {
	t.Helper()
	var d struct {
		Before, Middle, After, Apache, Aerobee string
		Times                                  int
		Properties                             []byte
	}
	if err := json.Unmarshal([]byte(l.Text), &d); err != nil {
		t.Fatalf("%s:%d: %v", differences.File, l.Number, err)
	}
	got := "E"
	if p, err := compileSQL(strings.Repeat(d.Before, d.Times) + d.Middle + strings.Repeat(d.After, d.Times)); err == nil {
		got = string(verdict(p, d.Properties))
	}
	if got != d.Aerobee || got == d.Apache {
		t.Errorf("%s:%d: we say %s, the list says %s and %s of Apache", differences.File, l.Number, got, d.Aerobee, d.Apache)
	}
}
