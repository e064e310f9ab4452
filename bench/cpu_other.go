//go:build !linux

package bench

import (
	"fmt"
	"runtime"
	"time"
)

func processCPU(int) (time.Duration, error) {
	return 0, fmt.Errorf("cannot be read on %s: leave --server-pid out", runtime.GOOS)
}

func machineCPU() (busy, total time.Duration, err error) { return unknownCPU, unknownCPU, nil }

func hardware() (model, kernel string) { return "", "" }
