package transcript

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := Parse("about\n$ one a \\\n  b\nout\n\n$ two\n$ three\nx\n[exit 1]\n")
	want := []Step{{2, "one a \\\n  b", "out\n\n"}, {6, "two", ""}, {7, "three", "x\n[exit 1]\n"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Output("x", 1); got != want[2].Want {
		t.Errorf("output %q", got)
	}
}

func TestNormalize(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Normalize(in); got != want {
			t.Errorf("%q is normalized to %q, want %q", in, got, want)
		}
	}
	f("a  2026-01-02 03:04:05   b  \n\n", "a  <time>  b\n")
	f(`{"at":"2026-01-02T03:04:05.123Z"}`, `{"at":"<time>"}`+"\n")
	f("10.0.0.1@77#123456 at 127.0.0.1:54321 took 12.5ms", "<client> at <address> took <duration>\n")
	f("id 7F0000010000277800000000000004D2 10s", "id <id> 10s\n")
}

func TestLast(t *testing.T) {
	const id = "7F0000010000277800000000000004D2"
	if got := Last("sent " + id + " and 00" + id); got != id {
		t.Errorf("got %q", got)
	}
	if got := Last("sent nothing"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestWords(t *testing.T) {
	f := func(command, stdin string, want ...string) {
		t.Helper()
		words, in, err := Words(command)
		if diff := cmp.Diff(want, words); diff != "" || in != stdin || err != nil {
			t.Errorf("%q: stdin %q, %v\n%s", command, in, err, diff)
		}
	}
	f(`aerobee  send T "a b" 'c"d' e\ f ''`, "", "aerobee", "send", "T", "a b", `c"d`, "e f", "")
	f("a b \\\n  c", "", "a", "b", "c")
	f(`printf 'one\ntwo\n' | aerobee send T`, "one\ntwo\n", "aerobee", "send", "T")
	for _, bad := range []string{`a 'b`, `cat x | a`, `a | b | c`} {
		if _, _, err := Words(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
