package admin

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
)

// TestBodiesOfOneAnswerAreBounded: what has no room stays as it is stored, and so does what cannot be opened; what has room
// is opened, and who wants no bodies gets none.
func TestBodiesOfOneAnswerAreBounded(t *testing.T) {
	host := netip.MustParseAddrPort("10.0.0.1:10911")
	large, small := make([]byte, 10<<20), []byte("hello")
	packed := compression.Append(nil, large, compression.ZSTD, 1)
	var answer []byte
	for _, body := range [][]byte{packed, packed, []byte("broken"), compression.Append(nil, small, compression.ZSTD, 1)} {
		b := message.AppendRecord(nil, &message.Record{Topic: []byte("T"), Body: body, SysFlag: compression.ZSTD.Flag(), BornHost: host, StoreHost: host})
		message.Seal(b, 42, 7, 1700000000000)
		answer = append(answer, b...)
	}
	list, err := parseMessages(answer, "b1", false)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d messages, %v", len(list), err)
	}
	for i, want := range [][]byte{large, packed, []byte("broken"), small} {
		if !bytes.Equal(list[i].Body, want) {
			t.Errorf("message %d has a body of %d bytes, want %d", i, len(list[i].Body), len(want))
		}
	}
	list, err = parseMessages(answer, "b1", true)
	if err != nil || len(list) != 4 || list[0].Body != nil {
		t.Errorf("without bodies: %d messages, %v", len(list), err)
	}
}
