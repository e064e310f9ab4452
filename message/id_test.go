package message

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOffsetMessageID(t *testing.T) {
	f := func(host string, at LogOffset, want string) {
		t.Helper()
		h := netip.MustParseAddrPort(host)
		if got := string(AppendID(nil, h, at)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if back, off, err := ParseID(want); err != nil || back != h || off != at {
			t.Errorf("%v %d %v", back, off, err)
		}
	}
	f("10.0.0.7:10911", 4096, "0A00000700002A9F0000000000001000")
	f("[2001:db8::1]:10911", 1<<40+1, "20010DB800000000000000000000000100002A9F0000010000000001")
	for _, id := range []string{"", "0A0000", "ZZ00000700002A9F0000000000001000"} {
		if _, _, err := ParseID(id); err == nil {
			t.Errorf("%q was taken", id)
		}
	}
}

func TestUniqueKeysHaveJavasForm(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 1, 234e6, time.UTC)
	clock := func() time.Time { return now }
	u := NewUniqueKeys(netip.MustParseAddr("192.168.1.2"), 0x12345, 0xCAFEBABE, clock)
	f := func(u *UniqueKeys, want string) {
		t.Helper()
		if got := string(u.Append(nil)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(u, "C0A80102"+"2345"+"CAFEBABE"+"000004D2"+"0000")
	f(u, "C0A80102"+"2345"+"CAFEBABE"+"000004D2"+"0001")
	now = time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC) // 2678399000 ms do not fit into an int32
	f(u, "C0A80102"+"2345"+"CAFEBABE"+"9FA52018"+"0002")
	now = now.Add(time.Second) // the next month
	f(u, "C0A80102"+"2345"+"CAFEBABE"+"00000000"+"0003")
	now = now.Add(-time.Second) // the clock was set back
	f(u, "C0A80102"+"2345"+"CAFEBABE"+"9FA52018"+"0004")
	f(NewUniqueKeys(netip.MustParseAddr("2001:db8::1"), 1, 2, clock), "20010DB8000000000000000000000001"+"0001"+"00000002"+"9FA52018"+"0000")
	f(NewUniqueKeys(netip.Addr{}, 1, 2, clock), "00000000"+"0001"+"00000002"+"9FA52018"+"0000")
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { u.Append(dst) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDelayLevels(t *testing.T) {
	levels, err := ParseDelayLevels(DefaultDelayLevels)
	if err != nil || len(levels) != 18 || levels[0] != time.Second || levels[4] != time.Minute || levels[17] != 2*time.Hour {
		t.Fatal(levels, err)
	}
	levels, err = ParseDelayLevels(" 0s  2d ")
	if diff := cmp.Diff([]time.Duration{0, 48 * time.Hour}, levels); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	for _, text := range []string{"", "5", "s", "1x", "-1s", "1s 9223372036854775807d", "1.5s"} {
		if got, err := ParseDelayLevels(text); err == nil {
			t.Errorf("%q gave %v", text, got)
		}
	}
}
