package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/config"
)

// newConfig lists the settings, so that nobody has to look for them outside the binary.
func newConfig(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "List every setting with its meaning, and the Apache keys that have no effect here",
		Example: "  aerobee config\n  aerobee config --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(e.stdout).Encode(config.Keys())
			}
			for _, k := range config.Keys() {
				mark := ""
				if !k.Effective {
					mark = "no effect: "
				}
				if _, err := fmt.Fprintf(e.stdout, "%-38s %s%s\n", k.Name, mark, k.Doc); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
