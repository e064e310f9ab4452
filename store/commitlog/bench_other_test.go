//go:build !unix

package commitlog_test

import (
	"testing"
	"time"
)

// cpuTime returns 0: what this process has used of the processors cannot be told here.
func cpuTime(*testing.B) time.Duration { return 0 }
