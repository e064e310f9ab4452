package decide_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/decide"
)

// TestAsRocketMQ decides questions that RocketMQ 5.5.0's AclAuthorizationHandler was asked, about entries and questions that were drawn by lot. Each line of the
// file is the question, the entries and what decided, with bars between.
func TestAsRocketMQ(t *testing.T) {
	text, err := os.ReadFile("testdata/rocketmq-5.5.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		if len(parts) != 3 {
			t.Fatalf("%q is not a case", line)
		}
		var entries []string
		if parts[1] != "" {
			entries = strings.Split(parts[1], "; ")
		}
		n++
		v := decide.By(list(t, entries...), nil, question(t, parts[0]))
		if got := v.Reason(); got != parts[2] {
			t.Errorf("%s of %s\n got %s\nwant %s", parts[0], parts[1], got, parts[2])
		}
	}
	if n < 250 {
		t.Errorf("%d cases only", n)
	}
}
