package message

import (
	"strings"
	"testing"
)

// FuzzParseID: what is taken is what AppendID writes, but for the case of the letters.
func FuzzParseID(f *testing.F) {
	f.Add("0A0102030000271000000000000F4240")
	f.Add("20010DB800000000000000000000000100002A9F0000000000000001")
	f.Add("0a010203")
	f.Fuzz(func(t *testing.T, id string) {
		host, at, err := ParseID(id)
		if err != nil {
			return
		}
		again, at2, err := ParseID(string(AppendID(nil, host, at)))
		if err != nil || again != host || at2 != at {
			t.Errorf("%q is %v at %d, and then %v at %d, %v", id, host, at, again, at2, err)
		}
	})
}

// FuzzDelayLevels: a text is refused, or its levels are positive and as many as its words.
func FuzzDelayLevels(f *testing.F) {
	f.Add("1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h")
	f.Add("1d  0s")
	f.Add("99999999999999999999h")
	f.Fuzz(func(t *testing.T, text string) {
		levels, err := ParseDelayLevels(text)
		if err != nil {
			return
		}
		if words := len(strings.Fields(text)); len(levels) != words {
			t.Errorf("%q has %d words and gives %d levels", text, words, len(levels))
		}
		for _, d := range levels {
			if d < 0 {
				t.Errorf("%q gives a level of %v", text, d)
			}
		}
	})
}
