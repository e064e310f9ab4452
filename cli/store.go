package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store"
	"github.com/aerobee-mq/aerobee/store/inspect"
)

// newStore groups the commands that work on a store's directory: while no node uses it, but for backup.
func newStore(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Check, look into, export and copy the directory of a store",
		Example: "  aerobee store verify ./aerobee-data\n" +
			"  aerobee store dump ./aerobee-data --from 1048576 --max 10\n" +
			"  aerobee store export ./aerobee-data\n" +
			"  aerobee store backup ./copy",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStoreVerify(e), newStoreDump(e), newStoreExport(e), newStoreBackup(e))
	return cmd
}

// inUse reports whether an error says that another process has the store.
func inUse(err error) bool { return err != nil && strings.Contains(err.Error(), " is in use by ") }

// withoutErrno leaves out what the system calls a lock that it refuses: "resource temporarily unavailable" makes nobody wiser.
func withoutErrno(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+syscall.EAGAIN.Error())
}

// explainStore says what to try where there is no store, or a node has it.
func explainStore(err error) error {
	switch {
	case inUse(err):
		return &hint{withoutErrno(err) + "; stop that node first, or look at a copy of its store: aerobee store backup DIR", err}
	case errors.Is(err, fs.ErrNotExist):
		return &hint{err.Error() + "; give the directory that `aerobee serve` names when it starts, such as ./aerobee-data", err}
	}
	return err
}

func newStoreVerify(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "verify DIR",
		Short:   "Check every record, index block and number of a store, changing nothing",
		Example: "  aerobee store verify ./aerobee-data\n  aerobee store verify ./aerobee-data --json",
		Args:    exactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			problems := []inspect.Problem{}
			report, err := inspect.Verify(vfs.Default, args[0], func(p inspect.Problem) {
				if asJSON {
					problems = append(problems, p)
				} else {
					fmt.Fprintln(e.stdout, p)
				}
			})
			if err != nil {
				return explainStore(err)
			}
			if asJSON {
				err = json.NewEncoder(e.stdout).Encode(struct {
					inspect.VerifyReport
					Found []inspect.Problem `json:"found"`
				}{report, problems})
			} else {
				_, err = fmt.Fprintf(e.stdout, "%d segments, %d records (%d messages, %d state), %d bytes, %d blocks, %d problems\n", report.Segments,
					report.Records, report.Records-report.States, report.States, report.Bytes, report.Blocks, report.Problems)
			}
			if report.Problems > 0 {
				err = errors.Join(err, fmt.Errorf("%s has %d problems", args[0], report.Problems))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newStoreDump(e env) *cobra.Command {
	var from int64
	var most int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dump DIR",
		Short: "Print the records of a store's commit log, one line each",
		Example: "  aerobee store dump ./aerobee-data\n" +
			"  aerobee store dump ./aerobee-data --from 1048576 --max 10 --json",
		Args: exactArgs("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			out := bufio.NewWriter(e.stdout)
			lines := json.NewEncoder(out)
			err := inspect.Dump(vfs.Default, args[0], message.LogOffset(from), most, func(l inspect.DumpLine) error {
				if asJSON {
					return lines.Encode(l)
				}
				_, err := fmt.Fprintln(out, l)
				return err
			})
			return errors.Join(explainStore(err), out.Flush())
		},
	}
	cmd.Flags().Int64Var(&from, "from", 0, "log `OFFSET` to begin at")
	cmd.Flags().IntVar(&most, "max", 0, "most records to print, `N`; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

func newStoreExport(e env) *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Make a store ready for Apache RocketMQ 5.5.0 to open",
		Long: "Make a store ready for Apache RocketMQ 5.5.0 to open, with storePathRootDir=DIR. Nothing is delivered twice: offsets, queue\n" +
			"numbers and messages that wait for their time go on where they stand. The store stays good for Aerobee too.\n" +
			"Settings that concern the store (messageDelayLevel) are read as `aerobee serve` reads them.",
		Example: "  aerobee store export ./aerobee-data\n  aerobee store export ./aerobee-data -c broker.conf --json",
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt, err := exportOptions(file, e.environ, args[0])
			if err != nil {
				return usageError{error: err}
			}
			report, err := store.Export(opt, 0)
			if err != nil {
				return explainStore(err)
			}
			if asJSON {
				return json.NewEncoder(e.stdout).Encode(report)
			}
			_, err = fmt.Fprintf(e.stdout, "%d topics, %d groups, %d queues; %d delayed messages wait, %d of them were put in line; "+
				"%d transactions are open; %d popped messages wait to come again\n"+
				"Start Apache RocketMQ with storePathRootDir=%s and mappedFileSizeCommitLog=%d\n",
				report.Topics, report.Groups, report.Queues, report.Delayed, report.Moved, report.Halves, report.Popped, args[0], report.SegmentSize)
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "properties `FILE` with settings, as Apache's broker.conf")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// exportOptions are the options of the store in dir, with the delay levels of the settings.
func exportOptions(file string, environ []string, dir string) (store.Options, error) {
	cfg, _, err := loadConfig(config.Source{}, file, environ, config.Source{Name: "flags", Pairs: []config.Property{{Key: "data", Value: dir}}})
	if err != nil {
		return store.Options{}, err
	}
	levels, err := message.ParseDelayLevels(cfg.DelayLevels)
	if err != nil {
		return store.Options{}, fmt.Errorf("messageDelayLevel: %w", err)
	}
	return store.Options{FS: vfs.Default, Dir: dir, DelayLevels: levels, StoreHost: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 10911)}, nil
}
