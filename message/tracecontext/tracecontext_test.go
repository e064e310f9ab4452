package tracecontext

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

const (
	good  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func TestParse(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c, err := Parse([]byte(text))
		got := ""
		if err == nil {
			got = c.Parent()
		} else if got = err.Error(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v is no ErrMalformed", text, err)
		}
		if err == nil && got != want || err != nil && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f(good, good)
	f(other, other)
	f(good[:53]+"ff", good) // the other flags are none of ours
	f("cc"+good[2:], good)  // a later version, as far as we know it
	f("cc"+good[2:]+"-x", good)
	f("cc"+good[2:]+"x", `'x' at offset 55`)
	f("cc"+good[2:]+strings.Repeat("-", 300), "has 355 bytes")
	f("", "has 0 bytes, it must have 55")
	f(good[:54], "has 54 bytes")
	f(good+"-01", "version 00 and 58 bytes")
	f("ff"+good[2:], "version ff")
	f("0A"+good[2:], `'A' at offset 1, in the version`)
	f(strings.ToUpper(good), `at offset 4, in the trace id`)
	f(strings.Replace(good, "b7ad", "b7xd", 1), `'x' at offset 38, in the span id`)
	f(good[:53]+"0g", `'g' at offset 54, in the flags`)
	f(strings.Replace(good, "-b7", "_b7", 1), `'_' at offset 35`)
	f("00-"+strings.Repeat("0", 32)+good[35:], "all 0")
	f(good[:36]+strings.Repeat("0", 16)+good[52:], "all 0")
}

func TestCheckState(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		err := CheckState([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	f("", "")
	f("congo=t61rcWkgMzE", "")
	f("rojo=00f067aa0ba902b7, congo=t61 rcWkgMzE ,\t,", "")
	f("fw529a3039@dt=FfTsYWdFbm9y,1a-_*/=!", "")
	f("Rojo=1", "no key=value at offset 0")
	f("a=1,_b=2", "no key=value at offset 4")
	f("a=1,b", "no key=value at offset 4")
	f("a=", "no key=value at offset 0")
	f("a=b=c", "no key=value at offset 0")
	f("a=\x7f", "no key=value at offset 0")
	f("=1", "no key=value at offset 0")
	f("a=1,b=2,a=3", "the key a twice, again at offset 8")
	f("a="+strings.Repeat("x", 257), "no key=value at offset 0")
	f(strings.Repeat("k", 257)+"=1", "no key=value at offset 0")
	f("a="+strings.Repeat("x", 511), "has 513 bytes, the limit is 512")
	many := ""
	for i := range 33 {
		many += fmt.Sprintf("k%d=1,", i)
	}
	f(many, "more than 32 members")
}

func TestOf(t *testing.T) {
	f := func(want string, state string, pairs ...string) {
		t.Helper()
		var p message.Properties
		for i := 0; i < len(pairs); i += 2 {
			p = message.AppendProperty(p, pairs[i], pairs[i+1])
		}
		c, ok, err := Of(p)
		got := ""
		if ok {
			got = c.Parent()
		}
		if err != nil {
			got = "error"
		}
		if got != want || c.State != state {
			t.Errorf("%q: got %q with state %q, want %q with %q", pairs, got, c.State, want, state)
		}
	}
	f("", "")
	f("", "", "TAGS", "x", "tracestate", "a=1")
	f(good, "", "TAGS", "x", "traceparent", good)
	f(good, "a=1", "tracestate", "a=1", "traceparent", good, "TRACE_CONTEXT", other)
	f(good, "", "traceparent", good, "tracestate", "A=1")
	f("error", "", "traceparent", good[1:])
	f(other, "", "TRACE_CONTEXT", other)
	f("", "", "TRACE_CONTEXT", "whatever a client likes")
	f("", "", "Traceparent", good)
}

func TestLookingAllocatesNothing(t *testing.T) {
	p := message.AppendProperty(message.AppendProperty(nil, "TAGS", "x"), "traceparent", good)
	n := testing.AllocsPerRun(100, func() {
		if c, ok, err := Of(p); !ok || err != nil || !c.Sampled() {
			t.Fatal(c, ok, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{good, other, "", "cc" + good[2:] + "-x", strings.ToUpper(good)} {
		f.Add([]byte(s), []byte("congo=t61rcWkgMzE, a@b=c"))
	}
	f.Fuzz(func(t *testing.T, parent, state []byte) {
		c, err := Parse(parent)
		if err == nil {
			again, err := Parse([]byte(c.Parent()))
			if err != nil || again != c {
				t.Errorf("%q: %v became %v, %v", parent, c, again, err)
			}
		} else if c != (Context{}) || len(err.Error()) > 300 {
			t.Errorf("%q: %v, %v", parent, c, err)
		}
		if err := CheckState(state); err != nil && (!errors.Is(err, ErrMalformed) || len(err.Error()) > 500) {
			t.Errorf("%q: %v", state, err)
		}
		p := message.AppendProperty(message.AppendProperty(nil, PropState, string(state)), PropParent, string(parent))
		if c, ok, _ := Of(p); ok && CheckState([]byte(c.State)) != nil {
			t.Errorf("%q: the state is kept, though malformed", c.State)
		}
	})
}
