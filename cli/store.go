package cli

import (
	"github.com/spf13/cobra"
)

// newStore groups the commands that work on a store's directory while no node uses it.
func newStore(e env) *cobra.Command {
	return &cobra.Command{
		Use:   "store",
		Short: "Check and look into the directory of a store that no node uses",
		Example: "  aerobee store verify ./aerobee-data\n" +
			"  aerobee store dump ./aerobee-data --from 0 --max 10",
	}
}
