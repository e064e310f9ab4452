//go:build faults

package aerobee

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/faultfs"
)

// faultsVariable names the environment variable with the script that a faulty build begins with, and faultsPath where the
// script is read and changed over HTTP. See package faultfs for what a script says.
const (
	faultsVariable = "AEROBEE_FAULTS"
	faultsPath     = "/faults"
)

// realWorld is the real disk and clock behind what fails on request.
func realWorld(log *slog.Logger) (world, error) {
	f := &faultfs.Faults{}
	if err := f.Set(os.Getenv(faultsVariable)); err != nil {
		return world{}, fmt.Errorf("%s: %w", faultsVariable, err)
	}
	log.Warn("this build fails on request: never keep messages that matter in it", "environment", faultsVariable, "path", faultsPath)
	return world{disk: f.Wrap(vfs.Default), now: f.Now, control: f, controlPath: faultsPath}, nil
}
