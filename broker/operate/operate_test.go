package operate

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

func TestBytes(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	f(0, "0 B")
	f(1023, "1023 B")
	f(1024, "1.0 KiB")
	f(1536, "1.5 KiB")
	f(1<<20, "1.0 MiB")
	f(1<<20-1, "1024.0 KiB")
	f(1_000_000_000_000, "931.3 GiB")
	f(1<<62, "4.0 EiB")
}

func TestUptime(t *testing.T) {
	if got := uptime(49*time.Hour + 2*time.Minute + 3*time.Second); got != "[ 2 days, 1 hours, 2 minutes, 3 seconds ]" {
		t.Error(got)
	}
	if got := uptime(-time.Hour); got != "[ 0 days, 0 hours, 0 minutes, 0 seconds ]" {
		t.Error(got)
	}
}

// FuzzColdLimits hands any body to the request that notes limits: they stay bounded, and can be told.
func FuzzColdLimits(f *testing.F) {
	f.Add([]byte("g=1024\nh=2048\n"))
	f.Add([]byte("g=much"))
	f.Add([]byte("a\\u0041 : 7"))
	f.Fuzz(func(t *testing.T, body []byte) {
		l := coldLimits{limits: map[string]int64{}}
		pairs, err := parse(body)
		if err == nil {
			err = l.set(pairs)
		}
		if err != nil && len(l.limits) != 0 {
			t.Errorf("refused (%v), and noted %v", err, l.limits)
		}
		if text := protocol.MarshalBody(protocol.ColdDataFlow{ConfigTable: l.copy()}); !json.Valid(text) || len(l.limits) > maxCold {
			t.Errorf("%s", text)
		}
	})
}
