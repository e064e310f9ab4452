// Package machine says where and of what a measurement was made: numbers without that mean nothing. It owns no state; benchmarks and tests that measure
// call it, any number of them at once. What cannot be found out is called unknown.
package machine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Stamp is the line beside numbers: the minute, the commit, the machine, its load and the Go release.
//
//	Measured 2026-11-23 23:08 UTC at 3b880f36f0. 2 processors (AMD EPYC), 24 GiB of memory, linux/amd64 6.18.44, load 0.31. go1.26.8.
func Stamp() string {
	return fmt.Sprintf("Measured %s at %s. %s, load %s. %s.", time.Now().UTC().Format("2006-01-02 15:04 UTC"), Commit(), Text(), load(), runtime.Version())
}

// Text describes the machine: "2 processors (AMD EPYC), 24 GiB of memory, linux/amd64 6.18.44".
func Text() string {
	kernel := strings.TrimSpace(read("/proc/sys/kernel/osrelease"))
	return strings.TrimSpace(fmt.Sprintf("%d processors (%s), %s, %s/%s %s", runtime.NumCPU(), Processor(), memory(read("/proc/meminfo")), runtime.GOOS, runtime.GOARCH, kernel))
}

// Processor is the model that Linux names.
func Processor() string { return model(read("/proc/cpuinfo")) }

// Commit is that of the work tree in which the process runs, in 10 digits, with "with changes" behind it if tracked files differ from it. Files that match a
// path of except, counted from the tree's top, may differ.
func Commit(except ...string) string {
	head, err := exec.Command("git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	args := []string{"status", "--porcelain", "--untracked-files=no", "--", ":/"}
	for _, path := range except {
		args = append(args, ":(top,exclude)"+path)
	}
	changed, err := exec.Command("git", args...).Output() // #nosec G204 -- paths from tests, and none of them is a program
	commit := strings.TrimSpace(string(head))
	if err != nil || len(strings.TrimSpace(string(changed))) > 0 {
		commit += " with changes"
	}
	return commit
}

// read is a file of the system, "" if there is none.
func read(name string) string {
	text, err := os.ReadFile(name) // #nosec G304 -- a constant
	if err != nil {
		return ""
	}
	return string(text)
}

// load is what the machine had to do in the last minute.
func load() string {
	if fields := strings.Fields(read("/proc/loadavg")); len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}

// memory reads the first line of /proc/meminfo, "MemTotal: 24590000 kB".
func memory(text string) string {
	if fields := strings.Fields(text); len(fields) > 1 {
		if kib, err := strconv.ParseFloat(fields[1], 64); err == nil {
			return strconv.FormatFloat(kib/(1<<20), 'f', 0, 64) + " GiB of memory"
		}
	}
	return "unknown memory"
}

// model finds the first processor's "model name" in /proc/cpuinfo, which ARM has not.
func model(text string) string {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown model"
}
