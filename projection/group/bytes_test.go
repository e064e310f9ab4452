package group

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestBytes pins the bytes of the changes down: stores in the field hold them.
func TestBytes(t *testing.T) {
	usual := New("g")
	odd := New("g")
	odd.ConsumeEnable, odd.Extra = false, map[string]json.RawMessage{"x": json.RawMessage("1")}
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{put(t, &usual, Version{Counter: 5, StateVersion: 1, Timestamp: 1000}), "010a02d00f01671702200002001e00"},
		{put(t, &odd, Version{Counter: 5, StateVersion: 1, Timestamp: 1000}), "010a02d00f01671602200002001e3a7b2267726f75705265747279506f6c696379223a7b2274797065223a22435553544f4d495a4544227d2c226578747261223a7b2278223a317d7d"},
		{AppendDelete(nil, "g", Version{Counter: 6, StateVersion: 1, Timestamp: 1001}), "020c02d20f0167"},
		{AppendVersion(nil, Version{Counter: 7, StateVersion: 2, Timestamp: 1002}), "030e04d40f"},
		{AppendForbid(nil, "g", "t", ForbidRead, Version{Counter: 8, StateVersion: 2, Timestamp: 1003}), "041004d60f0167017408"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
