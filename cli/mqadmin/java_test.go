package mqadmin

import (
	"testing"
	"time"
)

func TestJavaTexts(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(mergeOrder("", "a", "a:4"), "a:4")
	f(mergeOrder("a:8;b:2", "a", "a:4"), "b:2;a:4")
}

// TestDated replaces milliseconds by times, and leaves all else as and where it is.
func TestDated(t *testing.T) {
	c := &call{env: Env{Now: func() time.Time { return time.UnixMilli(0).UTC() }}}
	got := string(c.dated([]byte(`{"runtimeTable":{"g":{"createTimeMills":1700000000123,"b":1,"lastColdReadTimeMills":"1700000001000"}},"a":1700000000000}`)))
	if want := `{"runtimeTable":{"g":{"createTimeFormat":"2023-11-14 22:13:20","b":1,"lastColdReadTimeFormat":"2023-11-14 22:13:21"}},"a":1700000000000}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMoments(t *testing.T) {
	at, err := parseMoment("2026-01-31#15:04:05:007", time.UTC)
	if want := time.Date(2026, 1, 31, 15, 4, 5, 7e6, time.UTC); err != nil || !at.Equal(want) {
		t.Errorf("%v, %v; want %v", at, err, want)
	}
	for _, text := range []string{"", "2026-01-31", "2026-01-31#15:04:05", "2026-01-31 15:04:05:007", "2026-01-31#15:04:05:x"} {
		if at, err := parseMoment(text, time.UTC); err == nil {
			t.Errorf("%q is %v", text, at)
		}
	}
}

// TestUniqueIDsAreTakenApart has one id of this month and one that was made at the end of the month before.
func TestUniqueIDsAreTakenApart(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	f := func(id, ip string, at time.Time) {
		t.Helper()
		gotIP, got, err := takeApart(id, now)
		if err != nil || gotIP.String() != ip || !got.Equal(at) {
			t.Errorf("%s: %v, %v, %v; want %s, %v", id, gotIP, got, err, ip, at)
		}
	}
	f("7F000001000111223344000003E80007", "127.0.0.1", time.Date(2026, 3, 1, 0, 0, 1, 0, time.UTC))
	f("0A00000200011122334466FF30000007", "10.0.0.2", time.Date(2026, 2, 21, 0, 0, 0, 0, time.UTC))
	for _, id := range []string{"", "xyz", "7F000001", "7F0000010001112233440000"} {
		if _, _, err := takeApart(id, now); err == nil {
			t.Errorf("%q is taken for an id", id)
		}
	}
}
