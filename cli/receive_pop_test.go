package cli

import (
	"strings"
	"testing"
)

// TestReceiveByPop takes messages one by one: what is printed is done, whoever asks next.
func TestReceiveByPop(t *testing.T) {
	s := session{startNode(t)}
	s.run(t, "aerobee topic create T --queues 1")
	for _, body := range []string{"one", "two", "three --tag a"} {
		s.run(t, "aerobee send T "+body)
	}
	f := func(command, want string) {
		t.Helper()
		if got := s.run(t, command); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
	f("aerobee receive T --group g --pop --body --count 1", "one\n")
	f("aerobee receive T --group g --pop --body --idle 100ms", "two\nthree\n")
	f("aerobee receive T --group g --pop --idle 100ms", "No messages in T\n")
	f("aerobee receive T --group h --pop --body --idle 100ms --tag a", "three\n")
	for _, command := range []string{"aerobee receive T --pop", "aerobee receive T --group g --pop --from 10m"} {
		if got := s.run(t, command); !strings.Contains(got, "--pop is for a group") {
			t.Errorf("%s: %s", command, got)
		}
	}
}
