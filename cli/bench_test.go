package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/bench"
)

func TestBench(t *testing.T) {
	node := session{startNode(t)}
	f := func(args string, wantCode int, want string) {
		t.Helper()
		printed, code := node.main(t, strings.NewReader(""), strings.Fields(args)...)
		if code != wantCode || !strings.Contains(printed, want) {
			t.Errorf("aerobee %s: code %d, printed %q; want %d, %q", args, code, printed, wantCode, want)
		}
	}
	f("bench", 0, "aerobee bench e2e --rate 1000")
	f("bench send --help", 0, "--connections 4 --window 1000")
	f("bench consume --help", 0, "--patience")
	f("bench send --count 100 --threads 2 --size 32", 0, "messages    100 in ")
	f("bench consume --count 100 --size 32", 0, "received    100 of 100, 0 lost, 0 more than once")
	f("bench e2e --count 50 --rate 5000 --size 32 --progress", 0, "received    50 of 50, 0 lost")
	f("bench send --count 100 --topics 3 --threads 2", 0, "3 topics")
	f("bench e2e --count 20 --rate 5000 --size 32 --consumers 3 --broadcast", 0, "received    60 of 60, 0 lost")
	f("bench send --batch 2 --window 2", 1, "use threads, not window")
	f("bench send now", 2, `"now" is one argument too many: aerobee bench send`)
	f("bench e2e --one-way", 2, "unknown flag: --one-way")
	f("bench consume --topic nothing", 1, "there is no topic nothing to consume")
}

// TestBenchTellsWhereItLooked runs without a server.
func TestBenchTellsWhereItLooked(t *testing.T) {
	printed, code := session{"127.0.0.1:1"}.main(t, strings.NewReader(""), "bench", "send")
	if code != 1 || !strings.Contains(printed, "no NameServer answers at 127.0.0.1:1; is the server running?") {
		t.Errorf("code %d, printed %q", code, printed)
	}
}

func TestBenchJSONAndProfile(t *testing.T) {
	node, profile := session{startNode(t)}, filepath.Join(t.TempDir(), "cpu")
	printed, code := node.main(t, strings.NewReader(""), "bench", "send", "--count", "20", "--size", "10", "--json", "--cpuprofile", profile)
	var r bench.Result
	if err := json.Unmarshal([]byte(printed), &r); err != nil || code != 0 || r.Messages != 20 || r.Latency == nil {
		t.Errorf("code %d: %v in %q", code, err, printed)
	}
	if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
		t.Errorf("profile: %v", err)
	}
	if printed, code := node.main(t, strings.NewReader(""), "bench", "send", "--cpuprofile", "/nowhere/cpu"); code != 1 || !strings.Contains(printed, "/nowhere/cpu") {
		t.Errorf("code %d, printed %q", code, printed)
	}
}
