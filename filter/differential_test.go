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

// testdata/apache.txt.gz holds 15,000 expressions of package internal/sqlgen and what the evaluator of RocketMQ 5.5.0 said of
// five messages each, or that it refused them. TestFilterAgainstApache of package interop wrote it, and asks Apache about
// fresh ones.
func TestAsApache(t *testing.T) {
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
	counts := map[byte]int{}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<20)
	expressions := 0
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		if kind == "p" {
			properties = append(properties, []byte(unquoted(t, rest)))
			continue
		}
		messages, rest, _ := strings.Cut(rest, " ")
		want, quoted, _ := strings.Cut(rest, " ")
		expression := unquoted(t, quoted)
		expressions++
		got, err := "", error(nil)
		p, err := compileSQL(expression)
		if err != nil {
			got = "E"
		} else {
			for m := range strings.SplitSeq(messages, ",") {
				i, err := strconv.Atoi(m)
				if err != nil {
					t.Fatal(err)
				}
				got += string(verdict(p, properties[i]))
			}
		}
		if got != want {
			t.Errorf("%q for messages %s: Apache says %s, we say %s", expression, messages, want, got)
		}
		for i := range len(want) {
			counts[want[i]]++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d expressions, %d messages, verdicts: %d true, %d false, %d null, %d exceptions, %d expressions refused",
		expressions, len(properties), counts['T'], counts['F'], counts['N'], counts['X'], counts['E'])
	for _, v := range []byte("TFNXE") {
		if expressions < 10000 || counts[v] < 1000 {
			t.Errorf("%d expressions and %d times verdict %c show too little", expressions, counts[v], v)
		}
	}
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
