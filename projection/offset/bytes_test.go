package offset

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
		{AppendCommit(nil, Key{1, 300, 3}, 1000), "0101ac0206d00f"},
		{AppendRemove(nil, Key{1, 300, 3}), "0201ac0206"},
		{AppendRemoveGroup(nil, 1), "0301"},
		{AppendRemoveTopic(nil, 300), "04ac02"},
		{AppendRemovePair(nil, 1, 300), "0501ac02"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
