package cli

import (
	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/config"
)

// settingLine is a setting in the JSON of `aerobee config`, by the names of /api/v1/settings.
type settingLine struct {
	Key       string `json:"key"`
	Default   string `json:"default"`
	Effective bool   `json:"effective"` // false: RocketMQ has it, here it changes nothing
	Apache    bool   `json:"apache"`    // whether Apache RocketMQ has it
	About     string `json:"about"`     // what it does, or why it has no effect
}

// newConfig lists the settings, so that nobody has to look for them outside the binary.
func newConfig(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "List every setting with its default and its meaning, and the Apache keys that have no effect here",
		Long: "List every setting with its default and its meaning, and the Apache keys that have no effect here. A setting is given in the\n" +
			"file of `aerobee serve -c`, in the environment (flushDiskType as AEROBEE_FLUSH_DISK_TYPE) or with --set KEY=VALUE.\n" +
			"`aerobee status` shows what a running node has.",
		Example: "  aerobee config\n  aerobee config --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			lines, err := settingLines()
			if err != nil {
				return err
			}
			if asJSON {
				return e.printJSON(lines)
			}
			var rows [][]any
			for _, l := range lines {
				about, value := l.About, shortened(orDash(l.Default), maxDefault)
				if !l.Effective {
					about, value = "no effect: "+about, "-"
				}
				rows = append(rows, []any{l.Key, value, about})
			}
			return e.table(columns("SETTING", "DEFAULT", "MEANING"), rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// maxDefault is how much of a default the table shows, in letters; the delay levels are longer than all else.
const maxDefault = 26

// settingLines are all settings, in the order of [config.Keys].
func settingLines() ([]settingLine, error) {
	usual := config.Default()
	pairs, err := config.ParseProperties(usual.Properties())
	defaults := map[string]string{}
	for _, p := range pairs {
		defaults[p.Key] = p.Value
	}
	var lines []settingLine
	for _, k := range config.Keys() {
		lines = append(lines, settingLine{k.Name, defaults[k.Name], k.Effective, k.Apache, k.Doc})
	}
	return lines, err
}
