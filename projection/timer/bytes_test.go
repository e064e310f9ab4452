package timer

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
		{AppendAdd(nil, Entry{Created: 1000, At: 3000, Due: 500}), "01e807a01fe807"},
		{AppendAdd(nil, Entry{Created: 1000, At: 3000, Due: 500, Key: 0x0102030405060708, Topic: 200}), "04e807a01fe807c8010102030405060708"},
		{AppendMove(nil, 1000, 900), "02e807c701"},
		{AppendComplete(nil, 1000), "03e807"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
