package name

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
		{AppendAssign(nil, Group, 300, "orders"), "0101ac02066f7264657273"},
		{AppendRetire(nil, Topic, 2), "020002"},
		{appendNext(nil, Group, 301), "0301ad02"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
