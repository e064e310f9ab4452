package bench

import (
	"time"

	"golang.org/x/sys/windows"
)

// selfCPU is the user and system time of this process.
func selfCPU() time.Duration {
	var begun, ended, system, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &begun, &ended, &system, &user); err != nil {
		return unknownCPU
	}
	const unit = 100 * time.Nanosecond // of a Filetime that is a length of time
	ticks := func(f windows.Filetime) time.Duration {
		return time.Duration(int64(f.HighDateTime)<<32 | int64(f.LowDateTime))
	}
	return (ticks(system) + ticks(user)) * unit
}
