package pop

import (
	"os"
	"strconv"
	"testing"
)

// schedules is how many the simulator plays: a few seconds' worth, or what AEROBEE_POP_SCHEDULES says.
func schedules(t *testing.T) (n uint64) {
	if text := os.Getenv("AEROBEE_POP_SCHEDULES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return 500
	}
	return 3000
}

func seed(t *testing.T) uint64 {
	n, err := strconv.ParseUint(os.Getenv("AEROBEE_POP_SEED"), 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// TestSimulate plays schedules; a failure names the seed to start at.
func TestSimulate(t *testing.T) {
	first := seed(t)
	for s := first; s < first+schedules(t); s++ {
		if err := run(s, noBug); err != nil {
			t.Fatalf("AEROBEE_POP_SEED=%d: %v", s, err)
		}
	}
}

// TestSimulatorFindsPlantedBugs shows that the simulator can fail.
func TestSimulatorFindsPlantedBugs(t *testing.T) {
	names := map[bug]string{dropAck: "a dropped ack", skipAck: "an ack that is not applied", early: "an early re-put", forget: "an entry forgotten at a crash",
		twoCopies: "a second copy", missRePut: "a re-put that a replay misses", doubleLease: "two pops at once", staleReplay: "old changes over a newer snapshot"}
	for b := noBug + 1; b < bugs; b++ {
		found := false
		for s := uint64(1); s < 3000 && !found; s++ {
			if err := run(s, b); err != nil {
				found = true
				t.Logf("%s, seed %d: %v", names[b], s, err)
			}
		}
		if !found {
			t.Errorf("%s goes undetected", names[b])
		}
	}
}
