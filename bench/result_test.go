package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

func example() *Result {
	num := func(v float64) *float64 { return &v }
	return &Result{Mode: EndToEnd, Load: "1 sender, 1000 messages/s, 1 connection, 1024 bytes of text", Topic: "bench-e2e-1f",
		Started: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Seconds: 10, Messages: 10000, Rate: 1000, MB: 1.024,
		Latency: &Latency{201.5, 310.2, 290, 480.1, 990, 2400, 120_000.5}, Ack: &Latency{101, 160, 150, 220, 510, 900, 1_200_000},
		Errors: map[string]int64{"no answer in time": 2, "refused with code 2": 7, "busy": 2}, Failed: 11,
		Expected: 1234567, Received: 1234560, Duplicates: 3, Lost: 7,
		CPU:     CPU{ClientPerMillion: num(4.2), OthersShare: num(0.0123)},
		Machine: Machine{"linux/amd64", 2, "A Processor", "6.1"}, Versions: Versions{"aerobee v1.2.3", "go1.26.0", "V5_5_0"}}
}

func TestGoldenJSON(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(example()); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.json", b.String())
}

func TestGoldenTable(t *testing.T) {
	var b strings.Builder
	if err := example().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.txt", b.String())
}

func TestProblems(t *testing.T) {
	f := func(r Result, want string) {
		t.Helper()
		got := ""
		if err := r.Problem(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
	f(Result{Messages: 5}, "")
	f(Result{Messages: 5, Failed: 1}, "")
	f(Result{Messages: 5, Expected: 6, Lost: 1}, "1 of 6 messages were not received")
	f(Result{Failed: 4, Errors: map[string]int64{"busy": 4}}, "no message got through: 4 × busy")
	f(Result{}, "nothing was measured: the run ended while it warmed up, or had nothing to do")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTableThatCannotBeWritten(t *testing.T) {
	if err := example().WriteTable(fullDisk{}); err == nil {
		t.Error("no error")
	}
}

func TestMicros(t *testing.T) {
	for v, want := range map[float64]string{0.4: "0 µs", 999: "999 µs", 1500: "1.50 ms", 123_456: "123 ms", 2_500_000: "2.50 s"} {
		if got := micros(v); got != want {
			t.Errorf("%g is %q, want %q", v, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	f := func(random bool, seed uint64) string { return string(newBody(1000, random, seed)) }
	if text := f(false, 0); len(text) != 1000 || !strings.HasPrefix(text, "Aerobee was") || strings.Count(text, "rocket") < 8 {
		t.Errorf("text %q", text)
	}
	if first, again := f(true, 1), f(true, 1); first != again || first == f(true, 2) {
		t.Error("random bodies do not follow their seed")
	}
	if len(newBody(0, true, 1)) != 0 {
		t.Error("an empty body is not empty")
	}
}

func TestStamps(t *testing.T) {
	body := make([]byte, stampSize)
	putStamp(body, 7, 42*time.Microsecond)
	if at, ok := stampOf(body, 7); !ok || at != 42*time.Microsecond {
		t.Errorf("%v, %v", at, ok)
	}
	putStamp(body, 7, probe)
	if at, ok := stampOf(body, 7); !ok || at != probe {
		t.Errorf("%v, %v", at, ok)
	}
	for _, other := range [][]byte{nil, body[:15], append([]byte{1}, body...)} {
		if _, ok := stampOf(other, 7); ok {
			t.Errorf("%x is taken for ours", other)
		}
	}
}
