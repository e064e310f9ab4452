package interop

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/internal/sqlgen"
	"github.com/aerobee-mq/aerobee/message"
)

// Sizes of the comparison with Apache's evaluator.
const (
	filterMessages    = 500
	filterExpressions = 15000
	filterEach        = 5 // messages that an expression is judged for
)

// filterCase is an expression, the messages it is judged for, and what Apache's evaluator says, see Judge.java.
type filterCase struct {
	expression string
	messages   []int
	verdicts   string
}

// TestFilterAgainstApache lets Apache's own SQL92 evaluator and ours judge the same fresh expressions and properties, and the
// listed differences (package differences). AEROBEE_INTEROP_SEED repeats a run; AEROBEE_INTEROP_FILTER_RECORD=1 keeps Apache's verdicts for the
// tests of package filter.
func TestFilterAgainstApache(t *testing.T) {
	record := os.Getenv("AEROBEE_INTEROP_FILTER_RECORD") != ""
	seed := rand.Uint64()
	if text := os.Getenv("AEROBEE_INTEROP_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("AEROBEE_INTEROP_SEED=%d", seed)
	g := sqlgen.New(seed)
	properties, cases := make([][]byte, filterMessages), make([]filterCase, filterExpressions)
	for i := range properties {
		properties[i] = g.Properties()
	}
	for i := range cases {
		cases[i].expression = g.Expression()
		for j := range filterEach {
			cases[i].messages = append(cases[i].messages, (i*31+j*97)%filterMessages)
		}
	}
	askApache(t, properties, cases)
	if record {
		recordVerdicts(t, properties, cases)
	}
	refused := 0
	for _, c := range cases {
		if c.verdicts == "E" {
			refused++
		}
		if got := ourVerdicts(properties, c); got != strings.NewReplacer("N", "F", "X", "F").Replace(c.verdicts) {
			t.Errorf("%q for messages %d: Apache says %s, we say %s", c.expression, c.messages, c.verdicts, got)
		}
	}
	t.Logf("%d expressions, %d of them refused by both", len(cases), refused)
	listedDifferences(t)
}

// ourVerdicts are as Judge's, but F stands for everything that does not match.
func ourVerdicts(properties [][]byte, c filterCase) string {
	f, err := filter.Compile(filter.SQL92, c.expression)
	if err != nil {
		return "E"
	}
	var out strings.Builder
	for _, i := range c.messages {
		if f.MatchProperties(message.Properties(properties[i])) {
			out.WriteByte('T')
		} else {
			out.WriteByte('F')
		}
	}
	return out.String()
}

// listedDifferences asks Apache for the differences that are listed: what it is said to say must be so.
func listedDifferences(t *testing.T) {
	t.Helper()
	type example struct {
		Before, Middle, After, Apache string
		Times                         int
		Properties                    []byte
		line                          int
	}
	var listed []example
	properties, cases := [][]byte{}, []filterCase{}
	for _, e := range differences.Of(t, "filter sql92") {
		for _, l := range e.Lines {
			d := example{line: l.Number}
			if err := json.Unmarshal([]byte(l.Text), &d); err != nil {
				t.Fatalf("%s:%d: %v", differences.File, l.Number, err)
			}
			listed = append(listed, d)
			properties = append(properties, d.Properties)
			cases = append(cases, filterCase{expression: strings.Repeat(d.Before, d.Times) + d.Middle + strings.Repeat(d.After, d.Times), messages: []int{len(cases)}})
		}
	}
	askApache(t, properties, cases)
	for i, d := range listed {
		if cases[i].verdicts != d.Apache {
			t.Errorf("%s:%d: Apache says %s, the list says %s", differences.File, d.line, cases[i].verdicts, d.Apache)
		}
	}
}

// askApache fills in Apache's verdicts.
func askApache(t *testing.T, properties [][]byte, cases []filterCase) {
	t.Helper()
	need(t, "java", "mvn")
	jars := javaJars(t, "server", javaNew)
	var in bytes.Buffer
	for _, p := range properties {
		fmt.Fprintf(&in, "p %s\n", base64.StdEncoding.EncodeToString(p))
	}
	for _, c := range cases {
		fmt.Fprintf(&in, "e %s %s\n", base64.StdEncoding.EncodeToString([]byte(c.expression)), strings.Trim(fmt.Sprint(c.messages), "[]"))
	}
	cmd := exec.Command("java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", jars, "java/src/filter/Judge.java")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(cases) {
		t.Fatalf("Judge gives %d lines for %d expressions", len(lines), len(cases))
	}
	for i := range cases {
		cases[i].verdicts = lines[i]
	}
}

// recordVerdicts writes the cases down for the tests of package filter.
func recordVerdicts(t *testing.T, properties [][]byte, cases []filterCase) {
	t.Helper()
	f, err := os.Create(filepath.Join("..", "filter", "testdata", "apache.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(packed)
	for _, p := range properties {
		fmt.Fprintf(w, "p %q\n", p)
	}
	for _, c := range cases {
		fmt.Fprintf(w, "e %s %s %q\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(c.messages), " ", ","), "[]"), c.verdicts, c.expression)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
}
