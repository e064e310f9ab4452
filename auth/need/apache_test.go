package need_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/need"
	"github.com/aerobee-mq/aerobee/internal/differences"
	"github.com/aerobee-mq/aerobee/protocol"
)

// annotated is a line of testdata/rocketmq-5.5.0.txt.
type annotated struct {
	code          int32
	kind, actions string
	fields        []string // KIND:NAME, or KIND:NAME/SEPARATOR for a list
}

func parseAnnotated(t *testing.T, line string) annotated {
	t.Helper()
	head, rest, _ := strings.Cut(line, "[")
	names, fields, _ := strings.Cut(rest, "]")
	words := strings.Fields(head)
	code, err := strconv.ParseInt(words[0], 10, 32)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return annotated{code: int32(code), kind: words[1], actions: strings.ReplaceAll(names, " ", ""), fields: strings.Fields(fields)}
}

// compare says in which rights the table's row is not as annotated.
func (a annotated) compare(table *need.Table) (differs []string) {
	f := protocol.Frame{Code: a.code}
	want := map[string]bool{}
	for _, field := range a.fields {
		kind, name, _ := strings.Cut(field, ":")
		name, sep, _ := strings.Cut(name, "/")
		value := kind + name
		want[a.actions+" "+kind+":"+value] = true
		if sep != "" {
			value += sep + "second"
			want[a.actions+" "+kind+":second"] = true
		}
		f.Fields.Add(name, value)
	}
	if len(want) == 0 {
		want[a.actions+" "+a.kind+":c"] = true
	}
	needs, err := table.Of(&f)
	if err != nil {
		return []string{"it asks for nothing: " + err.Error()}
	}
	for _, n := range needs {
		got := strings.ToUpper(strings.Join(n.Actions, ",")) + " " + strings.ToUpper(n.Resource.Kind) + ":" + n.Resource.Name
		if !want[got] {
			differs = append(differs, "it asks for "+got)
		}
		delete(want, got)
	}
	for missing := range want {
		differs = append(differs, "it does not ask for "+missing)
	}
	return differs
}

// allowed are the codes of requests that ask for something else on purpose.
func allowed(t *testing.T) map[int32]bool {
	t.Helper()
	out := map[int32]bool{}
	for _, e := range differences.Of(t, "auth/need rocketmq-5.5.0.txt") {
		for _, l := range e.Lines {
			code, err := strconv.ParseInt(l.Text, 10, 32)
			if err != nil || out[int32(code)] {
				t.Errorf("%s:%d: %q is no number, or stands there twice", differences.File, l.Number, l.Text)
			}
			out[int32(code)] = true
		}
	}
	return out
}

// TestAsRocketMQ holds the table to the annotations of RocketMQ 5.5.0. What differs on purpose stands in the list of package differences.
func TestAsRocketMQ(t *testing.T) {
	text, err := os.ReadFile("testdata/rocketmq-5.5.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	table, on := need.New("c"), allowed(t)
	compared := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		a := parseAnnotated(t, line)
		if !table.Has(a.code) {
			continue
		}
		differs := a.compare(table)
		if on[a.code] {
			delete(on, a.code)
			if len(differs) == 0 {
				t.Errorf("%s: %d no longer differs", differences.File, a.code)
			}
			continue
		}
		compared++
		for _, how := range differs {
			t.Errorf("%d: %s", a.code, how)
		}
	}
	if compared < 60 {
		t.Errorf("%d requests compared only", compared)
	}
	for code := range on {
		t.Errorf("%s: there is no request %d to compare", differences.File, code)
	}
}
