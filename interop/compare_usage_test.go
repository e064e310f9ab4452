//go:build numbers

package interop

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// cpuTick is the unit of CPU times in /proc.
const cpuTick = 10 * time.Millisecond

// usage is what a process has used so far.
type usage struct {
	parent int
	kernel bool          // a thread of the kernel
	own    time.Duration // CPU time, user's and system's
	family time.Duration // that of children that have ended, too
}

// readUsage reads fields 4, 9 and 14 to 17 of /proc/PID/stat; the name in field 2 may hold anything.
func readUsage(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return usage{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	var numbers [15]int64
	for _, i := range []int{1, 6, 11, 12, 13, 14} {
		if numbers[i], err = strconv.ParseInt(string(fields[i]), 10, 64); err != nil {
			return usage{}, err
		}
	}
	const kernelThread = 0x200000 // PF_KTHREAD
	own := numbers[11] + numbers[12]
	return usage{parent: int(numbers[1]), kernel: numbers[6]&kernelThread != 0, own: time.Duration(own) * cpuTick,
		family: time.Duration(own+numbers[13]+numbers[14]) * cpuTick}, nil
}

// bystanders is what those who take no part have used of the machine so far.
type bystanders struct {
	at     time.Time
	others time.Duration // processes that this test did not start
	kernel time.Duration // threads of the kernel
	stolen time.Duration // by the host, for its other guests
}

// readBystanders adds up all processes that do not descend from this one. Children that ended in between are in their
// parents' sums.
func readBystanders() (bystanders, error) {
	all := map[int]usage{}
	names, err := os.ReadDir("/proc")
	if err != nil {
		return bystanders{}, err
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name.Name()); err == nil {
			if u, err := readUsage(pid); err == nil { // else it has ended
				all[pid] = u
			}
		}
	}
	b := bystanders{at: time.Now()}
	for pid, u := range all {
		switch {
		case u.kernel:
			b.kernel += u.own
		case !descends(all, pid, os.Getpid()):
			b.others += u.family
		}
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return b, err
	}
	if fields := bytes.Fields(text); len(fields) > 8 { // cpu user nice system idle iowait irq softirq steal
		ticks, err := strconv.ParseInt(string(fields[8]), 10, 64)
		if err != nil {
			return b, err
		}
		b.stolen = time.Duration(ticks) * cpuTick
	}
	return b, nil
}

func descends(all map[int]usage, pid, from int) bool {
	for pid > 1 && pid != from {
		pid = all[pid].parent
	}
	return pid == from
}

// share is what others and the kernel's threads used between two moments, in percent of the machine.
func share(a, b bystanders) (others, kernel float64) {
	machine := b.at.Sub(a.at).Seconds() * float64(runtime.NumCPU())
	others = (b.others - a.others + b.stolen - a.stolen).Seconds() / machine * 100
	return max(0, others), max(0, (b.kernel-a.kernel).Seconds()/machine*100)
}
