package message

import (
	"net/netip"
	"slices"
	"testing"
)

// Every flipped bit of a stored record is found, with a property CRC and without.
func TestParseStoredFindsEveryFlippedBit(t *testing.T) {
	host := netip.MustParseAddrPort("10.1.2.3:10911")
	r := Record{Topic: []byte("T"), Body: []byte("body"), BornHost: host, StoreHost: host, Properties: AppendProperty(nil, PropKeys, "k")}
	rec := AppendRecord(nil, &r)
	Seal(rec, 7, 8, 9)
	if got, err := ParseStored(rec); err != nil || string(got.Body) != "body" || got.LogOffset != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range 8 * len(rec) {
		b := slices.Clone(rec)
		b[i/8] ^= 1 << (i % 8)
		// A bit of the CRC's own name leaves a record that has none; of that only the body is checked, here as by Check.
		if _, err := ParseStored(b); (err == nil) != (Check(b) == nil) {
			t.Errorf("bit %d of byte %d: %v, by Check %v", i%8, i/8, err, Check(b))
		}
	}
}
