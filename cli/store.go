package cli

import (
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store"
)

// newStore groups the commands that work on a store's directory while no node uses it.
func newStore(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Check and look into the directory of a store that no node uses",
		Example: "  aerobee store verify ./aerobee-data\n" +
			"  aerobee store dump ./aerobee-data --from 1048576 --max 10",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStoreVerify(e), newStoreDump(e))
	return cmd
}

func newStoreVerify(e env) *cobra.Command {
	return &cobra.Command{
		Use:     "verify DIR",
		Short:   "Check every record, index block and number of a store, changing nothing",
		Example: "  aerobee store verify ./aerobee-data",
		Args:    exactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			return store.Verify(vfs.Default, args[0], e.stdout)
		},
	}
}

func newStoreDump(e env) *cobra.Command {
	var from int64
	var most int
	cmd := &cobra.Command{
		Use:   "dump DIR",
		Short: "Print the records of a store's commit log, one line each",
		Example: "  aerobee store dump ./aerobee-data\n" +
			"  aerobee store dump ./aerobee-data --from 1048576 --max 10",
		Args: exactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			return store.Dump(vfs.Default, args[0], e.stdout, message.LogOffset(from), most)
		},
	}
	cmd.Flags().Int64Var(&from, "from", 0, "log `offset` to begin at")
	cmd.Flags().IntVar(&most, "max", 0, "most records to print, 0 for all")
	return cmd
}
