package message

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBatchUnits(t *testing.T) {
	want := []Unit{{Flag: 9, Body: []byte("one"), Properties: Properties("a\x01b\x02")}, {Body: []byte{}, Properties: Properties{}}, {Flag: -1, Body: []byte("three"), Properties: Properties{}}}
	var body []byte
	for _, u := range want {
		body = AppendUnit(body, u)
	}
	golden := "0000001D" + "00000000" + "00000000" + "00000009" + "00000003" + "6F6E65" + "0004" + "61016202"
	if diff := cmp.Diff(unhex(t, golden), body[:29]); diff != "" {
		t.Fatal(diff)
	}
	var got []Unit
	for u, err := range Units(body) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for n := 1; n < 29; n++ {
		if _, _, err := NextUnit(body[:n]); !errors.Is(err, ErrShort) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	last := error(nil)
	for _, err := range Units(body[:40]) {
		last = err
	}
	if !errors.Is(last, ErrShort) {
		t.Fatalf("a cut batch: %v", last)
	}
}

// FuzzUnits: units take the body apart without passing its end, and encode to what was decoded.
func FuzzUnits(f *testing.F) {
	f.Add(AppendUnit(AppendUnit(nil, Unit{Body: []byte("x")}), Unit{Properties: Properties("a\x01b")}))
	f.Fuzz(func(t *testing.T, body []byte) {
		total := 0
		for u, err := range Units(body) {
			if err != nil {
				return
			}
			total += len(AppendUnit(nil, u))
		}
		if total != len(body) {
			t.Fatalf("units of %d bytes in a body of %d", total, len(body))
		}
	})
}
