package message

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The golden records were put together field by field from the table in record.go by a program of its own, with zlib's
// CRC-32 and the digits of the property CRC written backwards.
const (
	goldenV1 = "0000008FDAA320A73610A6860000000300000007000000000000002A0000000000001000000000000000018BCFE56800C0A8" +
		"01020000C3500000018BCFE568010A00000700002A9F0000000100000000000000630000000568656C6C6F09546F70696354" +
		"6573740026544147530154616741024B455953016B31025F5F435243333223013231363135393833363002"
	goldenV2 = "00000108DAA320AB0000000000000000FFFFFFFF000000000000000000000000000000000000003000000000000000002001" +
		"0DB800000000000000000000000100002A9F000000000000000120010DB800000000000000000000000100002A9F00000000" +
		"0000000000000000000000000080545454545454545454545454545454545454545454545454545454545454545454545454" +
		"5454545454545454545454545454545454545454545454545454545454545454545454545454545454545454545454545454" +
		"54545454545454545454545454545454545454545454545454545454545454545454545454545454545400145F5F43524333" +
		"3223013932373737353930313102"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var ignoreComputed = cmp.Options{cmpopts.IgnoreFields(Record{}, "Size", "BodyCRC"), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmpopts.EquateEmpty()}

func TestRecordsMatchTheGoldenBytes(t *testing.T) {
	v6 := netip.MustParseAddrPort("[2001:db8::1]:10911")
	f := func(name string, r Record, golden string) {
		t.Helper()
		b := AppendRecord(nil, &r)
		if len(b) != EncodedSize(&r) {
			t.Errorf("%s: %d bytes, announced %d", name, len(b), EncodedSize(&r))
		}
		Seal(b, r.LogOffset, r.QueueOffset, r.StoreTime)
		if diff := cmp.Diff(unhex(t, golden), b); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		got, err := ParseChecked(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Properties = got.Properties.Without(PropCRC)
		if diff := cmp.Diff(r, got, ignoreComputed); diff != "" {
			t.Errorf("%s decoded (-want +got):\n%s", name, diff)
		}
	}
	f("version 1, IPv4", Record{
		QueueID: 3, Flag: 7, QueueOffset: 42, LogOffset: 4096, BornTime: 1700000000000, StoreTime: 1700000000001,
		BornHost: netip.MustParseAddrPort("192.168.1.2:50000"), StoreHost: netip.MustParseAddrPort("10.0.0.7:10911"),
		ReconsumeTimes: 1, PreparedOffset: 99, Body: []byte("hello"), Topic: []byte("TopicTest"),
		Properties: Properties("TAGS\x01TagA\x02KEYS\x01k1\x02"),
	}, goldenV1)
	long := make([]byte, 128)
	for i := range long {
		long[i] = 'T'
	}
	f("version 2, IPv6", Record{
		Flag: -1, SysFlag: FlagBornHostV6 | FlagStoreHostV6, StoreTime: 1, BornHost: v6, StoreHost: v6, Topic: long,
	}, goldenV2)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	golden := unhex(t, goldenV1)
	for i := range golden {
		for bit := range 8 {
			b := append([]byte(nil), golden...)
			b[i] ^= 1 << bit
			if err := Check(b); err == nil && HasPropCRC(b) {
				t.Fatalf("byte %d bit %d: a changed record passes its check", i, bit)
			}
		}
	}
}

func TestShortRecordsAreRefused(t *testing.T) {
	golden := unhex(t, goldenV1)
	for n := range golden {
		if _, err := ParseRecord(golden[:n]); !errors.Is(err, ErrShort) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestLimits(t *testing.T) {
	f := func(r Record, want error) {
		t.Helper()
		if err := CheckLimits(&r); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f(Record{Properties: make(Properties, MaxPropertiesSize-propCRCSize-1)}, nil)
	f(Record{Properties: make(Properties, MaxPropertiesSize-propCRCSize)}, ErrTooBig)
	f(Record{Topic: make([]byte, 32768)}, ErrTooBig)
}

func TestBlank(t *testing.T) {
	b := AppendBlank(nil, 4000)
	if got := hex.EncodeToString(b); got != "00000fa0cbd43194" {
		t.Fatal(got)
	}
	if size, blank, err := PeekSize(b); size != 4000 || !blank || err != nil {
		t.Fatal(size, blank, err)
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	r := Record{Topic: []byte("t"), Body: make([]byte, 1024), Properties: Properties("K\x01v\x02")}
	buf := make([]byte, 0, EncodedSize(&r))
	if n := testing.AllocsPerRun(100, func() {
		b := AppendRecord(buf, &r)
		Seal(b, 1, 2, 3)
		if err := Check(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// FuzzParseRecord: whatever parses can be encoded again, and gives the same fields.
func FuzzParseRecord(f *testing.F) {
	f.Add(unhex(f, goldenV1))
	f.Add(unhex(f, goldenV2))
	f.Add(AppendBlank(nil, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			return
		}
		_ = r.check(b[:r.Size])
		again := r
		again.Properties = r.Properties.Without(PropCRC)
		if CheckLimits(&again) != nil {
			return
		}
		enc := AppendRecord(nil, &again)
		Seal(enc, r.LogOffset, r.QueueOffset, r.StoreTime)
		got, err := ParseChecked(enc)
		if err != nil {
			t.Fatal(err)
		}
		got.Properties = got.Properties.Without(PropCRC)
		got.SysFlag, again.SysFlag = got.SysFlag&^0x30, again.SysFlag&^0x30 // a mapped IPv4 address is written as IPv4
		got.BornHost, again.BornHost, got.StoreHost, again.StoreHost = netip.AddrPort{}, netip.AddrPort{}, netip.AddrPort{}, netip.AddrPort{}
		if diff := cmp.Diff(again, got, ignoreComputed); diff != "" {
			t.Fatal(diff)
		}
	})
}
