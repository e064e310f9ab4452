//go:build !faults

package aerobee

import "log/slog"

// realWorld is the real disk and clock.
func realWorld(*slog.Logger) (world, error) { return world{}, nil }
