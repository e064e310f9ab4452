package admin

import (
	"net/netip"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

// FuzzMessages reads what a broker might answer to a query or a pull: whatever it is, it is messages or an error.
func FuzzMessages(f *testing.F) {
	host := netip.MustParseAddrPort("10.0.0.1:10911")
	record := func(body []byte, flag message.SysFlag) []byte {
		b := message.AppendRecord(nil, &message.Record{Topic: []byte("T"), Body: body, SysFlag: flag, BornHost: host, StoreHost: host,
			Properties: message.AppendProperty(nil, message.PropUniqueKey, "ID1")})
		message.Seal(b, 42, 7, 1700000000000)
		return b
	}
	plain := record([]byte("hello"), 0)
	packed := record(compression.Append(nil, []byte("hello"), compression.LZ4, 5), message.FlagCompressed|message.FlagCompressionLZ4)
	f.Add(plain)
	f.Add(append(append([]byte{}, plain...), packed...))
	f.Add(record([]byte("not compressed"), message.FlagCompressed))
	f.Add(plain[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseMessages(b, "b1", false)
		if err == nil && len(list) == 0 && len(b) > 0 {
			t.Error("bytes, but neither messages nor an error")
		}
	})
}

// FuzzRunningInfo reads what a member might answer.
func FuzzRunningInfo(f *testing.F) {
	f.Add([]byte(`{"mqTable":{{"brokerName":"b1","queueId":1,"topic":"T"}:{"commitOffset":1}},"mqPopTable":{}}`))
	f.Add([]byte(`{"mqTable":null}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var info runningInfo
		_ = decode(&protocol.Frame{Body: b}, "a", protocol.ReqGetConsumerRunningInfo, &info)
	})
}
