package cli

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// cgroupLimit is where Linux tells the memory limit of this process's control group (version 2, inside a container).
const cgroupLimit = "/sys/fs/cgroup/memory.max"

// memoryLimit is the memory that the process may use: what the settings say, else its control group's limit, else 0 for
// no limit.
func memoryLimit(set int64, cgroupFile string) int64 {
	if set > 0 {
		return set
	}
	text, err := os.ReadFile(cgroupFile) // #nosec G304 -- a constant path outside of tests
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return n
}

// limitMemory tells the Go runtime to collect garbage harder near the limit. A tenth stays for what it does not count:
// the binary, stacks of the kernel, page tables.
func limitMemory(limit int64) {
	if limit > 0 {
		debug.SetMemoryLimit(limit - limit/10)
	}
}
