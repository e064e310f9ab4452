package bench

import (
	"fmt"
	"time"
)

// cpuTimes are CPU times consumed so far. A negative one is not known on this system.
type cpuTimes struct {
	self   time.Duration // this process
	server time.Duration // the server's process
	busy   time.Duration // all processors together, all that is not idle
	total  time.Duration // all processors together, idle or not
}

const unknownCPU = time.Duration(-1)

// readCPU reads the times of now. pid is the server's process, 0 for none.
func readCPU(pid int) (cpuTimes, error) {
	t := cpuTimes{self: selfCPU(), server: unknownCPU}
	var err error
	if t.busy, t.total, err = machineCPU(); err != nil {
		return t, err
	}
	if pid != 0 {
		if t.server, err = processCPU(pid); err != nil {
			return t, fmt.Errorf("CPU time of server process %d: %w", pid, err)
		}
	}
	return t, nil
}

// CPU is what a run cost. A nil field is not known: the system does not tell, or nobody asked.
type CPU struct {
	ClientPerMillion *float64 `json:"clientSecondsPerMillion"` // CPU seconds of this process per million messages
	ServerPerMillion *float64 `json:"serverSecondsPerMillion"` // CPU seconds of the server's process per million messages
	OthersShare      *float64 `json:"othersShare"`             // part of the machine's CPU time that neither of them used, nor idled, 0 to 1
}

// costOf compares the times of the beginning and of the end of a span in which messages were done.
func costOf(a, b cpuTimes, messages int64) CPU {
	var c CPU
	perMillion := func(from, to time.Duration) *float64 {
		if from < 0 || to < 0 || messages == 0 {
			return nil
		}
		v := (to - from).Seconds() * 1e6 / float64(messages)
		return &v
	}
	c.ClientPerMillion = perMillion(a.self, b.self)
	c.ServerPerMillion = perMillion(a.server, b.server)
	if a.total < 0 || b.total <= a.total || a.self < 0 || a.server < 0 {
		return c // without the server's share, others cannot be told from it
	}
	others := (b.busy - a.busy) - (b.self - a.self) - (b.server - a.server)
	share := max(0, others.Seconds()/(b.total-a.total).Seconds())
	c.OthersShare = &share
	return c
}
