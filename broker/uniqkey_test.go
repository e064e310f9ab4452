package broker

import (
	"net/netip"
	"testing"
	"time"
)

func TestUniqKeyReadsAsJavaMakesIt(t *testing.T) {
	u := newUniqKeys(netip.MustParseAddr("10.1.2.3"), 0xCAFEBABE)
	now := time.Date(2026, 11, 3, 0, 0, 1, 0, time.Local)
	first := string(u.append(nil, now.UnixMilli()))
	second := string(u.append(nil, now.UnixMilli()))
	if len(first) != 32 || first[:8] != "0A010203" || first[12:20] != "CAFEBABE" {
		t.Errorf("key %q", first)
	}
	// Two days and one second into the month.
	if want := "0A4CBBE8" + "0000"; first[20:] != want {
		t.Errorf("time and counter %q, want %q", first[20:], want)
	}
	if second[28:] != "0001" {
		t.Errorf("the second key counts %q", second[28:])
	}
	later := string(u.append(nil, time.Date(2026, 12, 1, 0, 0, 0, 5e6, time.Local).UnixMilli()))
	if later[20:28] != "00000005" {
		t.Errorf("5 ms into the next month: %q", later[20:28])
	}
	v6 := newUniqKeys(netip.MustParseAddr("2001:db8::1"), 1)
	if got := v6.append(nil, now.UnixMilli()); len(got) != 56 {
		t.Errorf("an IPv6 key has %d characters", len(got))
	}
}
