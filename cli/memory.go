package cli

import (
	"os"
	"runtime"
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

// limitMemory tells the Go runtime to collect garbage harder near the limit.
func limitMemory(limit int64) {
	if limit > 0 {
		debug.SetMemoryLimit(limit - uncounted(limit))
	}
}

// uncounted is the part of the limit that the Go runtime does not count and must leave alone: the pages of the binary that are in
// memory, 30 to 34 MiB, and what is allocated before a collection is through. A tenth, but no less than 42 MiB,
// unless that is more than half.
func uncounted(limit int64) int64 {
	return min(max(limit/10, 42<<20), limit/2)
}

// spareProcs is how many goroutines may run besides one for each processor. Writes and syncs of the commit log block their threads for
// 50 to 200 µs each, and a thread in a system call occupies its place until the runtime's monitor, which looks every 20 µs
// then, takes it away: with two processors a tenth of the server's CPU time went there (ARCHITECTURE.md, "More threads than processors").
const spareProcs = 2

// spareThreads lets goroutines run while others wait for the disk, unless GOMAXPROCS in the environment says how many may. Where a control
// group limits the CPU time the runtime's number stays, since the runtime follows changes of the limit.
func spareThreads(environ []string) {
	for _, e := range environ {
		if strings.HasPrefix(e, "GOMAXPROCS=") {
			return
		}
	}
	if runtime.GOMAXPROCS(0) == runtime.NumCPU() {
		runtime.GOMAXPROCS(runtime.NumCPU() + spareProcs)
	}
}
