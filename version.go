package aerobee

import "runtime/debug"

// Speaks is the protocol that a node speaks, as clients know it.
const Speaks = "RocketMQ 5.5.0"

// version is set by the build: -ldflags "-X github.com/aerobee-mq/aerobee.version=…".
var version string

// Version is the version of this build: the release's, else the commit's, else "dev".
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "dev"
}
