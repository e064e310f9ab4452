package topic

import (
	"fmt"
	"testing"
)

// TestBytes pins the bytes of the changes down: stores in the field hold them.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{AppendPut(nil, &Config{Name: "t", ReadQueues: 8, WriteQueues: 4, Perm: 6, FilterType: MultiTag, SysFlag: 1, Order: true, Attributes: map[string]string{"b": "2", "a": "1"}}, Version{Counter: 5, StateVersion: 1, Timestamp: 1000}), "010a02d00f017410080c010201020161013101620132"},
		{AppendPut(nil, &Config{Name: "t", ReadQueues: 4, WriteQueues: 4, Perm: 6, Static: &Static{Epoch: 300, Scope: "s"}}, Version{Counter: 5}), "040a00000174080" + "80c00000000d8040173"},
		{AppendDelete(nil, "t", Version{Counter: 6, StateVersion: 1, Timestamp: 1001}), "020c02d20f0174"},
		{AppendVersion(nil, Version{Counter: 7, StateVersion: 2, Timestamp: 1002}), "030e04d40f"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
