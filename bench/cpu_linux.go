package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of CPU times in /proc, fixed for all programs whatever the kernel's own is.
const tick = 10 * time.Millisecond

// processCPU is the user and system time of a process with all its threads.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseProcessStat(text)
}

// parseProcessStat reads fields 14 and 15, counted from 1; the name in field 2 may hold spaces and brackets.
func parseProcessStat(text []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("process stat has %d fields behind the name", len(fields))
	}
	return sumTicks(fields[11:13])
}

// machineCPU is the time of all processors since the machine's start.
func machineCPU() (busy, total time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseMachineStat(text)
}

// parseMachineStat reads the line "cpu user nice system idle iowait irq softirq steal guest guest_nice"; guests are
// within user and nice already.
func parseMachineStat(text []byte) (busy, total time.Duration, err error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, 0, errors.New("/proc/stat does not begin with the times of all processors")
	}
	if total, err = sumTicks(fields[1:9]); err != nil {
		return 0, 0, err
	}
	idle, err := sumTicks(fields[4:6])
	return total - idle, total, err
}

func sumTicks(fields [][]byte) (time.Duration, error) {
	var sum time.Duration
	for _, f := range fields {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// hardware names the processor and the kernel, each empty if it cannot be read.
func hardware() (model, kernel string) {
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		model = parseModel(text)
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = string(bytes.TrimSpace(text))
	}
	return model, kernel
}

// parseModel finds the first processor's "model name", which ARM has not.
func parseModel(text []byte) string {
	for line := range bytes.Lines(text) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
