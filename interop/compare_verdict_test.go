package interop

import (
	"strings"
	"testing"
	"time"
)

// TestCompareVerdicts renders a row by hand and looks for what a reader must see.
func TestCompareVerdicts(t *testing.T) {
	rounds := func(key string, others float64, values ...float64) (out []map[string]float64) {
		for _, v := range values {
			out = append(out, map[string]float64{key: v, othersKey: others})
		}
		return out
	}
	f := func(what string, fig figure, theirs, ours []map[string]float64, want ...string) {
		t.Helper()
		r := rowResult{Row: "sample", Title: "a sample", Text: "Nothing is done.", Measured: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Commit: "abc", Rounds: 3, Bound: 3,
			Anchor: "apache-async", Figures: []figure{fig}, Contenders: []contenderResult{{"apache-async", "Apache", theirs}, {"aerobee", "Aerobee", ours}}}
		var b strings.Builder
		must, beats := r.verdicts()
		r.section(&b)
		text := b.String() + "must: " + must + " beats: " + beats
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: want %q in\n%s", what, part, text)
			}
		}
	}
	rate := figure{Key: "rate", Title: "messages/s", More: true, Beat: true, Must: map[string]float64{"aerobee": 42_000}, Aim: map[string]float64{"aerobee": 55_000}}
	f("a must met", rate, rounds("rate", 0, 16_000, 15_000, 17_000), rounds("rate", 0, 40_000, 48_000, 60_000),
		"| messages/s | 16,000 (15,000–17,000) | 48,000 (40,000–60,000) | 3.00 times | ≥ 42,000 | met | ≥ 55,000 |", "must: 1 of 1 met beats: better in all")
	f("a must missed", rate, rounds("rate", 0, 50_000), rounds("rate", 0, 41_999),
		"| 50,000 | 41,999 | 0.84 times | ≥ 42,000 | **missed** |", "must: 0 of 1 met; **missed: messages/s** beats: **worse: messages/s**")
	cost := figure{Key: "cpu", Title: "CPU", Digits: 1, Beat: true, Must: map[string]float64{"aerobee": 3.5}}
	f("less is better", cost, rounds("cpu", 0, 36), rounds("cpu", 0, 3.5, 3.5), "| 36.0 | 3.5 (3.5–3.5) | 10 times | ≤ 3.5 | met |", "beats: better in all")
	f("not measured", cost, rounds("cpu", 0, 36), rounds("rate", 0, 1), "| 36.0 | – |  | ≤ 3.5 | not measured |", "must: 0 of 1 met; **missed: CPU**")
	times := figure{Key: "rate", Title: "messages/s", More: true, Times: 1.2}
	f("a ratio missed", times, rounds("rate", 0, 100), rounds("rate", 0, 119), "| 1.19 times | 1.2 times | **missed** |")
	f("a ratio met", times, rounds("rate", 0, 100), rounds("rate", 0, 121), "| 1.21 times | 1.2 times | met |")
	f("disturbed", cost, rounds("cpu", 3.1, 36), rounds("cpu", 2.9, 3), "**In 1 round others used more than 3 % of the machine.**")
	several := figure{Key: "p50", Title: "p50", Digits: 2, Must: map[string]float64{"aerobee": 0.3, "apache-async": 0.1}}
	f("bounds of several", several, rounds("p50", 0, 0.2), rounds("p50", 0, 0.2), "| Apache ≤ 0.10, Aerobee ≤ 0.30 | **missed**, met |")
}
