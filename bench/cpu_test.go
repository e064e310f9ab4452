package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCostOfASpan(t *testing.T) {
	s := time.Second
	num := func(v float64) *float64 { return &v }
	f := func(what string, a, b cpuTimes, messages int64, want CPU) {
		t.Helper()
		if diff := cmp.Diff(want, costOf(a, b, messages)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	a := cpuTimes{self: 1 * s, server: 5 * s, busy: 100 * s, total: 1000 * s}
	f("all is known", a, cpuTimes{self: 3 * s, server: 9 * s, busy: 108 * s, total: 1020 * s}, 2_000_000, CPU{num(1), num(2), num(0.1)})
	f("ticks of the machine lag behind", a, cpuTimes{self: 3 * s, server: 9 * s, busy: 105 * s, total: 1020 * s}, 2_000_000, CPU{num(1), num(2), num(0)})
	f("nothing was done", a, cpuTimes{self: 3 * s, server: 9 * s, busy: 108 * s, total: 1020 * s}, 0, CPU{OthersShare: num(0.1)})
	a.server = unknownCPU
	f("no server is named", a, cpuTimes{self: 3 * s, server: unknownCPU, busy: 108 * s, total: 1020 * s}, 1_000_000, CPU{ClientPerMillion: num(2)})
	f("a system that tells nothing", cpuTimes{unknownCPU, unknownCPU, unknownCPU, unknownCPU}, cpuTimes{unknownCPU, unknownCPU, unknownCPU, unknownCPU}, 1, CPU{})
}

func TestReadCPUOfNow(t *testing.T) {
	now, err := readCPU(0)
	if err != nil || now.self == 0 || now.server != unknownCPU {
		t.Errorf("read %+v: %v", now, err)
	}
	if _, err := readCPU(1 << 30); err == nil {
		t.Error("read the CPU time of a process that is not there")
	}
}
