package lock

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// TestBytes pins the bytes of the changes down: stores in the field hold them.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		change []byte
		want   string
	}{
		{appendLock(nil, 9, "g", "c@1", []message.Queue{{Topic: "t", ID: 1}, {Topic: "u", ID: 2}}), "010901670363403102017402017504"},
		{appendUnlock(nil, "g", "c@1", []message.Queue{{Topic: "t", ID: 1}}), "0201670363403101017402"},
	} {
		if got := fmt.Sprintf("%x", c.change); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
