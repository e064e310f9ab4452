package protocol

import "fmt"

// CurrentVersion is the version that we answer with. Clients switch features off for peers that look old (a Java consumer
// refuses SQL92 filters below 4.1.0), so every answer carries it.
const CurrentVersion int32 = Version5_5_0

// VersionName is the name of a version as mqadmin prints it, such as "V5_5_0" or "V4_9_4_SNAPSHOT". From 4.0.0 on the list
// is regular: ten minor versions with ten patch numbers each, snapshot before release. Older and future numbers are given plainly.
func VersionName(v int32) string {
	const first, highest = 213, 612 // V4_0_0, the list's last entry
	switch {
	case v >= highest:
		return "HIGHER_VERSION"
	case v < first-1:
		return fmt.Sprintf("V3(%d)", v)
	}
	n := (v - first + 1) / 2 // releases since V4_0_0
	name := fmt.Sprintf("V%d_%d_%d", 4+n/100, n/10%10, n%10)
	if (v-first)%2 != 0 {
		name += "_SNAPSHOT"
	}
	return name
}
