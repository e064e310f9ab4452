package trace

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func show(text []byte) string {
	return strings.NewReplacer("\x01", "·", "\x02", "¶").Replace(string(text))
}

func wire(text string) []byte {
	return []byte(strings.NewReplacer("·", "\x01", "¶", "\x02").Replace(text))
}

// TestText has what Java's encoder writes for the same values; · stands for 0x01 and ¶ for 0x02. Reading gives the values back.
func TestText(t *testing.T) {
	f := func(tr Trace, want string) {
		t.Helper()
		text := tr.Append(nil)
		if diff := cmp.Diff(want, show(text)); diff != "" {
			t.Error(diff)
		}
		back, err := Parse(text)
		if diff := cmp.Diff([]Trace{tr}, back); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	at := time.UnixMilli(1700000000000)
	sent := Sent{At: at, Region: "DefaultRegion", Group: "g", Topic: "t", ID: "C0A8", Tag: "A", Keys: "k1 k2", StoreHost: "10.0.0.1:10911",
		BodyLength: 5, Cost: 3 * time.Millisecond, OffsetID: "0A00", Success: true}
	f(&sent, "Pub·1700000000000·DefaultRegion·g·t·C0A8·A·k1 k2·10.0.0.1:10911·5·3·0·0A00·true¶")
	sent.Tag, sent.Keys, sent.Kind, sent.Success = "", "", Delayed, false
	f(&sent, "Pub·1700000000000·DefaultRegion·g·t·C0A8·null·null·10.0.0.1:10911·5·3·3·0A00·false¶")
	f(&Begun{At: at, Region: "DefaultRegion", Group: "g", Request: "R1", ID: "C0A8", Keys: "k1"}, "SubBefore·1700000000000·DefaultRegion·g·R1·C0A8·0·k1¶")
	f(&Begun{At: at, Region: "DefaultRegion", Group: "g", Request: "R1", ID: "C0A9", Retries: 2}, "SubBefore·1700000000000·DefaultRegion·g·R1·C0A9·2·null¶")
	f(&Ended{Request: "R1", ID: "C0A8", Cost: 7 * time.Millisecond, Success: true, Keys: "k1", At: at, Group: "g"}, "SubAfter·R1·C0A8·7·true·k1·0·1700000000000·g¶")
	f(&Ended{Request: "R1", ID: "C0A8", Keys: "k1", Code: Failed, At: at, Group: "g"}, "SubAfter·R1·C0A8·0·false·k1·4·1700000000000·g¶")
	f(&Other{Fields: []string{"EndTransaction", "1", "x"}}, "EndTransaction·1·x¶")
}

// TestOtherClients reads what older and newer ones write.
func TestOtherClients(t *testing.T) {
	got, err := Parse(wire("Pub·1·r·g·t·id·null·null·h:1·5·3·0·true¶SubAfter·R·id·7·true·k¶Pub·1·r·g·t·id·null·null·h:1·5·3·2·0A·false·10.0.0.9¶"))
	want := []Trace{
		&Sent{At: time.UnixMilli(1), Region: "r", Group: "g", Topic: "t", ID: "id", StoreHost: "h:1", BodyLength: 5, Cost: 3 * time.Millisecond, Success: true},
		&Ended{Request: "R", ID: "id", Cost: 7 * time.Millisecond, Success: true, Keys: "k"},
		&Sent{At: time.UnixMilli(1), Region: "r", Group: "g", Topic: "t", ID: "id", StoreHost: "h:1", BodyLength: 5, Cost: 3 * time.Millisecond, Kind: 2, OffsetID: "0A"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestMalformed(t *testing.T) {
	f := func(text, word string, before int) {
		t.Helper()
		got, err := Parse(wire(text))
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), word) || len(got) != before {
			t.Errorf("%s: %d traces, %v, want %q", text, len(got), err, word)
		}
	}
	f("Pub·1", "no end", 0)
	f("Pub·1¶", "2 fields", 0)
	f("x¶SubBefore·1¶", "trace 1", 1)
	f("SubAfter·1¶", "at least 6", 0)
	f("SubBefore·now·r·g·R·id·0·k¶", `"now"`, 0)
}

func FuzzParse(f *testing.F) {
	f.Add(wire("Pub·1·r·g·t·id·null·null·h:1·5·3·0·0A·true¶SubBefore·1·r·g·R·id·0·k¶SubAfter·R·id·7·true·k·0·1·g¶EndTransaction·1¶"))
	f.Add(wire("SubAfter·R·id·9223372036854775807·true·k¶"))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, _ := Parse(body)
		var text []byte
		for _, tr := range all {
			text = tr.Append(text)
		}
		again, err := Parse(text)
		var twice []byte
		for _, tr := range again {
			twice = tr.Append(twice)
		}
		if err != nil || string(text) != string(twice) {
			t.Errorf("%q is read as %q, %v", text, twice, err)
		}
	})
}
