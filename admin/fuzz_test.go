package admin

import (
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// FuzzParseMessages reads the records of an answer.
func FuzzParseMessages(f *testing.F) {
	host := netip.MustParseAddrPort("10.1.2.3:10911")
	b := message.AppendRecord(nil, &message.Record{Topic: []byte("T"), Body: []byte("hello"), Properties: message.Properties("KEYS\x01k\x02"), StoreHost: host, BornHost: host})
	message.Seal(b, 4096, 7, 1000)
	f.Add(append(b, b...))
	f.Add(b[:60])
	f.Fuzz(func(t *testing.T, b []byte) {
		ms, err := parseMessages(b, "broker-a")
		size := 0
		for _, m := range ms {
			size += m.StoreSize
		}
		if size > len(b) || err == nil && size != len(b) {
			t.Errorf("%d messages of %d bytes in %d, %v", len(ms), size, len(b), err)
		}
	})
}
