package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
)

func TestTimer(t *testing.T) {
	s := session{startNode(t)}
	has := func(command string, wants ...string) string {
		t.Helper()
		got := s.run(t, command)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", command, want, got)
			}
		}
		return got
	}
	has("aerobee timer list", "No message waits for its time.\n")
	has("aerobee timer count", "No message waits for its time.\n")
	s.run(t, "aerobee topic create Mail")
	s.run(t, "aerobee send Mail later --delay 30m --tag a --key k1")
	s.run(t, "aerobee send Mail far --property TIMER_DELAY_SEC=86400000 --count 3")
	got := has("aerobee timer list", "HANDLE", "level 16", "time", "k1", "Mail")
	if lines := strings.Split(got, "\n"); len(lines) != 6 || !strings.Contains(lines[1], "level 16") {
		t.Errorf("what is due first is not first:\n%s", got)
	}
	has("aerobee timer list --limit 2", "There may be more")
	has("aerobee timer list --topic Other", "No message waits for its time.\n")
	has("aerobee timer count", "Mail", "4 messages in all")
	has("aerobee timer count --json", `{"pending":4,"topics":[{"topic":"Mail","pending":4,"first":"`)
	var all []v1.Timer
	if err := json.Unmarshal([]byte(s.run(t, "aerobee timer list --json")), &all); err != nil || len(all) != 4 || all[0].Level != 16 || all[3].BodyBytes != 3 {
		t.Fatalf("%v, %+v", err, all)
	}
	has(fmt.Sprint("aerobee timer cancel ", all[1].Handle), fmt.Sprintf("cancelled %d: to Mail, due ", all[1].Handle))
	has(fmt.Sprint("aerobee timer cancel ", all[2].Handle, " --json"), fmt.Sprintf(`[{"handle":%d,`, all[2].Handle))
	has(fmt.Sprint("aerobee timer cancel ", all[1].Handle), "no message is pending under this handle", "[exit 1]")
	has("aerobee timer cancel soon", "is no handle", "[exit 2]")
	has("aerobee timer list --limit 0", "at least 1", "[exit 2]")
	has("aerobee timer count", "2 messages in all")
}
