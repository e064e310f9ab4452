package message

import (
	"net/netip"
	"slices"
	"testing"
)

// TestCheckStored: every flipped bit of a record of ours is found, and so is a record at another place or of another length. Where records
// need not have a property CRC, a flipped bit of its name leaves one that has none: of that only the body is checked, as by Check.
func TestCheckStored(t *testing.T) {
	host := netip.MustParseAddrPort("10.1.2.3:10911")
	r := Record{Topic: []byte("T"), Body: []byte("body"), BornHost: host, StoreHost: host, Properties: AppendProperty(nil, PropKeys, "k")}
	rec := AppendRecord(nil, &r)
	Seal(rec, 7, 8, 9)
	for _, mustHave := range []bool{true, false} {
		if err := CheckStored(rec, 7, mustHave); err != nil {
			t.Fatal(err)
		}
		if err := CheckStored(rec, 8, mustHave); err == nil {
			t.Error("a record of another place passes")
		}
		if err := CheckStored(append(slices.Clone(rec), 0), 7, mustHave); err == nil {
			t.Error("a record with a byte behind it passes")
		}
		for n := range rec {
			if err := CheckStored(rec[:n], 7, mustHave); err == nil {
				t.Errorf("%d bytes of a record pass", n)
			}
		}
	}
	for i := range 8 * len(rec) {
		b := slices.Clone(rec)
		b[i/8] ^= 1 << (i % 8)
		if err := CheckStored(b, 7, true); err == nil {
			t.Errorf("bit %d of byte %d passes", i%8, i/8)
		}
		if err := CheckStored(b, 7, false); (err == nil) != (Check(b) == nil) {
			t.Errorf("bit %d of byte %d: %v, by Check %v", i%8, i/8, err, Check(b))
		}
	}
}
